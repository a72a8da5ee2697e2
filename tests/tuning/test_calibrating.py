"""Calibrating and adapting galleries on made embeddings whose truth is known."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.errors import CalibrationError
from engine.gallery import Gallery
from engine.gallery.deciding.decisions import query_scores
from engine.gallery.deciding.drawn import mean_lead
from engine.gallery.deciding.evidence import UNLABELLED, calibrate
from engine.tuning.adapting import adapt_to_queries
from engine.types import FloatArray, NewExample, Space

DIMENSION, CLASSES = 32, 200
SPACE = Space("made", "w" * 64, "p" * 64, DIMENSION)


def unit(rows: FloatArray) -> FloatArray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


class World:
    """Things with a true direction each; a picture of one is that direction and some noise."""

    def __init__(self, shift: float = 0.0) -> None:
        self.random = np.random.default_rng(3)
        self.things = self.random.normal(size=(2 * CLASSES, DIMENSION))
        self.shift = shift * unit(self.random.normal(size=(1, DIMENSION)))

    def pictures(self, things: slice, noise: float = 0.5, shifted: bool = True) -> FloatArray:
        true = self.things[things]
        drawn = true + noise * self.random.normal(size=true.shape)
        return unit(unit(drawn) + (self.shift if shifted else 0))


def filled(path: Path, vectors: FloatArray) -> Gallery:
    gallery = Gallery.create(path, space=SPACE, poll_seconds=0.0)
    gallery.enroll(
        [
            NewExample(
                label=str(number),
                source=f"/{number}.png",
                content_hash=hashlib.sha256(str(number).encode()).hexdigest(),
                width=1,
                height=1,
                vector=vector,
            )
            for number, vector in enumerate(vectors)
        ]
    )
    return gallery


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def gallery(world: World, tmp_path: Path) -> Iterator[Gallery]:
    catalog = world.pictures(slice(0, CLASSES), shifted=False)
    with filled(tmp_path / "g.gallery", catalog) as made:
        yield made


KNOWN, STRANGERS = slice(0, CLASSES), slice(CLASSES, 2 * CLASSES)


def reached_fpir(gallery: Gallery, level: float, strangers: FloatArray) -> float:
    return float((query_scores(gallery.snapshot(), strangers) >= level).mean())


def test_strangers_hold_the_target_on_other_strangers(gallery: Gallery, world: World) -> None:
    seen = np.concatenate([world.pictures(STRANGERS) for _ in range(3)])

    calibration = calibrate(gallery.snapshot(), generation=1, strangers=seen)

    others = np.concatenate([world.pictures(STRANGERS) for _ in range(3)])
    level = calibration.level(0.05, CLASSES)
    assert calibration.method == "strangers"
    assert calibration.witnesses == len(seen)
    assert reached_fpir(gallery, level, others) == pytest.approx(0.05, abs=0.03)


@pytest.mark.parametrize("asked", [(KNOWN,), (KNOWN, STRANGERS)])
def test_unlabelled_queries_hold_the_target_without_knowing_the_strangers(
    gallery: Gallery, world: World, asked: tuple[slice, ...]
) -> None:
    queries = np.concatenate([world.pictures(some) for some in asked])

    calibration = calibrate(gallery.snapshot(), generation=1, unlabelled=queries)

    others = np.concatenate([world.pictures(STRANGERS) for _ in range(3)])
    level = calibration.level(0.05, CLASSES)
    assert 0.01 <= reached_fpir(gallery, level, others) <= 0.1
    known = query_scores(gallery.snapshot(), world.pictures(KNOWN, noise=0.1))
    assert (known >= level).mean() > 0.9


def test_labelled_queries_say_how_known_things_fare(gallery: Gallery, world: World) -> None:
    own = np.array([c for c, _ in sorted(gallery.snapshot().labels.items())])

    calibration = calibrate(
        gallery.snapshot(), generation=1, labelled=(world.pictures(KNOWN, noise=0.1), own)
    )

    tpir = calibration.expected_tpir(0.05, CLASSES)
    assert calibration.evidence == {"labelled queries": CLASSES}
    assert calibration.witnesses == CLASSES
    assert tpir is not None
    assert tpir > 0.9


def test_the_mean_lead_is_that_of_exponential_spacings() -> None:
    # The order statistics of exponentials with mean 0.2: the best leads the second by 0.2.
    random = np.random.default_rng(0)
    samples = -np.sort(-random.exponential(0.2, size=(4000, 60)), axis=1)

    assert mean_lead(samples[:, 1:].astype(np.float32)) == pytest.approx(0.2, rel=0.03)
    assert (samples[:, 0] - samples[:, 1]).mean() == pytest.approx(0.2, rel=0.05)


def test_unlabelled_queries_count_beside_what_the_gallery_alone_says(
    gallery: Gallery, world: World
) -> None:
    """As strangers to the classes that aren't nearest to them."""
    alone = calibrate(gallery.snapshot(), generation=1)
    queries = world.pictures(KNOWN, noise=0.1)

    calibration = calibrate(gallery.snapshot(), generation=1, unlabelled=queries)

    own = np.array([c for c, _ in sorted(gallery.snapshot().labels.items())])
    labelled = calibrate(gallery.snapshot(), generation=1, labelled=(queries, own))
    assert calibration.evidence == {UNLABELLED: CLASSES, **alone.evidence}
    assert calibration.witnesses == alone.witnesses  # nobody knows how many strangers came
    assert not calibration.automatic
    *first, last = calibration.samples
    np.testing.assert_array_equal(np.concatenate(first), np.concatenate(alone.samples))
    np.testing.assert_array_equal(last, labelled.samples[0])


def test_among_one_class_unlabelled_queries_say_nothing(world: World, tmp_path: Path) -> None:
    with filled(tmp_path / "one.gallery", world.pictures(slice(0, 1))) as gallery:
        alone = calibrate(gallery.snapshot(), generation=1)
        queries = world.pictures(KNOWN)
        calibration = calibrate(gallery.snapshot(), generation=1, unlabelled=queries)
        assert calibration.level(0.05, 1) == alone.level(0.05, 1)


def test_a_users_calibration_is_not_replaced_by_enrolment(
    gallery: Gallery, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    calibration = calibrate(gallery.snapshot(), generation=1, strangers=world.pictures(STRANGERS))
    gallery.thresholds.use(calibration, 0.01)

    gallery.enroll(
        [
            NewExample(f"more {n}", f"/more/{n}", f"{n:064x}", 1, 1, vector)
            for n, vector in enumerate(world.pictures(STRANGERS, shifted=False))
        ]
    )

    snapshot = gallery.snapshot()
    assert snapshot.calibration.method == "strangers"
    assert snapshot.target_fpir == 0.01
    assert "outgrown" in caplog.text
    assert "calibrate again" in snapshot.calibration.describe(0.01, snapshot.classes)


def test_adapting_to_shifted_queries_pays_and_can_be_undone(tmp_path: Path) -> None:
    world = World(shift=2.0)
    catalog = world.pictures(KNOWN, shifted=False)
    queries = np.concatenate([world.pictures(KNOWN), world.pictures(STRANGERS)])
    with filled(tmp_path / "g.gallery", catalog) as gallery:
        before = top1(gallery, world)

        report = adapt_to_queries(gallery, queries)

        assert report.adapted
        assert gallery.check() == []
        assert top1(gallery, world) > before
        gallery.spaces.project(None)
        assert top1(gallery, world) == pytest.approx(before, abs=0.05)
        assert gallery.check() == []


def top1(gallery: Gallery, world: World) -> float:
    snapshot = gallery.snapshot()
    queries = snapshot.projection.apply_queries(world.pictures(KNOWN))
    right = [
        snapshot.candidates(ranking)[0].label == str(number)
        for number, ranking in enumerate(snapshot.rank(queries, 1))
    ]
    return float(np.mean(right))


def test_too_little_to_adapt_to_is_refused(gallery: Gallery, world: World) -> None:
    with pytest.raises(CalibrationError, match="at least 40 unlabelled queries"):
        adapt_to_queries(gallery, world.pictures(slice(0, 5)))
