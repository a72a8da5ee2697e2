"""What a person at a terminal sees."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND, ENVIRONMENT
from tests.conftest import quarters

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")


def on_a_terminal(*arguments: object, columns: int = 100, code: int = 0) -> str:
    """What a command writes to a terminal of so many columns."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        env={**ENVIRONMENT, "TERM": "xterm-256color", "COLUMNS": str(columns)},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = bytearray()
    while True:
        try:
            written += (piece := os.read(ours, 65536))
        except OSError:  # the other side is closed
            break
        if not piece:
            break
    os.close(ours)
    assert process.wait() == code, written.decode()
    return written.decode()


def plain(text: str) -> list[str]:
    """The lines without colours."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).replace("\r", "").splitlines()


def test_enrolling_shows_progress_with_rate_and_time_left(catalog: Path, tmp_path: Path) -> None:
    written = on_a_terminal("enroll", catalog, "--gallery", tmp_path / "g")

    bars = re.findall(r"enrolling ━+ 12/12 [\d,]*(?:/s)? .* left", "\n".join(plain(written)))
    assert bars
    assert f"{tmp_path / 'g'}: 12 classes, 12 examples" in plain(written)


def test_recognising_shows_a_coloured_table(gallery: Path, catalog: Path) -> None:
    (catalog / "thing 5.png").write_bytes(b"?")

    written = on_a_terminal("recognize", catalog, "-g", gallery, columns=110, code=3)

    lines = plain(written)
    assert lines[0].split() == [
        "picture", "answer", "stranger", "rate", "similarity", "score", "threshold", "margin",
        "nearest", "two",
    ]  # fmt: skip
    assert len(lines) == 1 + 12 + 2
    assert "12 pictures: 11 recognised, 0 unknown, 1 unreadable" in lines[-2]
    assert "thing 5.png: expected a picture" in lines[-1]
    assert all(len(line) <= 110 for line in lines[:-2])
    assert "\x1b[32mthing 3" in written


def test_a_region_that_a_closer_look_decided_by_is_told(gallery: Path, tmp_path: Path) -> None:
    photograph = quarters(1003, 100)
    photograph.paste(quarters(3, 60), (20, 20))
    photograph.save(tmp_path / "photograph.png")

    written = on_a_terminal("recognize", tmp_path / "photograph.png", "-g", gallery, columns=300)

    assert re.search(r"▣ thing 3, thing \d+; seen at 20,20,80,80$", plain(written)[1].rstrip())
    assert plain(written)[2] == "1 picture: 1 recognised, 0 unknown; 1 by a closer look (▣)"


def test_a_file_name_cannot_drive_the_terminal(gallery: Path, tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    for seed, name in enumerate(["\x1b[31m\x07.png", "two\nlines.png", "\u202egnp.png"]):
        quarters(seed).save(folder / name)

    written = on_a_terminal("recognize", folder, "-g", gallery, columns=200)

    assert "\x1b[31m\x07" not in written
    assert "\x07" not in written
    assert "\u202e" not in written
    assert "\\x1b[31m\\x07.png" in written
    assert "two\\nlines.png" in written


def test_colours_are_left_out_where_they_are_not_wanted(
    gallery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENVIRONMENT, "NO_COLOR", "1")

    assert "\x1b[3" not in on_a_terminal("classes", "list", "-g", gallery)


def test_an_error_is_one_red_line(tmp_path: Path) -> None:
    written = on_a_terminal("info", "-g", tmp_path / "none", columns=300, code=1)

    assert written.startswith("\x1b[31monelook: ")
    assert len(plain(written)) == 1
