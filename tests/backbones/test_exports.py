"""Exported networks: made once, used without torch, and never in the way when they can't be."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from engine.backbones import Backbone, devices, export_backbone, is_exported, load_backbone
from engine.backbones.families.timm import TimmModel
from engine.backbones.pretrained import Network
from engine.backbones.runtimes import export as export_module
from engine.backbones.runtimes.onnx import OnnxRuntime
from engine.errors import BackboneError, BackboneUnavailableError
from engine.types import ByteArray


@pytest.fixture
def name(tiny_checkpoint: Path) -> str:
    return f"timm:test_vit@{tiny_checkpoint}"


@pytest.fixture
def exported(name: str, cache_dir: Path) -> Path:
    """The shared cache, with the tiny model in it."""
    if not is_exported(name, cache_dir=cache_dir):
        export_backbone(name, cache_dir=cache_dir)
    return cache_dir


@pytest.fixture
def own_cache(exported: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    folder = tmp_path / "cache" / "onnx"
    folder.mkdir(parents=True)
    for path in (exported / "onnx").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder.parent


@pytest.fixture
def no_torch_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Building a network in torch fails the test."""

    def refuse(*_: object) -> Network:
        raise AssertionError("the network was built in torch")

    monkeypatch.setattr(TimmModel, "network", refuse)


def load(name: str, cache: Path, **options: object) -> Backbone:
    return load_backbone(name, device="cpu", cache_dir=cache, threads=1, **options)  # type: ignore[arg-type]


def batch_for(backbone: Backbone) -> ByteArray:
    side = backbone.preprocessing.image_size
    return np.random.default_rng(0).integers(0, 256, (3, side, side, 3), dtype=np.uint8)


def test_the_first_load_exports_and_says_so_and_later_ones_do_not(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_exported(name, cache_dir=tmp_path)
    first = load(name, tmp_path)
    assert first.runtime == "onnxruntime"
    loud = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.message.partition(" ")[0] for record in loud] == ["preparing"]
    assert is_exported(name, cache_dir=tmp_path)
    caplog.clear()
    monkeypatch.setattr(TimmModel, "network", None)
    second = load(name, tmp_path)
    assert not caplog.records
    assert (second.space, second.preprocessing) == (first.space, first.preprocessing)
    batch = batch_for(first)
    np.testing.assert_array_equal(second.features(batch), first.features(batch))
    files = sorted(path.suffix for path in (tmp_path / "onnx").iterdir())
    assert files == [".json", ".onnx"]  # and nothing left over


def test_both_runtimes_share_a_space_and_give_the_same_features(name: str, exported: Path) -> None:
    fast, plain = load(name, exported), load(name, exported, runtime="torch")
    assert (fast.runtime, plain.runtime) == ("onnxruntime", "torch")
    assert fast.space == plain.space
    assert fast.preprocessing == plain.preprocessing
    batch = batch_for(fast)
    np.testing.assert_allclose(fast.features(batch), plain.features(batch), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("pictures", [1, 2, 3, 19])
def test_a_batch_divided_among_threads_keeps_its_order(
    name: str, exported: Path, threads: int, pictures: int
) -> None:
    fast = load_backbone(name, device="cpu", cache_dir=exported, threads=threads)
    plain = load(name, exported, runtime="torch")
    side = fast.preprocessing.image_size
    batch = np.random.default_rng(1).integers(0, 256, (pictures, side, side, 3), dtype=np.uint8)
    np.testing.assert_allclose(fast.features(batch), plain.features(batch), rtol=1e-3, atol=1e-4)


def test_an_exported_backbone_needs_neither_torch_nor_its_library(
    name: str, exported: Path
) -> None:
    script = """
import sys
from pathlib import Path
import numpy as np
from engine.backbones import load_backbone
from engine.features import Embedder
from engine.testing.pictures import noise
embedder = Embedder(load_backbone(sys.argv[1], device="cpu", cache_dir=Path(sys.argv[2])))
assert embedder.backbone.runtime == "onnxruntime"
embedder.embed([noise(64, 64)])
heavy = {"torch", "torchvision", "timm", "open_clip", "onnx", "sklearn", "huggingface_hub"}
print(sorted(heavy & set(sys.modules)))
"""
    command = [sys.executable, "-W", "error", "-c", script, name, str(exported)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_driver_that_torch_cannot_use_does_not_cost_the_fast_path(
    name: str, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "_may_have_accelerator", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert load_backbone(name, cache_dir=exported).runtime == "onnxruntime"
    with pytest.raises(
        BackboneError, match="torch can't use the device 'cuda' here; it can use cpu"
    ):
        load_backbone(name, device="cuda", cache_dir=exported)


def test_importing_backbones_loads_nothing_heavy() -> None:
    script = "import sys, engine.backbones, engine.features; print(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    heavy = {"torch", "timm", "open_clip", "onnx", "onnxruntime", "sklearn", "huggingface_hub"}
    assert not heavy & set(done.stdout.split())


def test_a_checkpoint_that_changed_is_exported_anew(
    tiny_model: torch.nn.Module, tmp_path: Path
) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(tiny_model.state_dict(), path)
    name = f"timm:test_vit@{path}"
    before = load(name, tmp_path)
    changed = {key: tensor * 1.5 for key, tensor in tiny_model.state_dict().items()}
    save_file(changed, path)
    assert not is_exported(name, cache_dir=tmp_path)
    after = load(name, tmp_path)
    assert after.space.id != before.space.id
    batch = batch_for(before)
    assert not np.allclose(before.features(batch), after.features(batch))


@pytest.mark.usefixtures("no_torch_models")
def test_a_checkpoint_that_was_only_touched_is_not(
    name: str, tiny_checkpoint: Path, own_cache: Path
) -> None:
    status = tiny_checkpoint.stat()
    os.utime(tiny_checkpoint, ns=(status.st_atime_ns, status.st_mtime_ns + 10**9))
    assert load(name, own_cache).runtime == "onnxruntime"


@pytest.mark.usefixtures("exported")
def test_a_checkpoint_that_is_gone_is_an_error_though_it_was_exported(
    name: str, tiny_checkpoint: Path, cache_dir: Path, tmp_path: Path
) -> None:
    moved = tiny_checkpoint.rename(tmp_path / "moved")
    try:
        with pytest.raises(BackboneUnavailableError, match="expected a checkpoint file at"):
            load(name, cache_dir)
    finally:
        moved.rename(tiny_checkpoint)


@pytest.mark.parametrize("damage", ["truncated", "garbage", "empty", "gone"])
def test_a_damaged_export_is_made_anew(name: str, own_cache: Path, damage: str) -> None:
    space = load(name, own_cache).space
    path = own_cache / "onnx" / f"{space.id}.onnx"
    if damage == "gone":
        path.unlink()
    else:
        whole = path.read_bytes()
        path.write_bytes({"truncated": whole[:9999], "garbage": b"x" * 99, "empty": b""}[damage])
    again = load(name, own_cache)
    assert again.runtime == "onnxruntime"
    assert again.space == space
    OnnxRuntime(path)  # what is stored now is whole


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 0}', '{"format": 1}'])
def test_a_damaged_record_counts_as_none(name: str, own_cache: Path, text: str) -> None:
    for record in (own_cache / "onnx").glob("*.json"):
        record.write_text(text)
    assert not is_exported(name, cache_dir=own_cache)


def test_a_network_that_cannot_be_exported_runs_with_torch_and_is_not_tried_again(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def fail(*_: object, **__: object) -> None:
        tries.append(1)
        raise RuntimeError("no such operator\nand a long trace")

    monkeypatch.setattr(torch.onnx, "export", fail)
    for _ in range(2):
        caplog.clear()
        backbone = load(name, tmp_path)
        assert backbone.runtime == "torch"
        assert backbone.features(batch_for(backbone)).shape == (3, 64)
        said = [record.message for record in caplog.records if "not ONNX Runtime" in record.message]
        assert len(said) == 1
        assert said[0].endswith("torch can't export it: no such operator")
    assert len(tries) == 1
    assert not is_exported(name, cache_dir=tmp_path)
    with pytest.raises(BackboneError, match="no such operator"):
        load(name, tmp_path, runtime="onnxruntime")
    assert len(tries) == 2  # asked for by name, it is tried again
    monkeypatch.undo()
    export_backbone(name, cache_dir=tmp_path)
    assert load(name, tmp_path).runtime == "onnxruntime"


def test_an_export_that_gives_other_features_than_torch_is_not_used(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = export_module.Normalised

    class Dishonest(honest):  # type: ignore[misc, valid-type]
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            return super().forward(255 - batch)

    monkeypatch.setattr(export_module, "Normalised", Dishonest)
    with pytest.raises(BackboneError, match=r"a cosine of at least 0\.9999 to torch's but got"):
        export_backbone(name, cache_dir=tmp_path)
    assert not list(tmp_path.rglob("*.onnx"))
    assert load(name, tmp_path).runtime == "torch"


def test_a_cache_that_cannot_be_written_is_no_obstacle(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    backbone = load(name, tmp_path / "file")
    assert backbone.runtime == "torch"
    assert "can't be written" in caplog.text


def test_the_cache_follows_the_environment(
    name: str, own_cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ONELOOK_CACHE_DIR", str(own_cache))
    assert is_exported(name)
    monkeypatch.delenv("ONELOOK_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert not is_exported(name)
    own_cache.rename(tmp_path / "onelook")
    assert is_exported(name)


def test_records_say_what_an_export_was_made_from(name: str, exported: Path) -> None:
    records = [json.loads(path.read_text()) for path in (exported / "onnx").glob("timm*.json")]
    record = next(each for each in records if each["space"]["backbone"] == name)
    assert record["weights"]["path"] == name.partition("@")[2]
    assert record["failure"] is None
