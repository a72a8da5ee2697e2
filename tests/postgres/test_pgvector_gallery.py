"""A gallery that is searched in the database, by several processes, from the first example on."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import make_url, text

from engine.catalog import Catalog
from engine.catalog.database import Database
from engine.errors import GalleryError, ReadOnlyError, SettingsError, UnavailableError
from engine.gallery import Gallery
from engine.gallery.following.index_in_database import CatalogSource
from engine.indexes.pgvector_index import PgvectorIndex, has_table
from engine.projections import Projection
from engine.recognizer import Recognizer
from engine.testing.fake_backbone import FakeBackbone
from tests.cli.conftest import ENVIRONMENT
from tests.postgres.pictures import picture


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONELOOK_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("ONELOOK_POLL_SECONDS", "0")


def opened(place: str | Path, index: str = "auto") -> Recognizer:
    return Recognizer.open(place, create=True, backbone=FakeBackbone(), index=index)


@pytest.fixture
def writer(url: str) -> Iterator[Recognizer]:
    with opened(url, "pgvector") as recognizer:
        yield recognizer


def enroll(recognizer: Recognizer, *seeds: int) -> None:
    recognizer.enroll_catalog((f"thing {seed}", picture(seed)) for seed in seeds)


def nearest(recognizer: Recognizer, seed: int) -> str:
    return recognizer.nearest(picture(seed), 1)[0].label


def served_by(recognizer: Recognizer) -> tuple[str, str]:
    index = recognizer.gallery.describe().index
    return index.engine, index.because


def run_sql(url: str, *statements: str) -> None:
    with Database(make_url(url)) as held, held.transaction(write=True) as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_decisions_are_those_of_a_folder(writer: Recognizer, tmp_path: Path) -> None:
    with opened(tmp_path / "g") as local:
        for recognizer in (writer, local):
            enroll(recognizer, *range(40))
            recognizer.gallery.classes.remove("thing 3")
            recognizer.gallery.classes.merge(["thing 4"], "thing 5")
        for seed in range(50):
            here, there = writer.recognize(picture(seed)), local.recognize(picture(seed))
            assert here.label == there.label
            assert [c.label for c in here.candidates] == [c.label for c in there.candidates]
            assert here.score == pytest.approx(there.score, abs=1e-4)
            assert here.threshold == pytest.approx(there.threshold, abs=1e-4)
    assert isinstance(writer.gallery.snapshot().index, PgvectorIndex)
    assert served_by(writer) == ("pgvector", "it was asked for")
    assert writer.gallery.check() == []


def test_whoever_comes_first_brings_the_table_up(writer: Recognizer, url: str) -> None:
    """One process keeps its own index and knows nothing of the table."""
    enroll(writer, *range(4))
    with opened(url, "faiss") as other, opened(url) as reader:
        assert served_by(other) == ("faiss", "it was asked for")
        assert served_by(reader) == ("pgvector", "the database holds a table for it")
        enroll(other, 4)
        other.gallery.classes.remove("thing 0")
        assert nearest(reader, 4) == "thing 4"
        assert nearest(writer, 4) == "thing 4"
        assert nearest(writer, 0) != "thing 0"
        assert len(writer.gallery.snapshot().index) == 4
        assert reader.gallery.check() == writer.gallery.check() == []


def test_without_being_asked_for_nothing_is_made(url: str) -> None:
    with opened(url) as recognizer:
        enroll(recognizer, 1)
        assert served_by(recognizer) == ("faiss", "no process has asked for pgvector")
    with opened(url, "pgvector") as recognizer:
        assert nearest(recognizer, 1) == "thing 1"


def test_a_gallery_goes_back_to_faiss_by_a_rebuild(writer: Recognizer, url: str) -> None:
    enroll(writer, 1, 2)
    writer.close()
    with opened(url, "faiss") as recognizer:
        recognizer.gallery.rebuild()
        assert nearest(recognizer, 2) == "thing 2"
    with opened(url) as recognizer:
        assert served_by(recognizer)[0] == "faiss"


def test_who_searched_a_table_that_is_gone_goes_on_without(writer: Recognizer, url: str) -> None:
    """Only who asked for pgvector makes it again; `auto` follows what the others chose."""
    enroll(writer, 1, 2)
    writer.close()
    with opened(url) as service, opened(url, "faiss") as other:
        assert served_by(service)[0] == "pgvector"
        other.gallery.rebuild()
        assert nearest(service, 2) == "thing 2"
        assert served_by(service) == ("faiss", "no process has asked for pgvector")
        enroll(other, 3)
        assert nearest(service, 3) == "thing 3"
        enroll(service, 4)
        assert service.gallery.check() == []
    with Database(make_url(url)) as held:
        assert not has_table(held.index_transaction)


def test_a_table_that_is_gone_is_made_again_only_where_that_is_meant(
    writer: Recognizer, url: str
) -> None:
    enroll(writer, 1, 2)
    snapshot = writer.gallery.snapshot()
    index = snapshot.index
    assert isinstance(index, PgvectorIndex)
    source = CatalogSource(writer.gallery.catalog, snapshot.space.id, snapshot.projection)
    with opened(url, "faiss") as other:
        other.gallery.rebuild()
        enroll(other, 3)
    with pytest.raises(UnavailableError, match="it is gone"):
        index.follow(source, make=False)
    index.follow(source)
    assert index.ids().tolist() == [1, 2, 3]


def test_a_rebuild_mends_the_table_while_others_search(writer: Recognizer, url: str) -> None:
    enroll(writer, *range(6))
    name = writer.gallery.snapshot().index.describe()["table"]
    run_sql(
        url,
        f"DELETE FROM {name} WHERE example_id = 2",
        f"UPDATE {name} SET vector = (SELECT vector FROM {name} WHERE example_id = 4) "
        "WHERE example_id = 1",
        "UPDATE vector_index SET size = size - 1",
    )
    with opened(url) as reader:
        assert reader.gallery.check() == [
            "the index lacks example 2, which the database has",
            "the index holds another vector for example 1 than the database",
        ]
        writer.gallery.rebuild()
        assert reader.gallery.check() == writer.gallery.check() == []
        assert [nearest(reader, seed) for seed in (0, 1)] == ["thing 0", "thing 1"]


def test_a_table_too_far_behind_is_filled_anew(writer: Recognizer, url: str) -> None:
    enroll(writer, *range(3))
    writer.close()
    with opened(url, "faiss") as other:
        enroll(other, 3)
        other.gallery.classes.remove("thing 1")
        with other.gallery.catalog.write() as transaction:
            transaction.trim_changes(keep=0)
    with opened(url) as recognizer:
        assert recognizer.gallery.check() == []
        assert len(recognizer.gallery.snapshot().index) == 3
        assert nearest(recognizer, 3) == "thing 3"


def test_a_filling_that_was_cut_short_goes_on(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(url) as recognizer:
        enroll(recognizer, *range(10))
    from engine.indexes import pgvector_index

    monkeypatch.setattr(pgvector_index, "BATCH", 3)
    read = CatalogSource.vectors_after
    asked: list[int] = []

    def cut_short(source: CatalogSource, example_id: int, count: int) -> Any:
        asked.append(example_id)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return read(source, example_id, count)

    monkeypatch.setattr(CatalogSource, "vectors_after", cut_short)
    with pytest.raises(KeyboardInterrupt):
        opened(url, "pgvector")
    with opened(url, "faiss") as other:  # what is filled in already changes meanwhile
        other.gallery.classes.remove("thing 2")
        enroll(other, 11)
    with opened(url, "pgvector") as recognizer:
        assert asked == [0, 3, 6, 6, 9, 11]
        assert recognizer.gallery.check() == []
        assert nearest(recognizer, 11) == "thing 11"


def test_another_searched_space_gets_a_table_of_its_own(writer: Recognizer, url: str) -> None:
    enroll(writer, *range(6))
    dimension = writer.gallery.catalog.state().space.dimension
    rotation = np.linalg.qr(np.random.default_rng(0).standard_normal((dimension, dimension)))[0]
    half = Projection(
        "half", np.zeros(dimension, np.float32), rotation[:, : dimension // 2].astype(np.float32)
    )
    with opened(url) as reader:
        first = reader.gallery.snapshot().index.describe()
        writer.gallery.spaces.project(half)
        assert nearest(reader, 3) == "thing 3"
        second = reader.gallery.snapshot().index.describe()
        assert second["table"] != first["table"]
        assert second["dimension"] == dimension // 2
        assert reader.gallery.check() == []
    with Database(make_url(url)) as held, held.transaction() as connection:
        found = connection.execute(text("SELECT name FROM vector_index"))
        assert found.scalars().all() == [second["table"]]


WORKER = textwrap.dedent(
    """
    import sys
    from engine.recognizer import Recognizer
    from engine.testing.fake_backbone import FakeBackbone
    from tests.postgres.pictures import picture

    number = int(sys.argv[2])
    with Recognizer.open(
        sys.argv[1], create=True, backbone=FakeBackbone(), index="pgvector"
    ) as recognizer:
        for seed in range(number * 5, number * 5 + 5):
            recognizer.enroll(f"thing {seed}", picture(seed))
            assert recognizer.nearest(picture(seed), 1)[0].label == f"thing {seed}"
        recognizer.gallery.classes.remove(f"thing {number * 5}")
    """
)


@pytest.mark.slow
def test_processes_that_enroll_search_and_remove_at_once_lose_nothing(url: str) -> None:
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, url, str(number)], env=ENVIRONMENT)
        for number in range(4)
    ]
    assert [worker.wait(timeout=100) for worker in workers] == [0] * 4
    with opened(url) as recognizer:
        assert recognizer.gallery.catalog.counts().examples == 16
        assert len(recognizer.gallery.snapshot().index) == 16
        assert recognizer.gallery.check() == []


def test_a_folder_can_not_be_searched_by_pgvector(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="onelook migrate"):
        opened(tmp_path / "g", "pgvector")
    assert not (tmp_path / "g").exists()
    with pytest.raises(SettingsError, match="pgvector"):
        opened(tmp_path / "g", "annoy")


def test_who_may_not_write_searches_what_is_there(writer: Recognizer, url: str) -> None:
    enroll(writer, 1, 2)
    writer.close()
    schema = url.split("schema=")[1]
    role = f"reader_{schema}"
    run_sql(
        url,
        f"CREATE ROLE {role} LOGIN",
        f"GRANT USAGE ON SCHEMA {schema} TO {role}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}",
    )
    with opened(url, "faiss") as other:
        enroll(other, 3)
    with opened(url.replace("postgres@", f"{role}@")) as reader:
        assert nearest(reader, 2) == "thing 2"
        assert len(reader.gallery.snapshot().index) == 2  # the third is not in the table yet
    with opened(url) as again:
        assert nearest(again, 3) == "thing 3"
    with Gallery.open(url, read_only=True, index="pgvector") as gallery:
        assert len(gallery.snapshot().index) == 3


def test_who_may_not_write_can_not_make_the_table(url: str) -> None:
    with opened(url) as recognizer:
        enroll(recognizer, 1)
    with pytest.raises(ReadOnlyError, match="must be made first"):
        Gallery.open(url, read_only=True, index="pgvector")


def test_a_server_without_the_extension_says_what_to_do(server: str) -> None:
    """In a database of its own, as the other tests use the extension."""
    run_outside_a_transaction(server, "CREATE DATABASE bare", "CREATE ROLE visitor LOGIN")
    bare = server.replace("/postgres?", "/bare?")
    Catalog.upgrade(bare)
    run_sql(bare, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO visitor")
    with pytest.raises(GalleryError, match="run `CREATE EXTENSION vector SCHEMA public`"):
        opened(bare.replace("postgres@", "visitor@"), "pgvector")
    with opened(bare, "pgvector") as recognizer:  # an administrator may create it on the way
        enroll(recognizer, 1)
        assert nearest(recognizer, 1) == "thing 1"


def run_outside_a_transaction(server: str, *statements: str) -> None:
    import psycopg

    with psycopg.connect(server.replace("+psycopg", ""), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)
