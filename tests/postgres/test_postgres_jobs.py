"""Jobs of a gallery that several machines serve: any of them takes files, and any does the work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from engine.catalog.service import JobState
from engine.gallery.parts.migrating import migrate_gallery
from engine.recognizer import Recognizer
from engine.server.options import ServerOptions
from engine.testing.fake_backbone import FakeBackbone
from tests.server.conftest import client_of, png
from tests.server.test_jobs import begin, finished


@pytest.fixture
def machines(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Recognizer, Recognizer]]:
    """The gallery as two machines open it: they share the database and no folder."""
    monkeypatch.setenv("ONELOOK_CACHE_DIR", str(tmp_path / "first"))
    with Recognizer.open(url, create=True, backbone=FakeBackbone()) as first:
        monkeypatch.setenv("ONELOOK_CACHE_DIR", str(tmp_path / "second"))
        with Recognizer.open(url, backbone=FakeBackbone()) as second:
            assert first.gallery.folder.path != second.gallery.folder.path
            yield first, second


def test_files_that_came_to_several_machines_are_enrolled_together(
    machines: tuple[Recognizer, Recognizer],
) -> None:
    options = ServerOptions(rate=0)
    with client_of(machines[0], options) as first, client_of(machines[1], options) as second:
        job = begin(first, [("shop/a.png", png(1))], hold="true")
        path = f"/v1/jobs/{job['id']}"
        second.post(f"{path}/files", files={"files": ("shop/b.png", png(2))})
        assert second.post(f"{path}/start").json()["total"] == 2

        done = finished(first, job["id"])

        assert (done["state"], done["report"]["added"]) == ("done", 2)
        assert machines[0].gallery.catalog.service.job_files.listed(job["id"]) == []


def test_another_machine_does_what_one_that_died_had_begun(
    machines: tuple[Recognizer, Recognizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.server.jobs import runner

    jobs = machines[0].gallery.catalog.service.jobs
    with client_of(machines[0], ServerOptions(rate=0)) as first:
        job = begin(first, [("a.png", png(1)), ("b.png", png(2))], hold="true")
    jobs.start(job["id"], total=2)
    assert jobs.claim("a machine that died", silence=timedelta(seconds=30)) is not None
    monkeypatch.setattr(runner, "SILENCE", timedelta(0))

    with client_of(machines[1], ServerOptions(rate=0)) as second:
        done = finished(second, job["id"])

    assert (done["state"], done["report"]["added"]) == ("done", 2)


def test_a_migrated_gallery_says_that_a_jobs_files_stayed_behind(
    machines: tuple[Recognizer, Recognizer], empty_url: str, tmp_path: Path
) -> None:
    with client_of(machines[0], ServerOptions(rate=0)) as first:
        job = begin(first, [("a.png", png(1))], hold="true")
    machines[0].gallery.catalog.service.jobs.start(job["id"], total=1)
    folder = tmp_path / "copy.gallery"
    migrate_gallery(empty_url, folder)

    with (
        Recognizer.open(folder, backbone=FakeBackbone()) as copy,
        client_of(copy, ServerOptions(rate=0)) as client,
    ):
        done = finished(client, job["id"])

    assert done["state"] == "failed"
    assert "1 of the job's 1 files are gone" in done["error"]


def test_an_upload_that_nobody_finished_is_let_go(
    machines: tuple[Recognizer, Recognizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.server.jobs import runner

    store = machines[0].gallery.catalog.service
    with client_of(machines[0], ServerOptions(rate=0)) as first:
        job = begin(first, [("a.png", png(1))], hold="true")
    assert len(store.job_files.listed(job["id"])) == 1
    monkeypatch.setattr(runner, "ABANDONED", timedelta(0))

    with client_of(machines[1], ServerOptions(rate=0)):
        while store.job_files.listed(job["id"]):
            time.sleep(0.02)

    assert store.jobs.get(job["id"]).state is JobState.CANCELLED
