"""The default network: its files are whole, its runtimes agree, its embeddings stay as they are."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from engine.backbones import (
    DEFAULT_BACKBONE,
    Backbone,
    export_backbone,
    is_exported,
    load_backbone,
)
from engine.backbones.families.onelook_lite import FOLDER, NAME, OnelookLite
from engine.errors import BackboneError, BackboneUnavailableError
from engine.features import Embedder
from engine.recognizer import Recognizer

pytestmark = pytest.mark.weights

REFERENCE = Path(__file__).parent.parent / "assets" / "onelook_lite0_embeddings.npz"
MOST_BYTES = 10_000_000
LEAST_COSINE = 0.9999


def photograph(name: str) -> Image.Image:
    return Image.fromarray(getattr(skimage.data, name)())


@pytest.fixture(scope="module")
def both(cache_dir: Path) -> tuple[Backbone, Backbone]:
    """The network by ONNX Runtime and by torch."""
    runtimes = ("onnxruntime", "torch")
    fast, plain = (
        load_backbone(NAME, device="cpu", runtime=runtime, threads=1, cache_dir=cache_dir)
        for runtime in runtimes
    )
    return fast, plain


@pytest.fixture
def copied(tmp_path: Path) -> OnelookLite:
    """The network in a folder of the test's own."""
    folder = tmp_path / "weights"
    shutil.copytree(FOLDER, folder)
    return OnelookLite(folder=folder)


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_it_is_the_default() -> None:
    assert DEFAULT_BACKBONE == NAME


def test_embeddings_equal_the_stored_reference(both: tuple[Backbone, Backbone]) -> None:
    """The reference was made by timm's own model after Pillow's scaling, and none of this code."""
    with np.load(REFERENCE) as reference:
        expected = np.stack([reference[name] for name in reference])
        for backbone in both:
            embeddings = Embedder(backbone).embed(photograph(name) for name in reference)
            cosines = np.sum(embeddings * expected, axis=1)
            assert cosines.min() >= LEAST_COSINE, backbone.runtime


def test_the_space_is_the_same_under_both_runtimes(both: tuple[Backbone, Backbone]) -> None:
    fast, plain = both
    assert (fast.runtime, plain.runtime) == ("onnxruntime", "torch")
    assert fast.space == plain.space
    assert fast.preprocessing == plain.preprocessing
    names = ("astronaut", "cat", "coffee", "colorwheel", "rocket")
    first, second = (Embedder(b).embed(photograph(name) for name in names) for b in both)
    assert np.sum(first * second, axis=1).min() >= LEAST_COSINE


def test_no_first_query_waits_for_torch_or_an_export(tmp_path: Path) -> None:
    code = (
        "import sys; from PIL import Image; from engine.backbones import load_backbone\n"
        "backbone = load_backbone(device='cpu')\n"
        "backbone.features(backbone.prepare(Image.new('RGB', (300, 200)))[None])\n"
        "print(backbone.runtime, 'torch' in sys.modules, 'timm' in sys.modules)"
    )
    environment = {"ONELOOK_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert done.stdout.split() == ["onnxruntime", "False", "False"]
    assert not done.stderr
    assert not list(tmp_path.iterdir())


def test_it_needs_no_export(tmp_path: Path) -> None:
    assert is_exported(NAME, cache_dir=tmp_path)
    assert export_backbone(NAME, cache_dir=tmp_path) == FOLDER / f"{NAME}.onnx"
    assert not list(tmp_path.iterdir())


def test_its_files_are_small_and_described() -> None:
    record = json.loads((FOLDER / f"{NAME}.json").read_text())
    for suffix in ("onnx", "safetensors"):
        assert (FOLDER / f"{NAME}.{suffix}").stat().st_size < MOST_BYTES
    assert record["space"]["backbone"] == NAME
    assert 0 < record["made_of"]["share_of_trained"] <= 1


def test_a_damaged_exported_network_is_not_run(copied: OnelookLite) -> None:
    assert copied.shipped() is not None
    damage(copied.folder / f"{NAME}.onnx")
    assert OnelookLite(folder=copied.folder).shipped() is None


def test_damaged_weights_are_refused(copied: OnelookLite) -> None:
    damage(copied.weights())
    with pytest.raises(BackboneError, match=r"SHA-256 .* install onelook again"):
        copied.network(copied.weights())


def test_weights_that_are_gone_are_named(copied: OnelookLite) -> None:
    copied.weights().unlink()
    with pytest.raises(BackboneUnavailableError, match=r"onelook-lite0\.safetensors"):
        copied.weights()


@pytest.mark.parametrize("text", ["", "{}", "no JSON"])
def test_a_description_that_says_nothing_is_named(copied: OnelookLite, text: str) -> None:
    (copied.folder / f"{NAME}.json").write_text(text)
    with pytest.raises(BackboneUnavailableError, match=r"onelook-lite0\.json"):
        copied.shipped()


@pytest.mark.parametrize("name", [f"{NAME}@weights.pt", f"{NAME}:large"])
def test_it_takes_no_other_weights(name: str) -> None:
    with pytest.raises(BackboneError, match="expected onelook-lite0 without more"):
        load_backbone(name)


def test_a_gallery_of_the_former_default_says_that_moving_is_worth_trying(
    tmp_path: Path,
    cache_dir: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ONELOOK_CACHE_DIR", str(cache_dir))
    with Recognizer.open(tmp_path / "old", create=True, backbone="efficientnet-lite0") as opened:
        opened.enroll("cat", photograph("chelsea"))
    with caplog.at_level(logging.INFO, "onelook"), Recognizer.open(tmp_path / "old") as opened:
        assert opened.backbone.name == "efficientnet-lite0"
        advice = opened.gallery.describe().advice
        assert "onelook reembed --backbone onelook-lite0" in advice
        assert advice in caplog.text
        assert opened.recognize(photograph("chelsea")).candidates[0].label == "cat"


def test_a_fresh_gallery_uses_it_and_has_no_advice(tmp_path: Path) -> None:
    with Recognizer.open(tmp_path / "new", create=True) as opened:
        assert opened.gallery.describe().backbone == NAME
        assert opened.gallery.describe().advice is None
