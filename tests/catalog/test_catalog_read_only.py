"""A catalog that can't be written is read all the same."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.catalog import Catalog
from engine.errors import GalleryVersionError, ReadOnlyError
from engine.testing.catalog_samples import SPACE, contents, enroll, new_example
from engine.types import KeepPictures

# Runs as somebody who may not write what root wrote. Everything is imported before, since that
# user may not be allowed to read the Python installation either.
READER = """
import os, sys, tempfile
from pathlib import Path
from engine.catalog import Catalog
from engine.errors import GalleryError
from engine.testing.catalog_samples import SPACE, enroll, new_example
from engine.types import KeepPictures

with tempfile.TemporaryDirectory() as folder:
    warm = Catalog.create(Path(folder) / "c.sqlite", space=SPACE, keep_pictures=KeepPictures.NONE)
    enroll(warm, new_example(1))
    warm.integrity_problems()
    warm.close()
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)

def show(*values):
    print(*values, flush=True)
    sys.stdin.readline()

try:
    catalog = Catalog.open(Path(sys.argv[1]))
except GalleryError as error:
    show(type(error).__name__, error)
    sys.exit()
show(catalog.read_only, catalog.counts().examples, catalog.integrity_problems())
try:
    enroll(catalog, new_example(1))
except GalleryError as error:
    show(type(error).__name__)
show(catalog.generation(), catalog.counts().examples)
with catalog.read() as reader:
    show(reader.counts().examples)
    show(reader.counts().examples)
show(catalog.generation(), catalog.counts().examples)
"""


class Reader:
    """The script above, line by line."""

    def __init__(self, location: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", READER, location],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
        assert self._process.returncode == 0

    def line(self) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return line


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that others may look into, unlike pytest's."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    path.chmod(0o755)
    shutil.rmtree(path)


@pytest.fixture
def location(folder: Path) -> Path:
    """A catalog of one example, closed."""
    location = folder / "catalog.sqlite"
    with Catalog.create(location, space=SPACE, keep_pictures=KeepPictures.NONE) as catalog:
        enroll(catalog, new_example(1))
    location.chmod(0o644)  # it is made private
    return location


def forbid_writing(folder: Path) -> None:
    for path in (*folder.iterdir(), folder):
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))


def test_a_catalog_opened_read_only_reads_follows_and_refuses_writes(location: Path) -> None:
    with Catalog.open(location, read_only=True) as reader, Catalog.open(location) as writer:
        assert reader.read_only
        assert not writer.read_only
        assert contents(reader) == contents(writer)
        enroll(writer, new_example(2))
        assert reader.generation() == 2
        assert contents(reader) == contents(writer)
        with pytest.raises(ReadOnlyError, match=r"catalog\.sqlite is read-only"):
            enroll(reader, new_example(3))
        with pytest.raises(ReadOnlyError, match="is read-only"):
            reader.compact()
        assert reader.integrity_problems() == []
        assert writer.generation() == 2


def test_a_read_only_catalog_can_be_backed_up(location: Path, tmp_path: Path) -> None:
    with Catalog.open(location, read_only=True) as catalog:
        catalog.backup(tmp_path / "copy.sqlite")
        with Catalog.open(tmp_path / "copy.sqlite") as copy:
            assert contents(copy) == contents(catalog)


def test_a_folder_that_can_not_be_written_is_read_and_left_as_it_is(
    location: Path, folder: Path
) -> None:
    forbid_writing(folder)
    before = location.read_bytes()
    with Reader(location) as reader:
        assert reader.line() == "True 1 []"
        assert reader.line() == "ReadOnlyError"
        assert reader.line() == "1 1"
    assert [path.name for path in folder.iterdir()] == ["catalog.sqlite"]
    assert location.read_bytes() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="takes a writer that may do more than the reader")
@pytest.mark.parametrize("when", ["before the reader", "after the reader"])
def test_a_reader_that_may_not_write_follows_a_writer_that_may(
    location: Path, folder: Path, when: str
) -> None:
    writer = Catalog.open(location) if when == "before the reader" else None
    with Reader(location) as reader:
        assert reader.line() == "True 1 []"
        assert reader.line() == "ReadOnlyError"
        writer = writer or Catalog.open(location)
        enroll(writer, new_example(2))
        # The reader has asked both already, or not yet, when the writer commits.
        assert reader.line() in ("1 1", "2 2")
        first = reader.line()
        enroll(writer, new_example(3))
        assert reader.line() == first
        assert reader.line() == "3 3"
    writer.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="takes a writer that may do more than the reader")
def test_changes_that_only_lie_in_the_log_are_not_passed_over(
    location: Path, folder: Path, tmp_path: Path
) -> None:
    """A copy of the files of a running gallery: the log is there, its index is not."""
    with Catalog.open(location) as catalog:
        enroll(catalog, new_example(2))
        for name in ("catalog.sqlite", "catalog.sqlite-wal"):
            shutil.copy(folder / name, tmp_path / name)
    for name in ("catalog.sqlite", "catalog.sqlite-wal"):
        shutil.copy(tmp_path / name, folder / name)
    forbid_writing(folder)
    with Reader(location) as reader:
        answer = reader.line()
        assert answer.startswith("ReadOnlyError")
        assert "open the gallery once where it can be written" in answer
    folder.chmod(0o755)
    location.chmod(0o644)
    with Catalog.open(location) as catalog:
        assert catalog.counts().examples == 2


def test_an_old_schema_in_a_read_only_place_says_what_to_do(
    location: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.catalog.migrate.HEAD", "9999")
    with pytest.raises(GalleryVersionError, match="must be upgraded to 9999, but is read-only"):
        Catalog.open(location, read_only=True)
