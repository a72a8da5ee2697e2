"""Pictures that come to a folder: whole ones, once."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from engine.errors import ImageError
from engine.watching.folders import Arrivals
from tests.conftest import MakePicture


def rested(path: Path, seconds: float = 60.0) -> Path:
    """Last written to that long ago; negative by a clock that is ahead."""
    written = time.time() - seconds
    os.utime(path, (written, written))
    return path


def test_what_is_moved_in_comes_at_once_and_once(tmp_path: Path, make_picture: MakePicture) -> None:
    make_picture("in/there.png", 0)
    rested(tmp_path / "in/there.png")
    arrivals = Arrivals(tmp_path / "in")
    moved = rested(make_picture("elsewhere/a.png", 1)).rename(tmp_path / "in/a.png")

    assert arrivals.look() == [moved]
    assert arrivals.look() == []


def test_what_is_there_counts_if_asked_for_the_oldest_first(
    tmp_path: Path, make_picture: MakePicture
) -> None:
    new = rested(make_picture("in/a.png", 0), 60)
    old = rested(make_picture("in/below/b.png", 1), 3600)
    (tmp_path / "in/notes.txt").write_text("no picture")
    rested(make_picture("in/.hidden.png", 2))

    assert Arrivals(tmp_path / "in", existing=True).look() == [old, new]


def test_a_file_that_is_still_written_is_waited_for(tmp_path: Path) -> None:
    arrivals = Arrivals(tmp_path, settle=600)
    picture = tmp_path / "a.png"
    picture.write_bytes(b"")
    rested(picture)
    assert arrivals.look() == []  # nothing in it yet
    picture.write_bytes(b"half")
    assert arrivals.look() == []
    picture.write_bytes(b"half and half")
    assert arrivals.look() == []
    rested(picture, 700)
    assert arrivals.look() == [picture]


def test_where_clocks_differ_a_file_is_whole_once_it_looks_the_same_for_a_while(
    tmp_path: Path, make_picture: MakePicture
) -> None:
    arrivals = Arrivals(tmp_path, settle=0.2)
    picture = rested(make_picture("a.png", 0), -3600)
    assert arrivals.look() == []
    time.sleep(0.25)
    assert arrivals.look() == [picture]


def test_a_file_that_changes_comes_again_and_so_does_one_of_the_same_name(
    tmp_path: Path, make_picture: MakePicture
) -> None:
    arrivals = Arrivals(tmp_path)
    picture = rested(make_picture("a.png", 0))
    assert arrivals.look() == [picture]
    rested(make_picture("a.png", 1), 30)
    assert arrivals.look() == [picture]
    picture.unlink()
    assert arrivals.look() == []
    rested(make_picture("a.png", 1), 30)
    assert arrivals.look() == [picture]


def test_a_folder_that_comes_back_is_not_looked_through_anew(
    tmp_path: Path, make_picture: MakePicture
) -> None:
    rested(make_picture("in/a.png", 0))
    arrivals = Arrivals(tmp_path / "in")
    (tmp_path / "in").rename(tmp_path / "away")
    with pytest.raises(ImageError):
        arrivals.look()
    (tmp_path / "away").rename(tmp_path / "in")
    assert arrivals.look() == []
