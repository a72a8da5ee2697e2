"""Where queries sit, counted from sums in which a thing asked often counts once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.errors import StorageError
from engine.gallery import Gallery
from engine.gallery.parts.queries import LEAST, MOST
from engine.gallery.query_sums import REMEMBERED, SETTLED, QuerySums
from engine.types import FloatArray, Space
from tests.gallery.conftest import example

DIMENSION = 64
SPACE = Space("made by hand", "w" * 64, "p" * 64, DIMENSION)


def units(seed: int, count: int, shift: float = 0.0) -> FloatArray:
    """Unit rows that sit a shift away from the middle, in one direction."""
    rows = np.random.default_rng(seed).normal(size=(count, DIMENSION))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows[:, 0] += shift
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    with Gallery.create(tmp_path / "g.gallery", space=SPACE, poll_seconds=0.0) as made:
        made.enroll([example(f"{n}", n, vector=v) for n, v in enumerate(units(0, 200))])
        yield made


def asked(gallery: Gallery, queries: FloatArray) -> None:
    for start in range(0, len(queries), 50):
        gallery.queries.note(queries[start : start + 50])
    gallery.queries.write()


def test_the_distance_is_that_of_the_means_in_units_of_the_spread(gallery: Gallery) -> None:
    """Against the definition, worked out with NumPy in float64."""
    assert gallery.queries.drift() is None
    pictures, queries = units(0, 200), units(1, 120, shift=0.7)
    asked(gallery, queries)
    drift = gallery.queries.drift()
    assert drift is not None
    middle = pictures.astype(np.float64).mean(0)
    spread = np.sqrt(((pictures - middle) ** 2).sum(1).mean())
    expected = np.linalg.norm(queries.astype(np.float64).mean(0) - middle) / spread
    assert drift.queries == 120
    assert drift.distance == pytest.approx(expected, rel=1e-4)
    assert drift.by_chance == pytest.approx(np.sqrt(1 / 120 + 1 / 200))
    assert (drift.moved, drift.alarm, drift.warning) == (None, False, None)
    assert gallery.describe().queries == drift
    assert "120 different queries sit" in str(drift)


def test_one_thing_asked_a_thousand_times_counts_once(gallery: Gallery) -> None:
    once = units(1, 120)
    asked(gallery, once)
    before = gallery.queries.drift()
    noise = 0.02 * np.random.default_rng(3).normal(size=(1000, DIMENSION))
    often = once[:1] + noise
    asked(gallery, (often / np.linalg.norm(often, axis=1, keepdims=True)).astype(np.float32))
    assert gallery.queries.drift() == before


def test_queries_that_leave_what_the_calibration_knows_raise_an_alarm(gallery: Gallery) -> None:
    asked(gallery, units(1, SETTLED))
    asked(gallery, units(2, 2 * SETTLED))
    settled = gallery.queries.drift()
    assert settled is not None
    assert settled.moved is not None
    assert settled.moved < 0.3
    assert not settled.alarm
    asked(gallery, units(3, 4 * SETTLED, shift=0.7))
    left = gallery.queries.drift()
    assert left is not None
    assert left.alarm
    assert "calibrate again" in (left.warning or "")
    gallery.thresholds.calibrate()
    asked(gallery, units(4, 2 * SETTLED, shift=0.7))
    calmed = gallery.queries.drift()
    assert calmed is not None
    assert not calmed.alarm


def test_it_is_written_now_and_then_and_kept(gallery: Gallery, tmp_path: Path) -> None:
    generation = gallery.catalog.generation()
    gallery.queries.note(units(1, LEAST - 1))
    gallery.queries.write()
    assert gallery.queries.drift() is None  # a few aren't worth a write
    gallery.queries.by_itself = False
    gallery.queries.note(units(2, MOST))
    assert gallery.queries.due
    gallery.queries.write()
    gallery.queries.by_itself = True
    gallery.queries.note(units(3, MOST // 4))
    drift = gallery.queries.drift()
    assert drift is not None
    assert drift.queries > MOST
    gallery.queries.note(units(4, LEAST))
    gallery.close()
    assert gallery.location.path == tmp_path / "g.gallery"  # type: ignore[union-attr]
    with Gallery.open(tmp_path / "g.gallery") as again:
        kept = again.queries.drift()
        assert kept is not None
        assert kept.queries == drift.queries + LEAST
        assert again.catalog.generation() == generation
        again.queries.forget()
        assert again.queries.drift() is None


def test_whoever_opts_out_or_only_reads_is_not_counted(gallery: Gallery, tmp_path: Path) -> None:
    gallery.queries.counting = False
    asked(gallery, units(1, 100))
    assert gallery.queries.drift() is None
    with Gallery.open(tmp_path / "g.gallery", read_only=True) as reader:
        asked(reader, units(1, 100))
        assert reader.queries.drift() is None


def test_what_can_not_be_written_is_let_go_of(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StorageError("the disk is full")

    store = type(gallery.catalog.service.query_sums)
    with monkeypatch.context() as patched:
        patched.setattr(store, "update", full)
        asked(gallery, units(1, 200))
    asked(gallery, units(3, 60))
    assert gallery.queries.drift() is None  # it rests
    monkeypatch.setattr(gallery.queries, "_rested", 0.0)
    asked(gallery, units(2, 60))
    assert gallery.queries.drift() is not None


def test_what_is_remembered_is_bounded_and_comes_back_as_it_was() -> None:
    sums = QuerySums.empty(DIMENSION, "then")
    for seed in range(5):
        sums = sums.with_queries(units(seed, 1000), "then")
    assert sums.count > 4900
    assert len(sums.signs) == REMEMBERED
    assert SETTLED < sums.late_count <= 2 * SETTLED
    again = QuerySums.from_bytes(sums.to_bytes())
    assert again.to_bytes() == sums.to_bytes()
    assert len(sums.to_bytes()) < 100_000
