"""Setting up, upgrading and sharing a server's database; what goes wrong is said, never leaked."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import make_url, text

from engine.catalog import Catalog
from engine.catalog.database import Database
from engine.catalog.migrate import HEAD
from engine.catalog.server import masked
from engine.errors import (
    GalleryNotFoundError,
    GalleryVersionError,
    ReadOnlyError,
    StorageError,
    UnavailableError,
)
from engine.testing.catalog_samples import SPACE, enroll, new_example
from engine.types import KeepPictures
from tests.postgres.conftest import NewSchema


def create(url: str) -> Catalog:
    return Catalog.create(url, space=SPACE, keep_pictures=KeepPictures.NONE)


def plain(server: str) -> str:
    """The URL as psycopg itself takes it."""
    return server.replace("+psycopg", "")


def database(url: str) -> Database:
    return Database(make_url(url))


def test_only_an_upgrade_makes_the_tables(empty_url: str) -> None:
    with pytest.raises(GalleryVersionError, match="onelook upgrade"):
        Catalog.open(empty_url)
    with pytest.raises(GalleryVersionError, match="onelook upgrade"):
        create(empty_url)
    assert Catalog.upgrade(empty_url) is None
    assert Catalog.upgrade(empty_url) == HEAD
    assert not Catalog.exists(empty_url)
    with pytest.raises(GalleryNotFoundError, match="onelook enroll SOURCE"):
        Catalog.open(empty_url)
    create(empty_url).close()
    assert Catalog.exists(empty_url)


def test_an_older_schema_is_upgraded_only_when_asked(url: str) -> None:
    with create(url) as catalog:
        enroll(catalog, new_example(1))
    with database(url) as held, held.transaction(write=True) as connection:
        for table in (
            "query_sums",
            "counterexample_embedding",
            "counterexample",
            "token",
            "job_file",
            "job",
            "kept_query",
            "feedback",
            "siamese_head",
            "local_features",
        ):
            connection.execute(text(f"DROP TABLE {table}"))
        for table, column in (
            ("change_log", "commit_id"),
            ("gallery", "commit_id"),
            ("gallery", "trimmed_commit_id"),
            ("gallery", "local_points"),
            ("example", "text"),
            ("space", "words"),
        ):
            connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    with pytest.raises(GalleryVersionError, match="revision 0001"):
        Catalog.open(url)
    assert Catalog.upgrade(url) == "0001"
    with Catalog.open(url) as catalog:
        assert catalog.counts().examples == 1
        assert catalog.service.tokens.all() == []


def test_a_newer_schema_is_refused(url: str) -> None:
    with database(url) as held, held.transaction(write=True) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for use in (Catalog.open, Catalog.upgrade):
        with pytest.raises(GalleryVersionError, match="newer version"):
            use(url)


def test_upgrades_at_the_same_time_happen_once(empty_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        before = list(pool.map(Catalog.upgrade, [empty_url] * 4))
    assert sorted(before, key=str) == [HEAD] * 3 + [None]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(create, [empty_url] * 4))
    assert len({catalog.state().uuid for catalog in made}) == 1
    for catalog in made:
        catalog.close()


def test_schemas_are_galleries_apart_from_each_other(server: str, new_schema: NewSchema) -> None:
    """One of them with a name that must be quoted, one that the server itself puts first."""
    with psycopg.connect(plain(server), autocommit=True) as connection:
        connection.execute("CREATE DATABASE apart")
    whole = server.replace("/postgres?", "/apart?")
    urls = [whole, f'{whole}&schema=Shop "A"', f"{whole}&schema=b"]
    for url in urls:
        Catalog.upgrade(url)
    for count, url in enumerate(urls, start=1):
        with create(url) as catalog:
            enroll(catalog, *(new_example(n) for n in range(count)))
    for count, url in enumerate(urls, start=1):
        with Catalog.open(url) as catalog:
            assert catalog.counts().examples == count


def test_labels_are_found_whatever_the_case_of_their_letters(url: str) -> None:
    with create(url) as catalog:
        enroll(catalog, new_example(1, "ÄPFEL"), new_example(2, "Birnen"))
        assert [
            record.label for record in catalog.ask(lambda read: read.classes.listed(search="äpf"))
        ] == ["ÄPFEL"]


def test_a_writer_waits_for_another_and_gives_up_in_time(url: str) -> None:
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        with create(url) as catalog, catalog.write():
            holding.set()
            done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    holding.wait(30)
    try:
        with (
            Catalog.open(url, lock_timeout=0.1) as catalog,
            pytest.raises(StorageError, match="held its lock for too long"),
            catalog.write(),
        ):
            pass
        assert catalog is not None
    finally:
        done.set()
        holder.join()


def test_a_user_without_rights_is_told_so(server: str, url: str) -> None:
    create(url).close()
    schema = make_url(url).query["schema"]
    with psycopg.connect(plain(server), autocommit=True) as connection:
        connection.execute("CREATE ROLE reader LOGIN")
        connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO reader")
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO reader")
    with Catalog.open(url.replace("postgres@", "reader@")) as catalog:
        assert catalog.counts().examples == 0
        with pytest.raises(ReadOnlyError, match="grant it the rights"), catalog.write():
            pass


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://me:s3cret@nowhere.invalid/db",
        "postgresql://me:s3cret@127.0.0.1:1/db?schema=a",
        "postgresql+psycopg://me@127.0.0.1:1/db?password=s3cret",
        "postgresql+psycopg://me:s3cret@127.0.0.1:port/db",
        "mysql://me:s3cret@host/db",
        "nonsense://me:s3/cr3t:s3cret@host/db",
    ],
)
def test_no_error_shows_a_password(url: str) -> None:
    with pytest.raises((UnavailableError, GalleryNotFoundError)) as raised:
        Catalog.open(url)
    assert "s3cret" not in str(raised.value)
    assert "s3cret" not in masked(url)


def test_a_name_shows_no_password(url: str) -> None:
    with create(url.replace("postgres@", "postgres:s3cret@") + "&sslpassword=s3cret") as catalog:
        assert "s3cret" not in catalog.name
        assert "***" in catalog.name
