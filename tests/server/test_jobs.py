"""Jobs run in the background, survive a restart, can be followed and stopped."""

from __future__ import annotations

import io
import json
import time
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from engine.catalog.service import JobState, JobStore
from engine.errors import StorageError
from engine.recognizer import Recognizer
from engine.server.jobs import enrolment, runner
from engine.server.jobs.staging import labels_of
from engine.server.options import ServerOptions
from tests.server.conftest import client_of, png
from tests.server.test_recognition_routes import enroll, recognize


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return buffer.getvalue()


def finished(client: TestClient, job_id: int) -> dict:
    """Wait for a job, by its events."""
    with client.stream("GET", f"/v1/jobs/{job_id}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data:")]
    return events[-1]


def begin(client: TestClient, files: list[tuple[str, bytes]], **form: str) -> dict:
    answer = client.post("/v1/jobs/enrolment", files=[("files", f) for f in files], data=form)
    assert answer.status_code == 202, answer.text
    return answer.json()


def test_an_archive_is_enrolled_and_its_rejects_are_listed(client: TestClient) -> None:
    packed = archive(
        {
            "shop/mug/1.png": png(1),
            "shop/mug/2.png": png(2),
            "shop/tea cup.png": png(3),
            "shop/notes.txt": b"not a picture",
            "shop/same.png": png(3),
            "shop/.hidden.png": png(4),
            "__MACOSX/shop/mug/1.png": b"junk",
        }
    )

    job = finished(client, begin(client, [("shop.zip", packed)])["id"])

    assert job["state"] == "done"
    assert (job["done"], job["total"]) == (5, 5)
    assert (job["report"]["added"], job["report"]["rejected"]) == (3, 2)
    reasons = {reject["source"]: reject["reason"] for reject in job["report"]["rejects"]}
    assert "text" in reasons["<upload shop/notes.txt>"]
    assert "already enrolled as" in reasons["<upload shop/same.png>"] + reasons.get(
        "<upload shop/tea cup.png>", ""
    )
    assert [decision["label"] for decision in recognize(client, 1, 2)] == ["mug", "mug"]


def test_many_files_come_in_pieces_and_begin_when_told_to(
    client: TestClient, opened: Recognizer
) -> None:
    job = begin(client, [("shop/a.png", png(1))], hold="true")
    path = f"/v1/jobs/{job['id']}"
    assert job["state"] == "uploading"
    assert client.post(f"{path}/files", files={"files": ("shop/b.png", png(2))}).status_code == 200
    assert client.post(f"{path}/start").status_code == 200

    done = finished(client, job["id"])

    assert done["report"]["added"] == 2
    labels = [entry["label"] for entry in client.get("/v1/classes").json()["classes"]]
    assert labels == ["a", "b"]
    assert client.post(f"{path}/files", files={"files": ("c.png", png(3))}).status_code == 400
    assert not (opened.gallery.folder.path / "jobs" / str(job["id"])).exists()


def test_a_label_may_be_given_for_all(client: TestClient) -> None:
    files = [(f"{seed}.png", png(seed)) for seed in range(3)]
    finished(client, begin(client, files, label="mug")["id"])
    [mug] = client.get("/v1/classes").json()["classes"]
    assert (mug["label"], mug["examples"]) == ("mug", 3)


def test_near_duplicates_come_with_both_pictures(client: TestClient) -> None:
    for seed in range(4):
        enroll(client, f"thing {seed}", seed)
    files = [("twin.png", png(2, size=64))]

    job = finished(client, begin(client, files)["id"])

    [pair] = job["report"]["near_duplicates"]
    assert (pair["label"], pair["other"]) == ("twin", "thing 2")
    for example_id in (pair["example_id"], pair["other_example_id"]):
        assert client.get(f"/v1/examples/{example_id}/picture").status_code == 200


def test_a_job_is_stopped_and_keeps_what_it_enrolled(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrolment, "CHUNK", 1)
    files = [(f"thing {seed}.png", png(seed)) for seed in range(60)]
    job = begin(client, files)
    while client.get(f"/v1/jobs/{job['id']}").json()["done"] < 2:
        time.sleep(0.01)

    client.post(f"/v1/jobs/{job['id']}/cancel")
    over = finished(client, job["id"])

    assert over["state"] == "cancelled"
    assert 2 <= over["done"] < 60
    assert len(client.get("/v1/classes?limit=500").json()["classes"]) == over["done"]


def test_a_job_is_gone_on_with_after_a_restart(
    opened: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrolment, "CHUNK", 1)
    files = [(f"thing {seed:02}.png", png(seed)) for seed in range(40)]
    with client_of(opened) as client:
        job = begin(client, files)
        while client.get(f"/v1/jobs/{job['id']}").json()["done"] < 3:
            time.sleep(0.01)
    left = opened.gallery.catalog.service.jobs.get(job["id"])
    assert left.state is JobState.WAITING
    assert 3 <= left.done < 40

    with client_of(opened) as client:
        over = finished(client, job["id"])

    assert (over["state"], over["done"], over["report"]["added"]) == ("done", 40, 40)
    assert opened.gallery.catalog.counts().examples == 40


def test_a_job_of_a_dead_process_is_taken_over(
    opened: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = opened.gallery.catalog.service.jobs
    job = jobs.add("calibration", {}, state=JobState.WAITING)
    assert jobs.claim("a process that died", silence=timedelta(seconds=30)) is not None
    monkeypatch.setattr(runner, "SILENCE", timedelta(0))
    with client_of(opened) as client:
        assert finished(client, job.id)["state"] == "done"


def test_a_job_whose_end_cant_be_noted_stops_no_others(
    opened: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish, refused = JobStore.finish, []

    def busy_once(*given: Any, **named: Any) -> bool:
        if refused:
            return finish(*given, **named)
        refused.append(given)
        raise StorageError("the database is busy")

    monkeypatch.setattr(JobStore, "finish", busy_once)
    with client_of(opened) as client:
        first = begin(client, [("a.png", png(1))])
        second = begin(client, [("b.png", png(2))])
        assert finished(client, second["id"])["state"] == "done"
        assert client.get(f"/v1/jobs/{first['id']}").json()["state"] == "running"
        monkeypatch.setattr(runner, "SILENCE", timedelta(0))
        assert finished(client, first["id"])["state"] == "done"


def test_calibration_runs_as_a_job(client: TestClient) -> None:
    for seed in range(30):
        enroll(client, f"thing {seed}", seed)

    job = finished(client, client.post("/v1/jobs/calibration").json()["id"])

    assert job["state"] == "done"
    quality = client.get("/v1/quality").json()
    assert quality["classes_then"] == 30
    assert quality["strangers"] >= 30
    assert 0 <= quality["measured_fpir"] <= 0.1


def test_enough_feedback_takes_part_in_calibration(opened: Recognizer) -> None:
    opened.enroll_catalog([(f"thing {seed}", png(seed)) for seed in range(30)])
    opened.gallery.thresholds.set_target_fpir(0.2)
    for seed in range(20):
        opened.confirm(png(600 + seed), None)
        opened.confirm(png(seed, 64), f"thing {seed}")
    with client_of(opened, ServerOptions(rate=0)) as client:
        finished(client, client.post("/v1/jobs/calibration").json()["id"])
        quality = client.get("/v1/quality").json()
        assert quality["method"] == "strangers and labelled queries"
        assert quality["strangers"] == 40
        scores = quality["feedback"]
        assert scores["right"] + scores["strangers_named"] == 40


def test_a_calibration_on_strangers_outlives_one_without_feedback(opened: Recognizer) -> None:
    opened.enroll_catalog([(f"thing {seed}", png(seed)) for seed in range(30)])
    strangers = [(f"stranger {seed}", png(900 + seed)) for seed in range(25)]
    opened.calibrate(target_fpir=0.2, unknown=strangers)
    with client_of(opened, ServerOptions(rate=0)) as client:
        before = client.get("/v1/quality").json()
        finished(client, client.post("/v1/jobs/calibration").json()["id"])
        after = client.get("/v1/quality").json()
    assert before["method"] == after["method"] == "strangers"
    assert after["strangers"] == 25


def test_the_target_moves_the_thresholds(client: TestClient) -> None:
    for seed in range(30):
        enroll(client, f"thing {seed}", seed)
    finished(client, client.post("/v1/jobs/calibration").json()["id"])
    before = client.get("/v1/quality").json()

    after = client.put("/v1/quality/target", json={"target_fpir": 0.5}).json()

    assert after["target_fpir"] == 0.5
    assert after["level"] < before["level"]
    assert client.put("/v1/quality/target", json={"target_fpir": 0}).status_code == 422


def test_jobs_are_listed_newest_first(client: TestClient) -> None:
    ids = [client.post("/v1/jobs/calibration").json()["id"] for _ in range(3)]
    first = client.get("/v1/jobs", params={"limit": 2}).json()
    rest = client.get("/v1/jobs", params={"limit": 2, "before": first["next"]}).json()
    assert [job["id"] for job in first["jobs"] + rest["jobs"]] == ids[::-1]
    assert client.get("/v1/jobs/99").json()["error"] == "JobNotFoundError"


def test_labels_follow_the_rule_of_folders() -> None:
    assert labels_of(["shop/mug/1.png", "shop/mug/in/2.png", "shop/cup.png"]) == [
        "mug",
        "mug",
        "cup",
    ]
    assert labels_of(["mug/1.png", "cup/1.png"]) == ["mug", "cup"]
    assert labels_of(["mug.png"]) == ["mug"]
    assert labels_of(["./a.b.png"]) == ["a.b"]


def test_the_queue_of_pictures_is_bounded(opened: Recognizer, tmp_path: Path) -> None:
    with client_of(opened, ServerOptions(queue=2, rate=0)) as client:
        answer = client.post(
            "/v1/recognize", files=[("images", (f"{s}.png", png(s))) for s in range(3)]
        )
        assert (answer.status_code, answer.json()["error"]) == (503, "OverloadedError")
        assert int(answer.headers["retry-after"]) >= 1
        assert recognize(client, 1, 2)[0]["reason"] == "empty_gallery"
