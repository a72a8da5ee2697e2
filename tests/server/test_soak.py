"""Seconds of the soak, and some hundreds of hostile inputs; the rest is run by hand."""

from __future__ import annotations

import gc
import warnings
from pathlib import Path

import pytest

from tests.server.hostile import BOUND_MEGABYTES, play
from tests.server.soak import Sample, Soak, soak


@pytest.mark.slow
def test_some_seconds_of_everybody_at_once_lose_nothing(tmp_path: Path) -> None:
    found = soak(tmp_path, seconds=12)
    gc.collect()  # what was left open is this test's to tell, not a later one's
    print(found.table())
    assert found.failures(most_growth=None) == []
    assert found.answers["200"] > 50
    assert found.backups >= 1
    assert sum(found.hostile.values()) > 10


@pytest.mark.slow
def test_hostile_inputs_end_in_our_errors_within_bounds(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # damaged files make decoders warn
        player, rose = play(tmp_path, range(300))
    assert player.faults == []
    assert rose < BOUND_MEGABYTES
    assert sum(player.outcomes.values()) == 300


def test_inputs_that_once_were_a_fault_end_in_our_errors(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        player, _ = play(tmp_path, range(1814, 1815))  # SQLite's message quoted damaged text
        player.play(4026)  # a column's name was no text
    assert player.faults == []
    assert player.outcomes == {
        "open_gallery: GalleryDamagedError": 1,
        "import: GalleryError": 1,
    }


def test_the_soak_says_what_grew() -> None:
    steady = [Sample(second, 100, 20, 8) for second in range(100)]
    growing = [Sample(second, 100 + second, 20 + second, 8 + second / 5) for second in range(100)]  # type: ignore[arg-type]
    found = Soak(100, samples=[steady, growing], exit_codes=[0, 1], lost=["GET /"], wrong=2)
    said = found.failures(most_growth=0.05)
    assert found.growth(0) == 0
    assert found.growth(1) > 0.4
    assert [text.partition(":")[0] for text in said] == [
        "lost",
        "2 wrong labels",
        "exit codes [0, 1]",
        "service 1",
        "service 1",
        "service 1",
    ]
