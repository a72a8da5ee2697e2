"""Names of backbones, and what is wrong with others."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.backbones import DEFAULT_BACKBONE, available_backbones, load_backbone
from engine.backbones.families.open_clip import OpenClipModel
from engine.backbones.families.timm import TimmModel
from engine.backbones.names import named
from engine.errors import BackboneError
from engine.testing.fake_backbone import FakeBackbone


def test_the_default_is_available() -> None:
    assert DEFAULT_BACKBONE in available_backbones()
    assert named(DEFAULT_BACKBONE).name == DEFAULT_BACKBONE


def test_a_name_keeps_its_parts() -> None:
    assert named("timm:resnet18.a1_in1k") == TimmModel(
        "timm:resnet18.a1_in1k", "resnet18.a1_in1k", None
    )
    assert named("open_clip:ViT-B-32/openai") == OpenClipModel(
        "open_clip:ViT-B-32/openai", "ViT-B-32", "openai", None
    )
    assert named("open_clip:ViT-B-32/openai@/weights/a@b.pt") == OpenClipModel(
        "open_clip:ViT-B-32/openai@/weights/a@b.pt", "ViT-B-32", "openai", Path("/weights/a@b.pt")
    )


def test_a_relative_or_home_path_becomes_absolute(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    expected = f"timm:test_vit@{tmp_path / 'a.pth'}"
    assert named("timm:test_vit@a.pth").name == named("timm:test_vit@~/a.pth").name == expected


@pytest.mark.parametrize(
    "name",
    [
        "",
        "resnet18",
        "efficientnet-lite9",
        "efficientnet-lite0:x",
        "Efficientnet-Lite0",
        "timm:",
        "timm:test_vit@",
        "open_clip:",
        "open_clip:ViT-B-32",
        "open_clip:/openai",
    ],
)
def test_other_names_are_refused_with_what_was_expected(name: str) -> None:
    with pytest.raises(BackboneError, match="expected"):
        load_backbone(name)


def test_the_fake_is_loaded_by_name_and_has_variants() -> None:
    fake, other = load_backbone("fake"), load_backbone("fake:1")
    assert isinstance(fake, FakeBackbone)
    assert fake.space == FakeBackbone().space
    assert other.name == "fake:1"
    assert other.space.id != fake.space.id
    assert other.space.dimension == fake.space.dimension
    with pytest.raises(BackboneError, match="fake:NUMBER"):
        load_backbone("fake:one")


@pytest.mark.parametrize("device", ["gpu", "cuda2", ""])
def test_an_unknown_device_is_refused(device: str) -> None:
    with pytest.raises(BackboneError, match="expected a device of auto, cpu, cuda, mps"):
        load_backbone(device=device)


def test_an_unknown_runtime_is_refused() -> None:
    with pytest.raises(BackboneError, match="expected a runtime of auto, torch, onnxruntime"):
        load_backbone(runtime="tensorrt")


def test_onnxruntime_is_refused_on_an_accelerator() -> None:
    with pytest.raises(BackboneError, match="runs on the CPU, not on 'cuda'"):
        load_backbone(device="cuda", runtime="onnxruntime")
