"""A gallery in a server's database, shared by several recognisers."""

from __future__ import annotations

import logging
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import Box, Crop
from engine.errors import UnavailableError
from engine.gallery import Gallery
from engine.recognizer import Recognizer
from engine.settings import load_settings
from engine.testing.fake_backbone import FakeBackbone
from tests.cli.conftest import ENVIRONMENT
from tests.conftest import quarters
from tests.postgres.pictures import picture
from tests.postgres.proxy import CUT_AFTER, CUT_BEFORE, CuttingProxy
from tests.test_boxes import place, shelf


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONELOOK_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("ONELOOK_POLL_SECONDS", "0")


@pytest.fixture
def writer(url: str) -> Iterator[Recognizer]:
    with Recognizer.open(url, create=True, backbone=FakeBackbone()) as opened:
        yield opened


def enroll(recognizer: Recognizer, *seeds: int) -> None:
    recognizer.enroll_catalog((f"thing {seed}", picture(seed)) for seed in seeds)


def nearest(recognizer: Recognizer, seed: int) -> str:
    return recognizer.nearest(picture(seed), 1)[0].label


def test_a_part_is_remembered_and_enrolling_it_again_changes_nothing(writer: Recognizer) -> None:
    parts = [(f"thing {n}", Crop(shelf(1, 2), Box.of(place(n)))) for n in range(2)]

    first, again = writer.enroll_catalog(parts), writer.enroll_catalog(parts)

    assert (first.added, again.unchanged) == (2, 2)
    examples = writer.gallery.catalog.ask(lambda read: read.examples.listed())
    assert [example.box for example in examples] == [Box.of(place(0)), Box.of(place(1))]
    assert writer.nearest(quarters(2), 1)[0].label == "thing 1"


def test_another_recogniser_follows_without_loading_anew(
    writer: Recognizer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    enroll(writer, *range(4))
    with Recognizer.open(url, backbone=FakeBackbone()) as reader:
        index = reader.gallery.index
        enroll(writer, 4)
        assert nearest(reader, 4) == "thing 4"
        writer.gallery.classes.rename("thing 4", "cup")
        writer.gallery.classes.remove("thing 0")
        assert nearest(reader, 4) == "cup"
        assert nearest(reader, 0) != "thing 0"
        assert reader.gallery.index is index
        thresholds = {
            record.label: (
                reader.gallery.classes.threshold(record.id),
                writer.gallery.classes.threshold(record.id),
            )
            for record in writer.gallery.catalog.ask(lambda read: read.classes.listed())
        }
    assert all(here == there for here, there in thresholds.values())


def test_decisions_are_those_of_a_folder(writer: Recognizer, tmp_path: Path) -> None:
    enroll(writer, *range(8))
    with Recognizer.open(tmp_path / "g", create=True, backbone=FakeBackbone()) as local:
        enroll(local, *range(8))
        for seed in range(12):
            shared_json = writer.recognize(picture(seed)).to_json()
            assert shared_json == local.recognize(picture(seed)).to_json()
    assert writer.gallery.check() == []


def test_the_snapshot_lies_in_the_cache_under_the_gallerys_id(
    writer: Recognizer, url: str, tmp_path: Path
) -> None:
    enroll(writer, *range(3))
    uuid = writer.gallery.catalog.state().uuid
    writer.close()
    assert (tmp_path / "cache" / "galleries" / uuid / "index.faiss").is_file()
    with Gallery.open(url) as again:
        assert len(again.snapshot().index) == 3
        assert again.check() == []


def test_recognising_goes_on_while_the_server_is_away(
    proxied_url: str, proxy: CuttingProxy, caplog: pytest.LogCaptureFixture
) -> None:
    with Recognizer.open(proxied_url, create=True, backbone=FakeBackbone()) as recognizer:
        enroll(recognizer, 1, 2)
        proxy.refusing = True
        proxy.drop_all()
        with caplog.at_level(logging.WARNING):
            assert [nearest(recognizer, n) for n in (1, 2)] == ["thing 1", "thing 2"]
        assert [r.message for r in caplog.records if "going on with what was known" in r.message]
        with pytest.raises(UnavailableError):
            recognizer.gallery.classes.rename("thing 1", "cup")
        proxy.refusing = False
        recognizer.gallery.classes.rename("thing 1", "cup")
        assert nearest(recognizer, 1) == "cup"


@pytest.mark.parametrize("cut", [CUT_BEFORE, CUT_AFTER])
def test_enrolling_survives_a_cut_and_does_nothing_twice(
    proxied_url: str, proxy: CuttingProxy, cut: str
) -> None:
    with Recognizer.open(proxied_url, create=True, backbone=FakeBackbone()) as recognizer:
        proxy.cut = cut
        report = recognizer.enroll_catalog((f"thing {n}", picture(n)) for n in range(40))
        assert proxy.cuts == 1
        assert report.added == 40
        assert recognizer.gallery.catalog.counts().examples == 40
        assert recognizer.gallery.check() == []


WORKER = textwrap.dedent(
    """
    import sys
    from engine.recognizer import Recognizer
    from engine.testing.fake_backbone import FakeBackbone
    from tests.postgres.pictures import picture

    number = int(sys.argv[2])
    with Recognizer.open(sys.argv[1], create=True, backbone=FakeBackbone()) as recognizer:
        for seed in range(number * 5, number * 5 + 5):
            recognizer.enroll(f"thing {seed}", picture(seed))
            recognizer.enroll("shared", picture(1000 + seed % 3), allow_duplicates=True)
            assert recognizer.nearest(picture(seed), 1)[0].label == f"thing {seed}"
    """
)


@pytest.mark.slow
def test_ten_processes_enroll_and_recognise_at_once(url: str) -> None:
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, url, str(number)], env=ENVIRONMENT)
        for number in range(10)
    ]
    try:
        assert [worker.wait(timeout=300) for worker in workers] == [0] * 10
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    with Recognizer.open(url, backbone=FakeBackbone()) as recognizer:
        counts = recognizer.gallery.catalog.counts()
        assert (counts.classes, counts.examples) == (51, 53)
        assert recognizer.gallery.check() == []
        assert all(nearest(recognizer, seed) == f"thing {seed}" for seed in range(50))


def test_a_new_class_is_seen_everywhere_within_a_second(
    writer: Recognizer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the default poll interval; the wait is bounded by hand-set seconds, not measured."""
    monkeypatch.delenv("ONELOOK_POLL_SECONDS")
    enroll(writer, 1)
    with Recognizer.open(url, backbone=FakeBackbone()) as reader:
        assert nearest(reader, 2) == "thing 1"
        enroll(writer, 2)
        time.sleep(load_settings().poll_seconds)
        assert load_settings().poll_seconds < 1
        assert nearest(reader, 2) == "thing 2"


def test_the_command_works_on_a_url_and_shows_no_password(empty_url: str, tmp_path: Path) -> None:
    for seed in range(6):
        quarters(seed).save(tmp_path / f"thing {seed}.png")
    gallery = empty_url.replace("postgres@", "postgres:s3cret@")

    def onelook(*arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "engine.cli", *arguments],
            env=ENVIRONMENT,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert "s3cret" not in done.stdout + done.stderr
        return done.stdout + done.stderr

    assert "onelook upgrade" in onelook("enroll", ".", "--gallery", gallery, code=1)
    assert "ready (schema" in onelook("upgrade", gallery)
    assert "up to date" in onelook("upgrade", gallery)
    assert "6 classes, 6 examples" in onelook("enroll", ".", "--gallery", gallery)
    assert "thing 3" in onelook("nearest", "thing 3.png", "-k", "1", "--gallery", gallery)
    assert "sound (6 classes" in onelook("check", "--gallery", gallery)
    told = onelook("info", "--gallery", gallery)
    assert "postgresql+psycopg://" in told
    assert "faiss, since no process has asked for pgvector (kind exact, size 6" in told
    assert "the database searches" in onelook("rebuild", "--gallery", gallery, "--index=pgvector")
    told = onelook("info", "--gallery", gallery)
    assert "pgvector, since the database holds a table for it (kind approximate, size 6" in told
    assert "thing 3" in onelook("nearest", "thing 3.png", "-k", "1", "--gallery", gallery)
    assert "each process searches" in onelook("rebuild", "--gallery", gallery, "--index=faiss")
    assert "faiss, since no process" in onelook("info", "--gallery", gallery)
