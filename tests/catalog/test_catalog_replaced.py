"""A catalog whose file is moved, deleted or replaced while it is open, and one that was copied."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.catalog import Catalog
from engine.errors import StorageError
from engine.testing.catalog_samples import SPACE, enroll, new_example
from engine.types import KeepPictures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "gallery"
    folder.mkdir()
    return folder


@pytest.fixture
def catalog(folder: Path) -> Iterator[Catalog]:
    location = folder / "catalog.sqlite"
    with Catalog.create(location, space=SPACE, keep_pictures=KeepPictures.NONE) as catalog:
        enroll(catalog, new_example(1, "before"))
        yield catalog


def test_what_was_restored_in_its_place_is_read_and_written(
    catalog: Catalog, folder: Path, tmp_path: Path
) -> None:
    catalog.backup(tmp_path / "backup.sqlite")
    enroll(catalog, new_example(2, "after"))
    shutil.rmtree(folder)
    folder.mkdir()
    shutil.copy(tmp_path / "backup.sqlite", folder / "catalog.sqlite")

    assert [entry.label for entry in catalog.ask(lambda read: read.classes.listed())] == ["before"]
    enroll(catalog, new_example(3, "new"))
    with Catalog.open(folder / "catalog.sqlite") as other:
        assert [entry.label for entry in other.ask(lambda read: read.classes.listed())] == [
            "before",
            "new",
        ]


@pytest.mark.parametrize("moved", [True, False])
def test_a_file_that_is_gone_is_neither_read_nor_written(
    catalog: Catalog, folder: Path, tmp_path: Path, moved: bool
) -> None:
    if moved:
        folder.rename(tmp_path / "elsewhere")
    else:
        shutil.rmtree(folder)
    with pytest.raises(StorageError, match=r"moved or deleted"):
        enroll(catalog, new_example(2))
    with pytest.raises(StorageError, match=r"moved or deleted"):
        catalog.commit()
    if moved:
        (tmp_path / "elsewhere").rename(folder)
        enroll(catalog, new_example(2))
        assert catalog.counts().examples == 2


def test_nothing_is_committed_into_a_file_that_was_replaced_meanwhile(
    catalog: Catalog, folder: Path, tmp_path: Path
) -> None:
    catalog.backup(tmp_path / "backup.sqlite")

    def write() -> None:
        with catalog.write() as transaction:
            transaction.examples.add_all([new_example(2)])
            shutil.rmtree(folder)
            folder.mkdir()
            shutil.copy(tmp_path / "backup.sqlite", folder / "catalog.sqlite")

    with pytest.raises(StorageError, match="while it was written; nothing was written"):
        write()
    assert catalog.counts().examples == 1


def test_copies_that_went_their_own_ways_are_told_apart(
    catalog: Catalog, folder: Path, tmp_path: Path
) -> None:
    catalog.backup(tmp_path / "copy.sqlite")
    with Catalog.open(tmp_path / "copy.sqlite") as copy:
        common = catalog.commit()
        assert copy.commit() == common
        enroll(catalog, new_example(2))
        enroll(copy, new_example(3))
        (generation, commit_id), other = catalog.commit(), copy.commit()
        assert other.generation == generation
        assert copy.ask(lambda read: read.log.since(generation, commit_id=commit_id)) is None
        assert copy.ask(lambda read: read.log.since(*common[:1], commit_id=common.id)) is not None
