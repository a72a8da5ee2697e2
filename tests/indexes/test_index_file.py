"""A file brings back what was saved, and a damaged one is never trusted."""

import io
import json
import os
import zlib
from pathlib import Path

import numpy as np
import pytest

from engine.errors import GalleryError
from engine.indexes import (
    IndexFileError,
    NumpyIndex,
    SketchedIndex,
    index_file,
    load_index,
    save_index,
)
from engine.indexes.compaction import Limits
from engine.indexes.faults import Fault
from engine.indexes.index_file import CRC_BYTES, HEADER_BYTES, MAGIC
from engine.indexes.sketch import Sketch
from engine.testing.vectors import unit_rows

DIMENSION = 8
COUNT = 3000


def exact_index() -> SketchedIndex:
    index = SketchedIndex(DIMENSION, background=False)
    index.add(np.arange(300)[::-1], unit_rows(300))
    return index


def sketched_index() -> SketchedIndex:
    index = SketchedIndex(DIMENSION, limits=Limits(approximate_from=1000), background=False)
    index.add(np.arange(COUNT), unit_rows(COUNT))
    index.compact()
    index.add(np.arange(COUNT, COUNT + 9), unit_rows(9, seed=7))  # these wait outside the sketch
    assert index.describe()["kind"] == "approximate"
    assert index.describe()["waiting"] == 9
    return index


@pytest.fixture(params=[exact_index, sketched_index])
def index(request: pytest.FixtureRequest) -> SketchedIndex:
    made: SketchedIndex = request.param()
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index.faiss"


def saved(index: SketchedIndex, path: Path) -> bytearray:
    save_index(index, path, generation=41, commit_id="c", space="abc")
    return bytearray(path.read_bytes())


def load(path: Path) -> SketchedIndex:
    return load_index(path, space="abc", dimension=DIMENSION)[0]


def test_what_was_saved_comes_back(index: SketchedIndex, path: Path) -> None:
    index.remove([3, 4])
    saved(index, path)
    loaded, generation, _ = load_index(path, space="abc", dimension=DIMENSION)
    assert generation == 41
    assert np.array_equal(loaded.ids(), index.ids())
    assert np.array_equal(loaded.vectors(index.ids()), index.vectors(index.ids()))
    told, its = index.describe(), loaded.describe()
    assert its.get("waiting", 0) - told.get("waiting", 0) in range(32)  # of a block not filled
    assert its | {"removed": 2, "waiting": 0} == told | {"waiting": 0}
    for ours, theirs in zip(
        loaded.search(unit_rows(20, seed=2), 5), index.search(unit_rows(20, seed=2), 5), strict=True
    ):
        assert np.array_equal(ours, theirs)


def test_a_sketch_that_this_faiss_cannot_read_is_made_anew(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    index = sketched_index()
    save_index(index, path, generation=1, commit_id="c", space="abc")

    def refuse(_class: type, data: object, fit: object) -> None:
        raise ValueError("FAISS can't read the codes")

    monkeypatch.setattr(Sketch, "from_bytes", classmethod(refuse))
    loaded = load_index(path, space="abc", dimension=DIMENSION)[0]
    query = unit_rows(1, DIMENSION, seed=3)
    assert loaded.state.sketch is not None
    assert loaded.state.sketch.unpacked() is None
    assert "can't read the codes" in caplog.text
    assert np.array_equal(loaded.search(query, 5)[1], index.search(query, 5)[1])
    save_index(loaded, path, generation=1, commit_id="c", space="abc")
    assert load(path).describe()["kind"] == "exact"


def test_codes_of_an_earlier_version_are_left_and_what_has_them_is_searched_exactly(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = sketched_index()
    monkeypatch.setattr(index_file, "CODES", 1)
    saved(index, path)
    monkeypatch.undo()
    loaded = load(path)
    assert loaded.describe()["kind"] == "exact"
    assert np.array_equal(loaded.vectors(index.ids()), index.vectors(index.ids()))


def test_an_empty_index_comes_back(path: Path) -> None:
    saved(SketchedIndex(DIMENSION), path)
    loaded = load(path)
    assert len(loaded) == 0
    loaded.add([1], unit_rows(1))
    assert loaded.search(unit_rows(1), 1)[1].tolist() == [[1]]


def test_any_kind_of_index_can_be_saved(path: Path) -> None:
    oracle = NumpyIndex(DIMENSION)
    oracle.add([7, 5], unit_rows(2))
    save_index(oracle, path, generation=1, commit_id="c", space="abc")
    assert np.array_equal(load(path).vectors([7, 5]), unit_rows(2))


def test_a_loaded_index_can_be_written_to_and_saved_again(index: SketchedIndex, path: Path) -> None:
    saved(index, path)
    loaded = load(path)
    loaded.add([9999], unit_rows(1, seed=5))
    loaded.remove([0, 1])
    loaded.compact()
    saved(loaded, path)  # over the file that is mapped
    again = load(path)
    assert np.array_equal(again.ids(), loaded.ids())
    assert np.array_equal(again.vectors([9999, 2]), loaded.vectors([9999, 2]))


def test_a_removed_vector_is_in_no_file(index: SketchedIndex, path: Path) -> None:
    secret = index.vectors([17])
    assert secret.tobytes() in saved(index, path)
    index.remove([17])
    assert secret.tobytes() not in saved(index, path)


def test_a_sketch_that_was_too_poor_is_not_tried_again_after_opening(path: Path) -> None:
    centres = np.repeat(unit_rows(20, 16), 1500, axis=0)
    rows = centres + 0.02 * unit_rows(30_000, 16, seed=1)
    index = SketchedIndex(16, background=False)
    index.add(np.arange(30_000), rows / np.linalg.norm(rows, axis=1, keepdims=True))
    index.compact()
    save_index(index, path, generation=1, commit_id="c", space="abc")
    loaded, *_ = load_index(path, space="abc", dimension=16)
    assert loaded.describe() == index.describe()
    assert not loaded.compaction_due


@pytest.mark.parametrize(
    "place",
    [0, 1, 7, 8, 11, 12, 4095, 4096, 4097, 5000, -5000, -1300, -1200, -100, -1],
)
def test_a_file_cut_short_anywhere_is_refused(index: SketchedIndex, path: Path, place: int) -> None:
    path.write_bytes(saved(index, path)[:place])
    with pytest.raises(IndexFileError) as caught:
        load(path)
    assert caught.value.fault is Fault.TRUNCATED
    assert str(path) in str(caught.value)


def test_a_file_with_something_after_its_end_is_refused(index: SketchedIndex, path: Path) -> None:
    path.write_bytes(saved(index, path) + b"\0")
    with pytest.raises(IndexFileError):
        load(path)


def test_one_flipped_bit_is_noticed_wherever_it_is(index: SketchedIndex, path: Path) -> None:
    data = saved(index, path)
    places = np.random.default_rng(0).integers(len(data), size=150).tolist()
    for place in [0, 9, 13, 2000, 4095, 4096, len(data) - 1, *places]:
        damaged = bytearray(data)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(IndexFileError):
            load(path)


@pytest.mark.parametrize("content", [b"\0", b"\xff", b"another page of another file "])
def test_an_overwritten_page_is_noticed_wherever_it_is(
    index: SketchedIndex, path: Path, content: bytes
) -> None:
    data = saved(index, path)
    for start in range(0, len(data) - 512, 512 * 17):
        damaged = bytearray(data)
        damaged[start : start + 512] = (content * 512)[:512]
        path.write_bytes(damaged)
        with pytest.raises(IndexFileError):
            load(path)


def test_vectors_that_changed_places_are_noticed(index: SketchedIndex, path: Path) -> None:
    data = saved(index, path)
    row = 4 * DIMENSION
    data[4096 : 4096 + 2 * row] = data[4096 + row : 4096 + 2 * row] + data[4096 : 4096 + row]
    path.write_bytes(data)
    with pytest.raises(IndexFileError, match="vectors were overwritten"):
        load(path)


@pytest.mark.parametrize(
    ("space", "dimension", "complaint"),
    [
        ("abd", DIMENSION, "expected vectors of space abd but got abc"),
        ("abc", 9, "expected vectors of dimension 9 but got 8"),
    ],
)
def test_a_file_of_another_space_is_refused(
    index: SketchedIndex, path: Path, space: str, dimension: int, complaint: str
) -> None:
    saved(index, path)
    with pytest.raises(IndexFileError, match=complaint) as caught:
        load_index(path, space=space, dimension=dimension)
    assert caught.value.fault is Fault.STALE


def test_a_missing_file_is_said_to_be_missing(path: Path) -> None:
    with pytest.raises(IndexFileError) as caught:
        load(path)
    assert caught.value.fault is Fault.MISSING


def test_a_folder_in_its_place_is_refused(path: Path) -> None:
    path.mkdir()
    with pytest.raises(IndexFileError) as caught:
        load(path)
    assert caught.value.fault is Fault.UNREADABLE


def test_files_of_other_kinds_are_refused(path: Path) -> None:
    archive = io.BytesIO()
    np.savez(archive, vectors=unit_rows(500))
    for content in (archive.getvalue(), b"x" * 9000):
        path.write_bytes(content)
        with pytest.raises(IndexFileError) as caught:
            load(path)
        assert caught.value.fault is Fault.FORMAT


def test_its_error_is_one_of_ours() -> None:
    assert issubclass(IndexFileError, GalleryError)


def test_a_save_that_fails_leaves_the_old_file_alone(
    index: SketchedIndex, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved(index, path)
    index.remove([1])

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save_index(index, path, generation=42, commit_id="c", space="abc")
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "value", [None, -1, 0, 3, 2**70, "x", [], {}, {"ids": [0]}, [1, 2, 3], 1e300, True]
)
def test_a_forged_header_with_a_right_checksum_is_refused_or_harmless(
    index: SketchedIndex, path: Path, value: object
) -> None:
    whole = saved(index, path)
    start = len(MAGIC) + CRC_BYTES
    header = json.loads(whole[start:HEADER_BYTES])
    places = [(name,) for name in header] + [("sections", name) for name in header["sections"]]
    for *outer, name in places:
        forged = json.loads(json.dumps(header))
        inner = forged[outer[0]] if outer else forged
        inner[name] = value
        text = json.dumps(forged).encode().ljust(HEADER_BYTES - start)
        checksum = zlib.crc32(text).to_bytes(CRC_BYTES, "little")
        path.write_bytes(MAGIC + checksum + text + whole[HEADER_BYTES:])
        try:
            loaded = load(path)
        except IndexFileError:
            continue
        loaded.search(unit_rows(1), 3)
