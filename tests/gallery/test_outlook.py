"""What a gallery is expected to do is told, with what would help where that is little."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.decision import Calibration
from engine.gallery import Snapshot
from engine.gallery.deciding.outlook import outlook_of
from engine.playing.enrolled import Enrolled
from engine.types import Space

INF = float("inf")


def snapshot_with(genuine: list[float]) -> Snapshot:
    """A gallery whose level at 5 % is about 3, and whose photographs scored like that."""
    space = Space("test", "0", "0", 8)
    enrolled = Enrolled.in_memory(
        np.eye(8, dtype=np.float32), [f"thing {n}" for n in range(8)], space, target_fpir=0.05
    )
    calibration = Calibration.of_strangers(
        np.linspace(0, 3, 200),
        genuine=np.array(genuine),
        method="test",
        classes=8,
        generation=0,
        evidence={"synthetic photographs": len(genuine)},
    )
    return replace(enrolled.snapshot, calibration=calibration)


def test_what_is_expected_is_told_without_warnings_where_it_is_good() -> None:
    outlook = outlook_of(snapshot_with([9.0] * 18 + [1.0] * 2))

    assert outlook is not None
    assert outlook.expected_tpir == pytest.approx(0.9)
    assert outlook.mistaken == 0
    assert outlook.warnings == ()
    assert str(outlook).startswith("90% (70% to 97%) of synthetic photographs")


def test_a_gallery_that_would_refuse_nearly_everything_says_so() -> None:
    outlook = outlook_of(snapshot_with([9.0] * 2 + [1.0] * 18))

    assert outlook is not None
    [warning] = outlook.warnings
    assert warning.startswith("only 10% of synthetic photographs")
    for help_ in ("second example", "onelook adapt", "onelook train backbone", "--backbone"):
        assert help_ in warning


def test_a_gallery_that_cannot_tell_its_classes_apart_says_so() -> None:
    outlook = outlook_of(snapshot_with([9.0] * 12 + [-INF] * 8))

    assert outlook is not None
    assert outlook.mistaken == pytest.approx(0.4)
    [warning] = outlook.warnings
    assert warning.startswith("40% of synthetic photographs")
    assert "onelook classes merge" in warning


def test_nothing_is_told_where_nothing_is_known() -> None:
    assert outlook_of(snapshot_with([])) is None
    assert outlook_of(snapshot_with([9.0] * 3)) is None
