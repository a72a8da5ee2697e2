"""A full disk is a clear error, and leaves the catalog as it was."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.catalog import Catalog, sqlite
from engine.errors import StorageError
from engine.testing.catalog_samples import SPACE, contents, enroll, new_example
from engine.types import KeepPictures, NewExample


class Disk:
    """Limits how large every database becomes that is connected to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pages = 0
        connect = sqlite.connect

        def limited(path: Path, *, mode: str, timeout: float) -> sqlite3.Connection:
            connection = connect(path, mode=mode, timeout=timeout)
            if self.pages:
                connection.execute(f"PRAGMA max_page_count = {self.pages}")
            return connection

        monkeypatch.setattr(sqlite, "connect", limited)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture
def location(tmp_path: Path, disk: Disk) -> Iterator[Path]:
    """A catalog of one example, on a disk with hardly any room left."""
    location = tmp_path / "catalog.sqlite"
    with Catalog.create(location, space=SPACE, keep_pictures=KeepPictures.BOUNDED) as catalog:
        enroll(catalog, new_example(1))
    disk.pages = location.stat().st_size // 4096 + 5
    yield location
    disk.pages = 0


def large(number: int) -> NewExample:
    return new_example(number, f"class {number}", picture=bytes(100_000))


def test_a_full_disk_undoes_the_write_and_leaves_the_catalog_usable(
    location: Path, disk: Disk
) -> None:
    with Catalog.open(location) as catalog:
        before = (
            catalog.state(),
            catalog.ask(lambda read: read.classes.listed()),
            contents(catalog),
            catalog.ask(lambda read: read.log.since(0)),
        )
        with pytest.raises(StorageError, match="the disk is full; free some space"):
            enroll(catalog, new_example(2), large(3))
        after = (
            catalog.state(),
            catalog.ask(lambda read: read.classes.listed()),
            contents(catalog),
            catalog.ask(lambda read: read.log.since(0)),
        )
        assert after == before
        assert catalog.integrity_problems() == []
        enroll(catalog, new_example(4))
        assert catalog.generation() == 2
    disk.pages = 0
    with Catalog.open(location) as catalog:
        enroll(catalog, large(3))
        assert catalog.counts().examples == 3


def test_removing_works_on_a_full_disk(location: Path) -> None:
    with Catalog.open(location) as catalog:
        with catalog.write() as transaction:
            transaction.classes.remove(transaction.read.classes.id_of("cup"))
        assert catalog.counts() == (0, 0, 0, 0)


def test_a_catalog_is_not_half_made_on_a_full_disk(tmp_path: Path, disk: Disk) -> None:
    disk.pages = 10
    with pytest.raises(StorageError, match="the disk is full"):
        Catalog.create(tmp_path / "catalog.sqlite", space=SPACE, keep_pictures=KeepPictures.BOUNDED)
    assert list(tmp_path.iterdir()) == []


# The kernel's own limit, which fails a write in its middle: SIGXFSZ is ignored by Python.
LIMITED = """
import resource, sys
from pathlib import Path
from engine.catalog import Catalog
from engine.errors import StorageError
from engine.testing.catalog_samples import enroll, new_example

catalog = Catalog.open(Path(sys.argv[1]))
enroll(catalog, new_example(2))
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
for number in range(3, 100):
    try:
        enroll(catalog, new_example(number, picture=bytes(100_000)))
    except StorageError as error:
        print(error)
        break
    print(number)
print(catalog.counts().examples, catalog.integrity_problems(), catalog.generation())
"""


def test_a_write_that_the_system_cuts_short_is_undone(tmp_path: Path) -> None:
    location = tmp_path / "catalog.sqlite"
    with Catalog.create(location, space=SPACE, keep_pictures=KeepPictures.BOUNDED) as catalog:
        enroll(catalog, new_example(1))
    run = subprocess.run(
        [sys.executable, "-c", LIMITED, location],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    *written, error, summary = run.stdout.splitlines()
    assert "catalog.sqlite: reading or writing its files failed; check the disk" in error
    held = 2 + len(written)
    assert summary == f"{held} [] {held}"
    with Catalog.open(location) as catalog:
        assert catalog.integrity_problems() == []
        assert catalog.counts().examples == held
        enroll(catalog, large(100))
