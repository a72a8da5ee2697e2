"""A gallery goes into a server's database and back, and is the same."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine import Box, Crop
from engine.catalog import copying
from engine.errors import GalleryError, GalleryNotFoundError, GalleryVersionError
from engine.gallery.parts.migrating import migrate_gallery
from engine.recognizer import Recognizer
from engine.testing.fake_backbone import FakeBackbone
from tests.postgres.conftest import NewSchema
from tests.postgres.pictures import picture


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Thirty classes of which some were renamed, pinned and removed, a token and a reject."""
    monkeypatch.setenv("ONELOOK_CACHE_DIR", str(tmp_path / "cache"))
    path = tmp_path / "a"
    part = Crop(picture(7), Box(0, 0, 0.5, 0.5))
    with Recognizer.open(path, create=True, backbone=FakeBackbone()) as recognizer:
        recognizer.enroll_catalog(
            [
                *((f"thing {n}", part if n == 7 else picture(n), {"n": n}) for n in range(30)),
                ("bad", b"no picture"),
            ]
        )
        recognizer.gallery.classes.rename("thing 3", "Füchslein 狐")
        recognizer.gallery.classes.pin("thing 4", 0.75)
        recognizer.gallery.classes.remove("thing 29")
        tokens = recognizer.gallery.catalog.service.tokens
        until = datetime(2100, 1, 1, tzinfo=UTC)
        tokens.add("t", name="x", secret_hash="h", scope="admin", expires_at=until)
        tokens.used({"t": datetime(2026, 11, 27, tzinfo=UTC)})
    return path


def content(place: Any) -> dict[str, Any]:
    with Recognizer.open(place, backbone=FakeBackbone()) as recognizer:
        gallery = recognizer.gallery
        catalog = gallery.catalog
        assert gallery.check() == []
        described = gallery.describe().to_json()
        for name in ("gallery", "index"):
            del described[name]
        [batch] = catalog.stream(lambda read: read.embeddings.stream(catalog.state().space.id))
        examples = catalog.ask(lambda read: read.examples.listed())
        return {
            "described": described,
            "classes": catalog.ask(lambda read: read.classes.listed()),
            "examples": examples,
            "pictures": [catalog.picture(example.id) for example in examples],
            "vectors": batch.vectors.tobytes(),
            "pins": catalog.ask(lambda read: read.classes.pins()),
            "rejects": catalog.ask(lambda read: read.rejects()),
            "changes": catalog.ask(lambda read: read.log.since(0)),
            "tokens": catalog.service.tokens.all(),
            "decisions": [recognizer.recognize(picture(n)).to_json() for n in (1, 3, 29, 99)],
        }


def test_there_and_back_is_the_same(folder: Path, url: str, tmp_path: Path) -> None:
    before = content(folder)
    assert migrate_gallery(folder, url)["example"] == 29
    assert content(url) == before
    migrate_gallery(url, tmp_path / "b")
    assert content(tmp_path / "b") == before
    assert not list((tmp_path / "b").glob("*.migrating*"))


def test_ids_of_what_was_removed_are_not_given_again(
    folder: Path, url: str, tmp_path: Path
) -> None:
    migrate_gallery(folder, url)
    migrate_gallery(url, tmp_path / "b")
    ids = []
    for place in (folder, url, tmp_path / "b"):
        with Recognizer.open(place, backbone=FakeBackbone()) as recognizer:
            ids.append(recognizer.enroll("new", picture(500)).example_id)
    assert ids == [31, 31, 31]


@pytest.mark.parametrize("backwards", [False, True])
def test_an_interrupted_copy_is_no_gallery_and_goes_on(
    folder: Path, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backwards: bool
) -> None:
    source, destination = (folder, url)
    if backwards:
        migrate_gallery(folder, url)
        source, destination = (url, tmp_path / "b")  # type: ignore[assignment]
    before = content(source)
    monkeypatch.setattr(copying, "BATCH", 7)
    copied: list[int] = []

    def interrupt(rows: int) -> None:
        copied.append(rows)
        if sum(copied) > 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrate_gallery(source, destination, interrupt)
    with pytest.raises(GalleryNotFoundError):
        content(destination)
    again: list[int] = []
    migrate_gallery(source, destination, again.append)
    assert content(destination) == before
    assert sum(again) < sum(copied) + sum(again) - 40


def test_a_source_that_changed_in_between_is_noticed(folder: Path, url: str) -> None:
    copied = 0

    def interrupt_late(rows: int) -> None:
        nonlocal copied
        copied += rows
        if copied > 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrate_gallery(folder, url, interrupt_late)
    with Recognizer.open(folder, backbone=FakeBackbone()) as recognizer:
        recognizer.gallery.classes.rename("thing 5", "other")
    with pytest.raises(GalleryError, match="differs from"):
        migrate_gallery(folder, url)


def test_a_destination_must_be_free_and_ready(
    folder: Path, url: str, new_schema: NewSchema, tmp_path: Path
) -> None:
    with pytest.raises(GalleryVersionError, match="onelook upgrade"):
        migrate_gallery(folder, new_schema())
    migrate_gallery(folder, url)
    with pytest.raises(GalleryError, match="a gallery is there already"):
        migrate_gallery(folder, url)
    with pytest.raises(GalleryError, match="there already"):
        migrate_gallery(url, folder)
    with pytest.raises(GalleryNotFoundError):
        migrate_gallery(tmp_path / "nothing", url)
