"""Thresholds rest on what is enrolled: not on when, in which batches or in which order it came."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from engine.bulk import pipeline
from engine.recognizer import Recognizer
from engine.testing.fake_backbone import FakeBackbone
from tests.conftest import quarters

CLASSES = 130
QUERIES = [quarters(seed) for seed in range(CLASSES - 5, CLASSES + 20)]


def listed(order: Sequence[int]) -> list[tuple[str, object]]:
    return [(f"class {seed}", quarters(seed)) for seed in order]


def thresholds(recognizer: Recognizer) -> dict[str, float]:
    snapshot = recognizer.gallery.snapshot()
    return {
        label: recognizer.gallery.classes.threshold(class_id) or np.nan
        for class_id, label in snapshot.labels.items()
    }


def opened(place: Path) -> Recognizer:
    return Recognizer.open(place, create=True, backbone=FakeBackbone())


@pytest.fixture
def at_once(tmp_path: Path) -> tuple[dict[str, float], list[str | None]]:
    """The thresholds of classes enrolled in one batch, and the answers to queries."""
    with opened(tmp_path / "at once") as recognizer:
        recognizer.enroll_catalog(listed(range(CLASSES)))
        answers = [answer.label for answer in recognizer.recognize_many(QUERIES)]
        return thresholds(recognizer), answers


def in_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "SECONDS_A_COMMIT", 0.0)
    monkeypatch.setenv("ONELOOK_BATCH_SIZE", "3")


def with_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    in_small_batches(monkeypatch)
    write, random = pipeline._write, np.random.default_rng(5)

    def late(*given: object) -> object:
        time.sleep(float(random.uniform(0, 0.01)))
        return write(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "_write", late)


@pytest.mark.parametrize("manner", [in_small_batches, with_pauses])
def test_thresholds_do_not_rest_on_batches_and_timing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at_once: tuple[dict[str, float], list[str | None]],
    manner: Callable[[pytest.MonkeyPatch], None],
) -> None:
    manner(monkeypatch)
    with opened(tmp_path / "otherwise") as recognizer:
        recognizer.enroll_catalog(listed(range(CLASSES)))
        assert thresholds(recognizer) == at_once[0]
        answers = [answer.label for answer in recognizer.recognize_many(QUERIES)]
    assert answers == at_once[1]


def test_thresholds_do_not_rest_on_the_order(
    tmp_path: Path, at_once: tuple[dict[str, float], list[str | None]]
) -> None:
    order = np.random.default_rng(1).permutation(CLASSES).tolist()
    with opened(tmp_path / "shuffled") as recognizer:
        recognizer.enroll_catalog(listed(order[:40]))
        recognizer.enroll_catalog(listed(order[40:]))
        assert thresholds(recognizer) == pytest.approx(at_once[0], abs=1e-6)


def test_thresholds_do_not_rest_on_what_was_there_before(
    tmp_path: Path, at_once: tuple[dict[str, float], list[str | None]]
) -> None:
    with opened(tmp_path / "before") as recognizer:
        for seed in range(12):
            recognizer.enroll(f"class {seed}", quarters(seed))
        recognizer.enroll_catalog([("gone", quarters(999))])
        recognizer.gallery.classes.remove("gone")
        recognizer.enroll_catalog(listed(range(CLASSES)))
        assert thresholds(recognizer) == pytest.approx(at_once[0], abs=1e-6)


def test_a_single_enrolment_keeps_the_calibration_until_the_gallery_has_doubled(
    tmp_path: Path,
) -> None:
    with opened(tmp_path / "growing") as recognizer:
        recognizer.enroll_catalog(listed(range(20)))
        made = recognizer.gallery.snapshot().calibration
        assert made.classes == 20
        for seed in range(20, 39):
            recognizer.enroll(f"class {seed}", quarters(seed))
        kept = recognizer.gallery.snapshot().calibration
        assert (kept.generation, kept.classes) == (made.generation, 20)
        assert "39 by now" in recognizer.recognize(quarters(3)).calibration
        recognizer.enroll("class 39", quarters(39))
        assert recognizer.gallery.snapshot().calibration.classes == 40


def test_enrolling_what_is_enrolled_leaves_the_calibration(tmp_path: Path) -> None:
    with opened(tmp_path / "again") as recognizer:
        recognizer.enroll_catalog(listed(range(20)))
        before = recognizer.gallery.catalog.commit()
        recognizer.enroll_catalog(listed(range(20)))
        assert recognizer.gallery.catalog.commit() == before
