"""A gallery that names a network on a hub makes nobody ask the hub: only a user's word does."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.backbones import hub, load_backbone
from engine.backbones.families.fine_tuned import DESCRIPTION
from engine.backbones.names import names_windows_share
from engine.errors import BackboneUnavailableError
from engine.gallery import Gallery
from engine.recognizer import Recognizer
from engine.types import KeepPictures, Space
from tests.conftest import quarters

ON_A_HUB = (
    "open_clip:ViT-B-32/laion2b_s34b_b79k",
    "open_clip:RN50/yfcc15m",
    "timm:resnet18.a1_in1k",
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Whom anything wanted to ask."""
    asked: list[str] = []

    def note(name: str, url: str, tried: str) -> None:
        asked.append(url)
        raise hub.unavailable(name, tried, "a test")

    monkeypatch.setattr(hub, "require_reachable", note)
    monkeypatch.setenv("ONELOOK_CACHE_DIR", str(tmp_path / "cache"))
    return asked


def foreign(folder: Path, backbone: str) -> Path:
    """A gallery that a stranger made with that backbone."""
    space = Space(backbone, "0" * 64, "1" * 64, 512)
    Gallery.create(folder, space=space, keep_pictures=KeepPictures.NONE).close()
    return folder


@pytest.mark.parametrize("name", ON_A_HUB)
def test_a_gallery_alone_asks_no_hub(asked: list[str], tmp_path: Path, name: str) -> None:
    with (
        Recognizer.open(foreign(tmp_path / "g", name)) as recognizer,
        pytest.raises(BackboneUnavailableError, match="because a gallery says so") as caught,
    ):
        recognizer.recognize(quarters(1))

    assert not asked
    assert f"--backbone {name}" in str(caught.value)


def test_nor_does_a_fine_tuned_folder_that_a_gallery_names(
    asked: list[str], tmp_path: Path
) -> None:
    tuned = tmp_path / "tuned"
    tuned.mkdir()
    (tuned / DESCRIPTION).write_text(f'{{"format": 1, "base": "{ON_A_HUB[2]}"}}')
    (tuned / "weights.safetensors").write_bytes(b"nothing")

    with (
        Recognizer.open(foreign(tmp_path / "g", str(tuned))) as recognizer,
        pytest.raises(BackboneUnavailableError, match="because a gallery says so"),
    ):
        recognizer.recognize(quarters(1))

    assert not asked


@pytest.mark.parametrize("how", ["argument", "setting", "alone"])
def test_a_users_word_asks_it(
    asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    name = ON_A_HUB[2]
    folder = foreign(tmp_path / "g", name)
    if how == "setting":
        monkeypatch.setenv("ONELOOK_BACKBONE", name)

    def recognise() -> None:
        with Recognizer.open(folder, backbone=name if how == "argument" else None) as recognizer:
            recognizer.recognize(quarters(1))

    with pytest.raises(BackboneUnavailableError, match="a test"):
        load_backbone(name) if how == "alone" else recognise()

    assert asked


@pytest.mark.parametrize(
    "name", ["timm:resnet18@\\\\evil\\share\\w", "\\\\evil\\share", "//evil/s"]
)
def test_names_of_files_on_other_machines_are_told_for_windows(name: str) -> None:
    assert names_windows_share(name)
    assert not names_windows_share("timm:resnet18@C:/weights.bin")
    assert not names_windows_share("open_clip:ViT-B-32/C:\\weights.bin")
