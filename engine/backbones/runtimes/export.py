"""torch -> ONNX: done once for each network, and checked on photographs before it is used."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ...errors import BackboneError, ImageError
from ...images import load_image
from ...types import ByteArray
from ..pretrained import Network
from .base import INPUT_NAME, LEAST_COSINE, OUTPUT_NAME, least_cosine
from .onnx import OnnxRuntime
from .torch import Normalised, TorchRuntime


def export(network: Network, path: Path) -> None:
    """Writes a network, normalisation included, as ONNX, and checks it against torch.

    Raises:
        BackboneError: it can't be exported, or the export gives other features than torch.
    """
    size = network.preprocessing.image_size
    module = Normalised(network.module, network.preprocessing).eval()
    example = torch.zeros((2, size, size, 3), dtype=torch.uint8)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # about the exporter's own insides
            torch.onnx.export(
                module,
                (example,),
                path,
                input_names=[INPUT_NAME],
                output_names=[OUTPUT_NAME],
                dynamic_shapes=({0: torch.export.Dim("n")},),
                external_data=False,
                dynamo=True,
                verbose=False,
            )
    except Exception as error:  # the exporter raises whatever its many parts raise
        reason = str(error).strip().partition("\n")[0]
        raise BackboneError(f"torch can't export it: {reason}") from error
    _check(network, path)


def _check(network: Network, path: Path) -> None:
    pictures = _pictures(network)
    expected = TorchRuntime(network, "cpu")(pictures)
    exported = OnnxRuntime(path)
    for batch, reference in ((pictures, expected), (pictures[:1], expected[:1])):
        features = exported(batch)
        if features.shape != reference.shape:
            raise BackboneError(
                f"expected exported features of shape {reference.shape} but got {features.shape}"
            )
        least = least_cosine(features, reference)
        if not least >= LEAST_COSINE:  # so that NaN fails too
            raise BackboneError(
                f"expected exported features with a cosine of at least {LEAST_COSINE} to torch's "
                f"but got {least:.6f}"
            )


def _pictures(network: Network) -> ByteArray:
    """Eight prepared photographs: the quarters of the two that scikit-learn ships."""
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise BackboneError("checking an export needs scikit-learn's sample pictures")
    folder = Path(package.origin).parent / "datasets" / "images"
    quarters: list[Image.Image] = []
    try:
        for photograph in ("china.jpg", "flower.jpg"):
            pixels = load_image(folder / photograph).pixels
            x, y = pixels.width // 2, pixels.height // 2
            quarters += [pixels.crop((u, v, u + x, v + y)) for u in (0, x) for v in (0, y)]
    except ImageError as error:
        raise BackboneError(f"checking an export needs its sample pictures: {error}") from error
    return np.stack([network.preprocessing.prepare(quarter) for quarter in quarters])
