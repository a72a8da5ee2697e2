"""A catalog's file: made whole, copied while in use, shrunk, and told when it is damaged."""

import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from engine.catalog import Catalog
from engine.errors import (
    GalleryDamagedError,
    GalleryError,
    GalleryNotFoundError,
    StorageError,
)
from engine.testing.catalog_samples import SPACE, contents, direction, enroll, new_example
from engine.types import KeepPictures


@pytest.fixture
def location(tmp_path: Path) -> Path:
    return tmp_path / "catalog.sqlite"


@pytest.fixture
def catalog(location: Path) -> Iterator[Catalog]:
    with Catalog.create(location, space=SPACE, keep_pictures=KeepPictures.BOUNDED) as catalog:
        yield catalog


def tamper(location: Path, statement: str, *values: object) -> None:
    """Change the database behind the catalog's back."""
    with closing(sqlite3.connect(location)) as connection, connection:
        connection.execute(statement, values)


def test_a_mistyped_path_is_an_error_and_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(GalleryNotFoundError, match="no gallery database at"):
        Catalog.open(tmp_path / "absent.sqlite")
    with pytest.raises(GalleryNotFoundError, match="no gallery database at"):
        Catalog.open(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_catalog_can_not_be_made_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(GalleryNotFoundError, match="no folder"):
        Catalog.create(
            tmp_path / "absent" / "c.sqlite", space=SPACE, keep_pictures=KeepPictures.NONE
        )


@pytest.mark.parametrize("name", ["a b.sqlite", "100%.sqlite", "what?.sqlite", "#1 狐.sqlite"])
def test_a_path_may_hold_what_means_something_in_a_url(tmp_path: Path, name: str) -> None:
    location = tmp_path / name
    with Catalog.create(location, space=SPACE, keep_pictures=KeepPictures.NONE) as catalog:
        enroll(catalog, new_example(1))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with Catalog.open(location) as catalog:
        assert catalog.counts().examples == 1


def test_a_file_may_be_named_by_a_url(catalog: Catalog, location: Path) -> None:
    enroll(catalog, new_example(1))
    with Catalog.open(f"sqlite:///{location}") as again:
        assert again.state() == catalog.state()


def test_a_url_of_no_database_is_refused() -> None:
    with pytest.raises(GalleryNotFoundError, match="no usable database URL"):
        Catalog.open("nosuchdatabase://somewhere/else")


def test_only_the_database_is_left_beside_a_catalog_that_was_closed(
    catalog: Catalog, tmp_path: Path
) -> None:
    enroll(catalog, new_example(1))
    catalog.close()
    assert [path.name for path in tmp_path.iterdir()] == ["catalog.sqlite"]


def test_a_catalog_that_could_not_be_finished_leaves_nothing(
    location: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("engine.catalog.migrate.upgrade", fail)
    with pytest.raises(KeyboardInterrupt):
        Catalog.create(location, space=SPACE, keep_pictures=KeepPictures.NONE)
    assert list(location.parent.iterdir()) == []


def test_a_file_is_durable_and_private_on_every_connection(catalog: Catalog) -> None:
    with catalog.read() as one, catalog.read() as other:
        for reader in (one, other):
            settings = {
                name: reader.session.execute(text(f"PRAGMA {name}")).scalar_one()
                for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys")
            }
            assert settings == {
                "journal_mode": "wal",
                "synchronous": 2,  # FULL
                "secure_delete": 1,
                "foreign_keys": 1,
            }


def test_a_file_that_lost_its_log_gets_it_back(catalog: Catalog, location: Path) -> None:
    catalog.close()
    tamper(location, "PRAGMA journal_mode = DELETE")
    assert location.read_bytes()[18:20] == b"\1\1"
    with Catalog.open(location) as reopened:
        enroll(reopened, new_example(1))
    assert location.read_bytes()[18:20] == b"\2\2"  # the file format's number for a log


def test_a_backup_is_consistent_while_others_write(catalog: Catalog, tmp_path: Path) -> None:
    enroll(catalog, *(new_example(n, f"class {n}") for n in range(200)))
    done = threading.Event()

    def write() -> None:
        number = 1000
        while not done.is_set():
            enroll(catalog, new_example(number, f"class {number}"))
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            catalog.backup(tmp_path / f"copy {number}.sqlite")
    finally:
        done.set()
        writer.join()
    for number in range(3):
        with Catalog.open(tmp_path / f"copy {number}.sqlite") as copy:
            assert copy.integrity_problems() == []
            # Each generation but the first added one class of one example.
            assert copy.counts()[:2] == (copy.generation() + 199,) * 2
            assert copy.state().uuid == catalog.state().uuid


def test_a_backup_overwrites_nothing(catalog: Catalog, tmp_path: Path) -> None:
    occupied = tmp_path / "occupied"
    occupied.write_text("mine")
    with pytest.raises(StorageError, match="is there already"):
        catalog.backup(occupied)
    assert occupied.read_text() == "mine"
    with pytest.raises(StorageError, match="copying"):
        catalog.backup(tmp_path / "absent" / "copy.sqlite")


def test_compacting_gives_space_back_and_loses_nothing(catalog: Catalog, location: Path) -> None:
    ids = enroll(catalog, *(new_example(n, picture=bytes(20_000)) for n in range(100)))
    with catalog.write() as transaction:
        transaction.examples.remove_all(ids[:90])
    before, held = location.stat().st_size, contents(catalog)
    catalog.compact()
    assert location.stat().st_size < before / 4
    assert contents(catalog) == held
    assert catalog.picture(ids[95]) == bytes(20_000)
    assert enroll(catalog, new_example(500))[0] > ids[-1]
    assert catalog.integrity_problems() == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a gallery's"),
        (b"just some text that is no database at all" * 10, "no SQLite database"),
    ],
)
def test_a_file_that_is_no_catalog_is_refused(location: Path, content: bytes, message: str) -> None:
    location.write_bytes(content)
    with pytest.raises(GalleryDamagedError, match=message):
        Catalog.open(location)


def test_another_program_s_database_is_refused_and_left_alone(location: Path) -> None:
    tamper(location, "CREATE TABLE recipe (name TEXT)")
    with pytest.raises(GalleryDamagedError, match="not a gallery's"):
        Catalog.open(location)
    with closing(sqlite3.connect(location)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("recipe",)]


def test_a_truncated_file_is_reported_as_damaged(catalog: Catalog, location: Path) -> None:
    enroll(catalog, *(new_example(n, picture=bytes(5000)) for n in range(100)))
    catalog.close()
    content = location.read_bytes()
    location.write_bytes(content[: len(content) // 2])
    with pytest.raises(GalleryDamagedError, match="restore it from a backup"):  # noqa: SIM117
        with Catalog.open(location) as damaged:
            list(damaged.stream(lambda read: read.embeddings.stream(SPACE.id)))


def test_an_overwritten_page_is_found_by_the_check(catalog: Catalog, location: Path) -> None:
    enroll(catalog, *(new_example(n, f"class {n}") for n in range(500)))
    catalog.close()
    with location.open("r+b") as file:
        file.seek(location.stat().st_size // 8192 * 4096)
        file.write(b"\xa5" * 4096)
    with Catalog.open(location) as damaged:
        assert damaged.integrity_problems()


@pytest.mark.parametrize(
    ("statement", "values", "problem"),
    [
        ("UPDATE embedding SET vector = ? WHERE example_id = 1", (b"12",), "has 2 bytes"),
        (
            "UPDATE embedding SET vector = ? WHERE example_id = 1",
            (np.full(4, np.nan, "<f4").tobytes(),),
            "vector of example 1 .* not finite and of unit length",
        ),
        (
            "UPDATE embedding SET vector = ? WHERE example_id = 2",
            ((direction(2) * 1.1).astype("<f4").tobytes(),),
            "vector of example 2 .* not finite and of unit length",
        ),
        ("DELETE FROM embedding WHERE example_id = 2", (), "example 2 .*no embedding"),
        ("DELETE FROM class WHERE label = 'cup'", (), "row 1 of the table example refers"),
        ("UPDATE class SET label = ?", ("two\nlines",), "class 1 has a label that can't be one"),
        ("UPDATE class SET attributes = ?", ("[1",), "attributes that are no JSON object"),
        ("UPDATE class SET attributes = ?", ("[1]",), "attributes that are no JSON object"),
        ("UPDATE example SET content_hash = ?  WHERE id = 1", ("abc",), "no SHA-256"),
        ("UPDATE gallery SET generation = 0", (), "change log is at generation 1"),
        ("UPDATE gallery SET target_fpir = 5", (), "target FPIR is 5"),
        ("DELETE FROM gallery", (), "settings are missing"),
    ],
)
def test_the_check_finds_what_is_wrong(
    catalog: Catalog, location: Path, statement: str, values: tuple[object, ...], problem: str
) -> None:
    enroll(catalog, new_example(1), new_example(2))
    tamper(location, statement, *values)
    problems = catalog.integrity_problems()
    assert any(re.search(problem, text) for text in problems), problems


def test_a_vector_of_the_wrong_length_is_named_when_it_is_read(
    catalog: Catalog, location: Path
) -> None:
    enroll(catalog, new_example(1))
    tamper(location, "UPDATE embedding SET vector = ?", b"12")
    with pytest.raises(GalleryDamagedError, match="vector of example 1 must have 16 bytes"):
        list(catalog.stream(lambda read: read.embeddings.stream(SPACE.id)))


def test_a_lock_that_is_held_for_too_long_is_an_error_and_nothing_is_lost(
    catalog: Catalog, location: Path
) -> None:
    with (
        Catalog.open(location, lock_timeout=0.05) as impatient,
        closing(sqlite3.connect(location, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="held its lock for too long"):
            enroll(impatient, new_example(1))
        assert impatient.counts().examples == 0
        other.execute("ROLLBACK")
        enroll(impatient, new_example(1))
        assert impatient.counts().examples == 1


def test_errors_name_the_file_and_do_not_leak(catalog: Catalog, location: Path) -> None:
    tamper(location, "ALTER TABLE example RENAME TO exmaple")
    with pytest.raises(GalleryError, match=location.name):
        catalog.ask(lambda read: read.examples.listed())
