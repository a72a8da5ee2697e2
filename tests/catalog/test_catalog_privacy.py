"""What was removed is gone from the files, not only from the answers."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.catalog import Catalog
from engine.testing.catalog_samples import (
    OTHER_SPACE,
    SPACE,
    direction,
    enroll,
    new_example,
)
from engine.types import KeepPictures, NewExample, Space

WIDE = Space("wide", "d" * 64, "e" * 64, 1280)
PICTURE = np.random.default_rng(1).bytes(20_000)
VECTOR = direction(1, WIDE.dimension)
# Pieces of what must vanish: a picture and a vector spread over several pages of the file.
TRACES = {
    "picture": [PICTURE[start : start + 16] for start in range(0, len(PICTURE) - 16, 997)],
    "vector": [VECTOR.tobytes()[start : start + 16] for start in range(0, 5104, 499)],
    "label": [b"secret label"],
    "source": [b"secret-source.png"],
}


def secret(**fields: object) -> NewExample:
    example = new_example(
        1, "secret label", source="secret-source.png", picture=PICTURE, vector=VECTOR
    )
    return replace(example, **fields)  # type: ignore[arg-type]


def bystanders(first: int) -> list[NewExample]:
    return [
        new_example(n, f"class {n}", vector=direction(n, 1280), picture=b"x" * 3000)
        for n in range(first, first + 30)
    ]


def traces(folder: Path) -> set[str]:
    """Which of the secrets any file in the folder holds a piece of."""
    held = b"".join(path.read_bytes() for path in sorted(folder.iterdir()))
    return {name for name, pieces in TRACES.items() if any(piece in held for piece in pieces)}


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """Holds the secret example, id 31, among others."""
    location = tmp_path / "catalog.sqlite"
    with Catalog.create(location, space=WIDE, keep_pictures=KeepPictures.ORIGINAL) as catalog:
        enroll(catalog, *bystanders(100), secret(), *bystanders(200))
        assert traces(tmp_path) == set(TRACES)
        yield catalog


def test_a_removed_class_is_gone_from_every_file(catalog: Catalog, tmp_path: Path) -> None:
    with catalog.write() as transaction:
        transaction.classes.remove(transaction.read.classes.id_of("secret label"))
    assert traces(tmp_path) == set()


def test_a_removed_example_is_gone_from_every_file(catalog: Catalog, tmp_path: Path) -> None:
    with catalog.write() as transaction:
        transaction.examples.remove(31)
    assert traces(tmp_path) == {"label"}


def test_a_counterexample_that_is_taken_back_is_gone_from_every_file(
    catalog: Catalog, tmp_path: Path
) -> None:
    with catalog.write() as transaction:
        transaction.examples.remove(31)
        class_id = transaction.read.classes.id_of("secret label")
        kept = transaction.counterexamples.add(secret(), class_id)
    assert traces(tmp_path) == set(TRACES)
    with catalog.write() as transaction:
        transaction.counterexamples.remove([kept])
    assert traces(tmp_path) == {"label"}


def test_an_example_dropped_by_a_merge_is_gone_from_every_file(
    catalog: Catalog, tmp_path: Path
) -> None:
    other = secret(label="public", source="public.png", picture=None, vector=direction(2, 1280))
    enroll(catalog, other)
    with catalog.write() as transaction:
        transaction.classes.merge(
            [transaction.read.classes.id_of("secret label")],
            transaction.read.classes.id_of("public"),
        )
    assert traces(tmp_path) == set()


def test_replaced_vectors_are_gone_from_every_file(catalog: Catalog, tmp_path: Path) -> None:
    with catalog.write() as transaction:
        transaction.embeddings.put(WIDE.id, [31], direction(3, 1280)[None])
    assert traces(tmp_path) == {"picture", "label", "source"}


def test_the_vectors_of_a_dropped_space_are_gone_from_every_file(
    catalog: Catalog, tmp_path: Path
) -> None:
    with catalog.write() as transaction:
        transaction.spaces.add(OTHER_SPACE)
        ids = transaction.read.whole.examples()[0].tolist()
        vectors = np.stack([direction(n, OTHER_SPACE.dimension) for n in ids])
        transaction.embeddings.put(OTHER_SPACE.id, ids, vectors)
        transaction.spaces.activate(OTHER_SPACE.id)
        transaction.spaces.drop(WIDE.id)
    assert traces(tmp_path) == {"picture", "label", "source"}


def test_what_a_reader_still_sees_goes_when_it_is_done(catalog: Catalog, tmp_path: Path) -> None:
    with catalog.read() as reader:
        assert len(reader.classes.labels()) == 61
        with catalog.write() as transaction:
            transaction.classes.remove(transaction.read.classes.id_of("secret label"))
        assert not catalog.erase_removed(wait=0.0)
        assert traces(tmp_path) == set(TRACES)
    assert catalog.erase_removed()
    assert traces(tmp_path) == set()


def test_a_later_write_erases_what_a_reader_had_kept(catalog: Catalog, tmp_path: Path) -> None:
    with catalog.read() as reader:
        assert len(reader.classes.labels()) == 61
        with catalog.write() as transaction:
            transaction.classes.remove(transaction.read.classes.id_of("secret label"))
    enroll(catalog, new_example(999, vector=direction(999, 1280)))
    assert traces(tmp_path) == set()


def test_what_a_killed_process_had_removed_goes_at_the_next_opening(tmp_path: Path) -> None:
    location = tmp_path / "catalog.sqlite"
    with Catalog.create(location, space=WIDE, keep_pictures=KeepPictures.ORIGINAL) as catalog:
        enroll(catalog, *bystanders(100), secret())
    script = """
import os, sys
from pathlib import Path
from engine.catalog import Catalog
catalog = Catalog.open(Path(sys.argv[1]))
with catalog.read() as reader:
    reader.counts()
    with catalog.write() as transaction:
        transaction.classes.remove(transaction.read.classes.id_of("secret label"))
    os._exit(9)
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", script, location], env=environment, check=False)
    assert traces(tmp_path) == set(TRACES)
    with Catalog.open(location) as catalog:
        assert len(catalog.ask(lambda read: read.classes.labels())) == 30
        assert traces(tmp_path) == set()


def test_a_small_gallery_keeps_no_trace_through_many_removals(tmp_path: Path) -> None:
    """Rows that share pages are moved about as others come and go; no copy may stay behind."""
    location = tmp_path / "catalog.sqlite"
    with Catalog.create(location, space=SPACE, keep_pictures=KeepPictures.BOUNDED) as catalog:
        for number in range(40):
            enroll(
                catalog,
                new_example(number, f"fleeting-{number:03}", source=f"passing-{number:03}.png"),
                new_example(1000 + number, f"staying-{number:03}"),
            )
            if number >= 5:
                with catalog.write() as transaction:
                    class_id = transaction.read.classes.id_of(f"fleeting-{number - 5:03}")
                    if number % 2:
                        transaction.classes.rename(class_id, f"staying-too-{number:03}")
                        transaction.examples.remove_all(
                            e.id for e in transaction.read.examples.listed(class_id)
                        )
                    else:
                        transaction.classes.remove(class_id)
        held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        left = [n for n in range(40) if f"passing-{n:03}".encode() in held]
        assert left == list(range(35, 40))
        assert [n for n in range(40) if f"fleeting-{n:03}".encode() in held] == left


def test_only_their_user_may_read_the_files(catalog: Catalog, tmp_path: Path) -> None:
    enroll(catalog, *bystanders(300))
    catalog.backup(tmp_path / "backup.sqlite")
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes.keys() >= {"catalog.sqlite", "catalog.sqlite-wal", "backup.sqlite"}
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("asked", [True, False])
def test_a_backup_holds_tokens_only_if_asked(catalog: Catalog, tmp_path: Path, asked: bool) -> None:
    catalog.service.tokens.add("abc", name="door", secret_hash="5ec2e7" * 10 + "abcd", scope="read")
    catalog.backup(tmp_path / "backup.sqlite", tokens=asked)
    with Catalog.open(tmp_path / "backup.sqlite") as copy:
        assert len(copy.service.tokens.all()) == asked
    assert (b"5ec2e7" in (tmp_path / "backup.sqlite").read_bytes()) == asked
