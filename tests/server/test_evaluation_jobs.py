"""Evaluation over HTTP gives the figures of `onelook evaluate`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from engine.cli.app import app
from engine.recognizer import Recognizer
from tests.server.conftest import png
from tests.server.test_jobs import finished
from tests.server.test_recognition_routes import enroll, recognize

KNOWN, STRANGERS = range(10), range(500, 540)


def evaluated(client: TestClient, files: dict[str, bytes]) -> dict:
    given = [("files", (f"q/{name}", data)) for name, data in files.items()]
    return finished(client, client.post("/v1/jobs/evaluation", files=given).json()["id"])


def queries() -> dict[str, bytes]:
    """Ten pictures of classes, as many strangers as an evaluation asks for, and a broken one."""
    files = {f"thing {seed}.png": png(seed, size=64) for seed in KNOWN}
    files |= {f"stranger {seed}.png": png(seed) for seed in STRANGERS}
    return files | {"broken.png": b"broken"}


def test_an_evaluation_counts_the_answers(client: TestClient) -> None:
    for seed in range(20):
        enroll(client, f"thing {seed}", seed)

    job = evaluated(client, queries())
    evaluation = client.get("/v1/quality").json()["evaluation"]

    assert evaluation == job["report"]["evaluation"]
    assert (evaluation["known"], evaluation["strangers"]) == (10, 40)
    [reject] = job["report"]["rejects"]
    assert reject["source"] == "<upload q/broken.png>"
    # The same four colours at another size are the same to the fake backbone.
    figures = evaluation["figures"]
    shares = [figures[name]["value"] for name in ("tpir_reached", "top_1", "misidentified")]
    assert shares == [1.0, 1.0, 0.0]
    named = recognize(client, *STRANGERS)
    reached = figures["fpir_reached"]["value"]
    assert reached == sum(decision["known"] for decision in named) / len(STRANGERS)
    assert sum(evaluation["stranger_scores"]["counts"]) == len(STRANGERS)
    fpirs = np.array([point["fpir"] for point in evaluation["det"]])
    misses = np.array([point["fnir"] for point in evaluation["det"]])
    assert (np.diff(fpirs) <= 0).all()
    assert (np.diff(misses) >= 0).all()


def test_the_figures_are_those_of_the_command(
    client: TestClient, opened: Recognizer, tmp_path: Path
) -> None:
    for seed in range(20):
        enroll(client, f"thing {seed}", seed)
    files = queries()
    folder = tmp_path / "q"
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)

    job = evaluated(client, dict(sorted(files.items())))
    said = CliRunner().invoke(
        app,
        ["evaluate", "-g", str(opened.gallery.location), "--queries", str(folder), "--json"],
        catch_exceptions=False,
    )

    assert said.exit_code == 3  # one picture is broken
    told = json.loads(said.stdout)
    evaluation = job["report"]["evaluation"]
    shown = {
        name: {part: value for part, value in figure.items() if value is not None}
        for name, figure in evaluation["figures"].items()
    }
    assert shown == told["figures"]
    assert evaluation["warnings"] == told["warnings"]
    assert evaluation["strangers_are"] == told["strangers_are"]


def test_with_few_strangers_the_classes_take_turns(client: TestClient) -> None:
    for seed in range(20):
        enroll(client, f"thing {seed}", seed)

    job = evaluated(client, {f"thing {seed}.png": png(seed, 64) for seed in KNOWN})

    evaluation = job["report"]["evaluation"]
    assert (evaluation["known"], evaluation["strangers"]) == (10, 10)
    assert "in turn" in evaluation["strangers_are"]


def test_labels_are_compared_as_the_gallery_writes_them(client: TestClient) -> None:
    enroll(client, "café", 1)
    enroll(client, "cup", 2)
    job = evaluated(client, {"cafe\u0301.png": png(1, 64)})
    assert job["report"]["evaluation"]["known"] == 1


def test_what_cant_be_measured_is_said_in_the_librarys_words(client: TestClient) -> None:
    job = evaluated(client, {"thing.png": png(1)})
    assert job["state"] == "failed"
    assert "enroll pictures first" in job["error"]
