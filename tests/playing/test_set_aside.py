"""What a gallery was taught by, or holds itself, proves nothing and isn't scored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import CalibrationError, EvaluationError
from engine.recognizer import Recognizer
from engine.testing.fake_backbone import FakeBackbone
from tests.conftest import quarters


@pytest.fixture
def recognizer(tmp_path: Path) -> Iterator[Recognizer]:
    catalog = folder(tmp_path / "catalog", range(12))
    with Recognizer.open(tmp_path / "g", create=True, backbone=FakeBackbone()) as opened:
        opened.enroll_catalog(catalog)
        yield opened


def folder(path: Path, seeds: range, side: int = 32) -> Path:
    """Pictures of the things with those numbers; another side makes other files of them."""
    path.mkdir()
    for seed in seeds:
        quarters(seed, side).save(path / f"thing {seed}.png")
    return path


def test_queries_that_calibrated_are_never_scored(recognizer: Recognizer, tmp_path: Path) -> None:
    queries = folder(tmp_path / "queries", range(12), side=48)
    unknown = folder(tmp_path / "unknown", range(100, 140))
    recognizer.calibrate(target_fpir=0.2, queries=queries)

    with pytest.raises(EvaluationError, match=r"all 12,.* were used to calibrate"):
        recognizer.evaluate(queries, unknown)

    for seed in range(6):
        quarters(seed, 56).save(queries / f"thing {seed}.png")
    evaluation = recognizer.evaluate(queries, unknown)
    assert len(evaluation.result.trials.known) == 6
    assert evaluation.warnings[0].startswith("6 of 52 pictures were used to calibrate")


def test_strangers_that_calibrated_are_never_scored(recognizer: Recognizer, tmp_path: Path) -> None:
    queries = folder(tmp_path / "queries", range(12), side=48)
    unknown = folder(tmp_path / "unknown", range(100, 140))
    recognizer.calibrate(target_fpir=0.2, unknown=unknown)
    with pytest.raises(EvaluationError, match="all 40,"):
        recognizer.evaluate(queries, unknown)


def test_enrolled_pictures_calibrate_nothing(recognizer: Recognizer, tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="all 12 are enrolled themselves"):
        recognizer.calibrate(queries=tmp_path / "catalog")

    unknown = folder(tmp_path / "unknown", range(100, 120))
    quarters(3).save(unknown / "stray.png")
    report = recognizer.calibrate(target_fpir=0.2, unknown=unknown)
    assert report.evidence == {"strangers": 20}
    assert report.enrolled_themselves == 1


def test_what_was_seen_survives_reopening(recognizer: Recognizer, tmp_path: Path) -> None:
    queries = folder(tmp_path / "queries", range(12), side=48)
    recognizer.calibrate(target_fpir=0.2, queries=queries)
    recognizer.close()
    with (
        Recognizer.open(tmp_path / "g", backbone=FakeBackbone()) as reopened,
        pytest.raises(EvaluationError, match="used to calibrate"),
    ):
        reopened.evaluate(queries)


def test_a_few_classes_are_too_few_to_learn_a_space_from(recognizer: Recognizer) -> None:
    with pytest.raises(CalibrationError, match=r"at least 20 classes to learn from, but got .* 12"):
        recognizer.adapt()
