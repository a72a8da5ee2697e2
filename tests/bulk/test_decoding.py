"""Processes that load pictures for threads: the same as without, whatever becomes of them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.boxes import Box, Crop
from engine.bulk import decoding
from engine.bulk.decoding import loading
from engine.bulk.loading import Loaded, Prepared, Unchanged
from engine.bulk.pipeline import BulkOptions, enroll_items
from engine.bulk.sources import Item, item_of, items
from engine.features import Embedder, FeatureExtractor
from engine.gallery import Gallery
from engine.images import content_hash
from engine.testing.fake_backbone import FakeBackbone
from engine.testing.pictures import noise
from engine.types import KeepPictures, Reject

KEEP = KeepPictures.BOUNDED


@pytest.fixture
def extractor() -> FeatureExtractor:
    return FeatureExtractor(Embedder(FakeBackbone()))


@pytest.fixture
def load(extractor: FeatureExtractor, monkeypatch: pytest.MonkeyPatch) -> Iterator[decoding.Load]:
    monkeypatch.setattr(decoding, "AT_FIRST", 0)
    monkeypatch.setattr(decoding, "PATIENCE", 60)
    with loading(extractor, KEEP, 20, processes=True) as load:
        yield load


def picture(folder: Path, seed: int = 0) -> Path:
    path = folder / f"{seed}.png"
    noise(90, 70, seed).save(path)
    return path


def item(image: object) -> Item:
    return item_of("cup", image, {})  # type: ignore[arg-type]


def assert_same(found: Loaded, expected: Loaded) -> None:
    if not isinstance(expected, Prepared):
        assert found == expected
        return
    assert isinstance(found, Prepared)
    np.testing.assert_array_equal(found.prepared.pixels, expected.prepared.pixels)
    for name in ("content_hash", "width", "height", "warnings", "picture", "local_features"):
        assert getattr(found.prepared.facts, name) == getattr(expected.prepared.facts, name)


def test_a_process_loads_what_a_thread_would(
    extractor: FeatureExtractor, load: decoding.Load, tmp_path: Path
) -> None:
    path = picture(tmp_path)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    blank = Image.new("RGB", (50, 40), "red")
    images = [path, path.read_bytes(), Crop(path, Box.of((0, 0, 0.5, 0.5))), broken, blank]
    digest = content_hash(path)
    entries = [(item(image), []) for image in images]
    entries += [(item(path), [(7, digest)]), (item(path), [(7, "another")])]  # type: ignore[list-item]
    with loading(extractor, KEEP, 20, processes=False) as here:
        expected = [here(entry) for entry in entries]
    assert [type(each) for each in expected] == [
        *[Prepared] * 3, Reject, Prepared, Unchanged, Prepared
    ]  # fmt: skip
    for entry, one in zip(entries, expected, strict=True):
        assert_same(load(entry), one)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_a_process_that_was_killed_is_started_again(
    load: decoding.Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = []
    start = decoding.subprocess.Popen

    def noted(*given: object, **more: object) -> object:
        process = start(*given, **more)  # type: ignore[call-overload]
        ids.append(process.pid)
        return process

    monkeypatch.setattr(decoding.subprocess, "Popen", noted)
    assert isinstance(load((item(picture(tmp_path, 1)), [])), Prepared)
    os.kill(ids[0], signal.SIGKILL)
    assert isinstance(load((item(picture(tmp_path, 2)), [])), Prepared)
    assert len(ids) == 2


def test_a_picture_that_ends_its_process_is_refused(
    load: decoding.Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    greets = "import pickle, sys; pickle.dump('ready', sys.stdout.buffer); sys.stdout.flush()"
    monkeypatch.setattr(decoding, "COMMAND", [sys.executable, "-c", f"{greets}; sys.exit(3)"])
    found = load((item(picture(tmp_path)), []))
    assert isinstance(found, Reject)
    assert "exit status 3" in found.reason


@pytest.mark.parametrize("program", [sys.executable, ""], ids=["ends", "is not there"])
def test_where_no_process_can_be_begun_threads_load(
    load: decoding.Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    """As where Python is embedded: `sys.executable` is another program, or none."""
    monkeypatch.setattr(decoding, "COMMAND", [program, "-c", "raise SystemExit(3)"])
    for seed in range(3):
        assert isinstance(load((item(picture(tmp_path, seed)), [])), Prepared)


def test_an_enrolment_with_processes_ends_them_and_gives_the_same_gallery(
    extractor: FeatureExtractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "AT_FIRST", 0)
    monkeypatch.setattr(decoding, "PATIENCE", 60)
    started = []
    start = decoding._Process._start

    def noted(self: decoding._Process) -> object:
        started.append(start(self))
        return started[-1]

    monkeypatch.setattr(decoding._Process, "_start", noted)
    source = tmp_path / "pictures"
    source.mkdir()
    for seed in range(40):
        picture(source, seed)
    (source / "broken.png").write_bytes(b"no picture")
    held = []
    for processes in (False, True):
        place = tmp_path / f"{processes}.gallery"
        options = BulkOptions(origin=str(source), workers=3, processes=processes)
        with Gallery.create(place, space=extractor.space) as gallery:
            report = enroll_items(gallery, extractor, items(source), options)
            assert (report.added, report.rejected) == (40, 1)
            with gallery.catalog.read() as read:
                listed = read.examples.listed()
                batch = read.embeddings.of(extractor.space.id, [each.id for each in listed])
            told = [(each.label, each.content_hash) for each in listed]
            held.append((told, batch.vectors.tobytes()))
    assert held[0] == held[1]
    assert 1 <= len(started) <= 3
    assert all(process.poll() == 0 for process in started)


def test_until_its_process_is_there_a_thread_loads_itself_and_a_late_one_is_ended(
    extractor: FeatureExtractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "AT_FIRST", 0)
    monkeypatch.setattr(decoding, "COMMAND", [sys.executable, "-c", "import time; time.sleep(600)"])
    with loading(extractor, KEEP, 0, processes=True) as load:
        assert isinstance(load((item(picture(tmp_path)), [])), Prepared)
