"""Seconds of the soak, and some hundreds of hostile inputs; the rest is run by hand."""

from __future__ import annotations

import gc
import sqlite3
import warnings
from contextlib import closing
from pathlib import Path

import pytest

from engine.errors import GalleryDamagedError
from engine.recognizer import Recognizer
from tests.server.conftest import png
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


def test_an_export_whose_columns_name_is_no_text_is_refused(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        player, _ = play(tmp_path, range(4026, 4027))
    assert player.faults == []
    assert player.outcomes == {"import: GalleryError": 1}


def test_a_gallery_whose_schema_is_no_text_is_damaged(tmp_path: Path) -> None:
    """SQLite quotes the schema in its message, which Python then can't decode."""
    with Recognizer.open(tmp_path / "g.gallery", create=True, backbone="fake") as opened:
        opened.enroll("cup", png(1))
    file = tmp_path / "g.gallery" / "catalog.sqlite"
    data = file.read_bytes().replace(b"CREATE TABLE embedding", b"CREATE TABLE ((((dding")
    file.write_bytes(data.replace(b"tableembedding", b"table\xff\xfe\xffedding"))
    with closing(sqlite3.connect(file)) as bare, pytest.raises(UnicodeDecodeError):
        bare.execute("SELECT * FROM gallery")
    with pytest.raises(GalleryDamagedError), Recognizer.open(file.parent, backbone="fake"):
        pass


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
