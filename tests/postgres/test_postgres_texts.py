"""Texts in a server's database: moved there and back, followed, with either index."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.backbones import Backbone
from engine.gallery.parts.migrating import migrate_gallery
from engine.recognizer import Recognizer
from tests.postgres.pictures import picture


@pytest.mark.parametrize("index", ["faiss", "pgvector"])
def test_a_gallery_of_texts_and_pictures_goes_there_and_back(
    url: str, tmp_path: Path, clip: Backbone, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONELOOK_CACHE_DIR", str(tmp_path / "cache"))
    asked = picture(9)
    with Recognizer.open(tmp_path / "a", create=True, backbone=clip) as recognizer:
        recognizer.enroll("thing", picture(1))
        recognizer.enroll("mug", text="a red mug")
        before = recognizer.recognize(asked).to_json()
    migrate_gallery(tmp_path / "a", url)
    with (
        Recognizer.open(url, backbone=clip, index=index) as one,
        Recognizer.open(url, backbone=clip, index=index) as other,
    ):
        found = one.recognize(asked).to_json()
        assert found["text"] == before["text"]
        assert found["score"] == pytest.approx(before["score"], abs=1e-5)
        one.enroll("car", text="a blue car")
        one.gallery.classes.merge(["car"], "mug")
        other.gallery._live.newest()
        assert set(other.gallery.snapshot().texts.texts.values()) == {"a red mug", "a blue car"}
        assert len(other.gallery.snapshot().examples) == 1
        assert one.gallery.check() == []
    migrate_gallery(url, tmp_path / "b")
    with Recognizer.open(tmp_path / "b", backbone=clip) as back:
        assert [each.text for each in back.nearest(text="a blue car") if each.text] == [
            "a blue car"
        ]
        assert back.gallery.check() == []
