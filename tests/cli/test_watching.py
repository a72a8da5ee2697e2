"""`onelook watch`, as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from engine.cli.app import app
from tests.cli.conftest import COMMAND, ENVIRONMENT, Onelook, objects
from tests.conftest import quarters
from tests.watching.broker import brokering, listening
from tests.watching.receiver import receiving
from tests.watching.video import film


def drop(folder: Path, seed: int) -> None:
    """Write a picture elsewhere, and move it in when it has been at rest."""
    made = folder.parent / f"{seed}.png"
    quarters(seed).save(made)
    os.utime(made, (time.time() - 60,) * 2)
    made.rename(folder / made.name)


def test_what_is_dropped_into_a_folder_is_recognised_and_told(
    gallery: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    drop(folder, 7)
    environment = {**ENVIRONMENT, "ONELOOK_WEBHOOK_SECRET": "hush", "NO_PROXY": "127.0.0.1"}
    with (
        receiving() as receiver,
        brokering(tmp_path) as port,
        listening(port, "shop/seen") as published,
    ):
        command = [*COMMAND, "watch", "in", "-g", str(gallery), "--webhook", receiver.url]
        command += ["--mqtt", f"mqtt://127.0.0.1:{port}/shop/seen"]
        with subprocess.Popen(
            command,
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert "Watching the folder in" in process.stderr.readline()
            lines = []
            for seed in (3, 99):
                drop(folder, seed)
                lines.append(json.loads(process.stdout.readline()))
            (folder / "broken.png").write_bytes(b"no picture")
            lines.append(json.loads(process.stdout.readline()))
            process.send_signal(signal.SIGINT)
            rest, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert [json.loads(published.get(timeout=60)[1]) for _ in lines] == lines
    assert rest == ""
    assert [(line["source"], line["label"]) for line in lines] == [
        ("in/3.png", "thing 3"),
        ("in/99.png", None),
        ("in/broken.png", None),
    ]
    assert "expected a picture" in lines[2]["error"]
    assert "3 pictures looked at, 3 lines printed, 3 events told to mqtt://" in said
    assert f"3 events told to {receiver.url}" in said
    assert [json.loads(body) for _, body in receiver.calls] == lines


def test_what_is_there_comes_first_if_asked_for_and_sigterm_ends_it(
    gallery: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    drop(folder, 7)
    with subprocess.Popen(
        [*COMMAND, "watch", "in", "-g", str(gallery), "--existing", "-q"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["label"] == "thing 7"
        process.terminate()
        assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0


def test_a_videos_answers_are_told_as_they_change(
    onelook: Onelook, gallery: Path, tmp_path: Path
) -> None:
    film(tmp_path / "belt.avi", [3, 5, 5, 99, 3])

    done = onelook("watch", "belt.avi", "-g", gallery, "--every", "0.2")

    assert answers(objects(done)) == ["thing 3", "thing 5", None, "thing 3"]
    assert [line["seconds"] for line in objects(done)] == [0.4, 1.4, 3.4, 4.4]
    assert {line["source"] for line in objects(done)} == {"belt.avi"}
    assert "25 pictures looked at, 4 lines printed" in done.stderr


def test_a_part_of_what_a_camera_shows_is_looked_at(
    onelook: Onelook, gallery: Path, tmp_path: Path
) -> None:
    film(tmp_path / "belt.avi", [3, 5], around=64)
    box = ["--box", "64,64,128,128"]
    done = onelook("watch", "belt.avi", "-g", gallery, "--every", "0.2", *box)
    assert answers(objects(done)) == ["thing 3", "thing 5"]
    assert {line["source"] for line in objects(done)} == {"belt.avi"}


def test_odd_wishes_are_refused_in_words(gallery: Path, tmp_path: Path) -> None:
    folder = str(tmp_path)
    for arguments, words, code in (
        (["nowhere"], "nowhere: expected a folder, a camera's number, a stream's address", 1),
        ([folder, "--webhook", "example.com"], "expected a webhook such as https://", 1),
        ([folder, "--webhook", "https://example.com/"], "ONELOOK_WEBHOOK_SECRET", 1),
        ([folder, "--mqtt", "broker.local"], "expected a broker and a topic such as mqtts://", 1),
        (["7", "--existing"], "--existing is for folders", 2),
    ):
        refused = CliRunner().invoke(app, ["watch", *arguments, "-g", str(gallery)])
        assert refused.exit_code == code
        assert words in " ".join(refused.stderr.replace("│", "").split())


def answers(lines: list[dict[str, Any]]) -> list[str | None]:
    return [line["label"] for line in lines]
