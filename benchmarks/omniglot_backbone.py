"""A trained glyph network as one of the engine's backbones."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

import numpy as np
from PIL import Image

from benchmarks.omniglot_data import SIDE, prepare_glyph
from benchmarks.omniglot_recipe import DIMENSION, INPUT, POSES, GlyphNetwork, embed_glyphs
from engine.backbones import Backbone, Preprocessing
from engine.types import ByteArray, FloatArray, Space


class GlyphBackbone(Backbone):
    """Crops a drawing to its ink and embeds it as the mean over a few poses.

    Args:
        network: trained, in eval mode.
    """

    def __init__(self, network: GlyphNetwork) -> None:
        self._network = network
        self.name = "omniglot-glyphs"
        self.preprocessing = Preprocessing(image_size=SIDE, resize=SIDE, fit="squash")
        views = {"side": SIDE, "input": INPUT, "poses": [asdict(pose) for pose in POSES]}
        self.space = Space(
            backbone=self.name,
            weights_hash=_weights_hash(network),
            preprocessing_hash=hashlib.sha256(json.dumps(views).encode()).hexdigest(),
            dimension=DIMENSION,
        )
        self.device = str(next(network.parameters()).device)
        self.runtime = "torch"

    def prepare(self, image: Image.Image) -> ByteArray:
        """`(SIDE, SIDE, 3) uint8`, the ink in each channel."""
        return np.repeat(prepare_glyph(image)[:, :, None], 3, axis=2)

    def _features(self, batch: ByteArray) -> FloatArray:
        return embed_glyphs(self._network, np.ascontiguousarray(batch[..., 0]), POSES)


def _weights_hash(network: GlyphNetwork) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.cpu().numpy().tobytes())
    return digest.hexdigest()
