"""Recognition goes on where what is unknown can't be kept, and it is said."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from engine.catalog.service import ReviewStore
from engine.errors import StorageError, UnavailableError
from engine.recognizer import Recognizer
from engine.server import keeping
from engine.server.options import ServerOptions
from engine.testing.fake_backbone import FakeBackbone
from tests.server.conftest import client_of, png, seen


def test_a_full_disk_stops_keeping_not_recognising(
    opened: Recognizer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    full = True
    keep = ReviewStore.keep

    def keep_if_there_is_room(self: ReviewStore, *args: object, **options: object) -> int:
        if full:
            raise StorageError("the disk is full; make room")
        return keep(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(ReviewStore, "keep", keep_if_there_is_room)
    monkeypatch.setattr(keeping, "REST_SECONDS", 0.0)
    with client_of(opened, ServerOptions(rate=0, keep_unknown=5)) as client:
        for seed in range(3):
            answer = client.post("/v1/recognize", files={"images": png(seed)})
            assert answer.status_code == 200
            assert answer.json()["results"][0]["known"] is False
        assert "the disk is full" in caplog.text
        assert sum("can't be kept" in record.getMessage() for record in caplog.records) == 1
        ready = client.get("/readyz")
        assert ready.status_code == 200
        assert "can't be kept" in ready.json()["problems"][0]

        full = False
        with caplog.at_level(logging.WARNING):
            client.post("/v1/recognize", files={"images": png(9)})
        assert "kept again" in caplog.text
        assert client.get("/readyz").json() == {"status": "ready", "problems": []}
        assert client.get("/v1/review").json()["total"] == 1


def test_a_moved_gallery_turns_readiness_red(gallery: Path, opened: Recognizer) -> None:
    with client_of(opened, ServerOptions(rate=0)) as client:
        assert client.get("/readyz").status_code == 200
        gallery.rename(gallery.with_name("moved.gallery"))
        seen(lambda: client.get("/readyz").status_code == 503)
        said = client.get("/readyz").json()
        assert said["status"] == "broken"
        assert "moved or deleted" in said["problems"][0]
        assert str(gallery) not in str(said)
        assert client.get("/healthz").status_code == 200
        gallery.with_name("moved.gallery").rename(gallery)
        seen(lambda: client.get("/readyz").status_code == 200)


def test_a_database_that_is_away_is_said_and_recognition_goes_on(
    opened: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.enroll("cup", png(1))
    with client_of(opened, ServerOptions(rate=0)) as client:

        def away(self: object) -> object:
            raise UnavailableError("the server is away")

        with monkeypatch.context() as patched:
            patched.setattr(type(opened.gallery.catalog), "state", away)
            seen(lambda: client.get("/readyz").json()["problems"] != [])
            assert client.get("/readyz").status_code == 200
            answer = client.post("/v1/recognize", files={"images": png(1)})
            assert answer.json()["results"][0]["label"] == "cup"
        seen(lambda: client.get("/readyz").json()["problems"] == [])


def test_a_gallery_put_in_the_place_of_another_is_served_and_readiness_green_again(
    gallery: Path, opened: Recognizer, tmp_path: Path
) -> None:
    opened.enroll("cup", png(1))
    opened.gallery.backup(tmp_path / "backup")
    opened.enroll("mug", png(2))
    with client_of(opened, ServerOptions(rate=0)) as client:
        gallery.rename(tmp_path / "aside")
        seen(lambda: client.get("/readyz").status_code == 503)
        (tmp_path / "backup").rename(gallery)
        seen(lambda: client.get("/readyz").json() == {"status": "ready", "problems": []})
        labels = [
            client.post("/v1/recognize", files={"images": png(seed)}).json()["results"][0]["label"]
            for seed in (1, 2)
        ]
    assert labels == ["cup", None]


def test_another_networks_gallery_in_the_place_stays_red(
    gallery: Path, opened: Recognizer, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    Recognizer.open(other, create=True, backbone=FakeBackbone(1)).close()
    with client_of(opened, ServerOptions(rate=0)) as client:
        gallery.rename(tmp_path / "aside")
        other.rename(gallery)
        seen(lambda: "isn't served yet" in str(client.get("/readyz").json()["problems"]))
        assert client.get("/readyz").status_code == 503
