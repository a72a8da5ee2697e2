"""Several processes share a catalog, and some of them are killed."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.catalog import Catalog
from engine.testing.catalog_samples import SPACE, contents, enroll, new_example
from engine.types import KeepPictures

# Each process makes or opens the same catalog at once, writes its own classes, one example a
# transaction, and reads in between.
SHARER = """
import sys
from pathlib import Path
from engine.catalog import Catalog
from engine.testing.catalog_samples import SPACE, enroll, new_example
from engine.types import KeepPictures

location, process, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
with Catalog.create(location, space=SPACE, keep_pictures=KeepPictures.NONE) as catalog:
    seen = 0
    for number in range(count):
        enroll(catalog, new_example(1000 * process + number, f"class {process}-{number % 5}"))
        with catalog.read() as reader:
            generation, examples = reader.state().generation, reader.counts().examples
            changes = reader.log.since(0)
        added = [change for change in changes if change.example_id is not None]
        assert examples == generation == len(added) > seen, (examples, generation, seen)
        seen = examples
"""

# Writes until it is killed; says what it has committed.
WRITER = """
import sys
from pathlib import Path
from engine.catalog import Catalog
from engine.testing.catalog_samples import enroll, new_example

catalog = Catalog.open(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 1_000_000):
    enroll(catalog, *(new_example(3 * number + i, f"class {number}") for i in range(3)))
    if number % 5 == 4:
        with catalog.write() as transaction:
            transaction.classes.remove(transaction.read.classes.id_of(f"class {number}"))
    else:
        print(number, flush=True)
"""


def start(script: str, *arguments: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_four_processes_make_write_and_read_one_catalog(tmp_path: Path) -> None:
    location, count = tmp_path / "catalog.sqlite", 25
    processes = [start(SHARER, location, number, count) for number in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=120)[1] for process in processes]
    assert errors == [""] * 4
    with Catalog.open(location) as catalog:
        assert catalog.integrity_problems() == []
        assert catalog.generation() == catalog.counts().examples == 4 * count
        assert {label: len(hashes) for label, hashes in contents(catalog).items()} == {
            f"class {process}-{number}": count // 5 for process in range(4) for number in range(5)
        }
    assert [path.name for path in tmp_path.iterdir()] == ["catalog.sqlite"]


@pytest.mark.parametrize("seed", range(3))
def test_killing_a_writer_loses_nothing_that_it_had_committed(tmp_path: Path, seed: int) -> None:
    location = tmp_path / "catalog.sqlite"
    with Catalog.create(location, space=SPACE, keep_pictures=KeepPictures.BOUNDED) as catalog:
        enroll(catalog, new_example(0))
    writer = start(WRITER, location, 1)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "1\n"
    time.sleep(random.Random(seed).uniform(0, 0.5))
    writer.kill()
    committed = [1, *map(int, writer.communicate()[0].split())]
    with Catalog.open(location) as catalog:
        assert catalog.integrity_problems() == []
        held = contents(catalog)
        assert {f"class {number}" for number in committed} <= held.keys()
        assert all(len(hashes) == 3 for label, hashes in held.items() if label != "cup")
        vectors = [
            batch.ids for batch in catalog.stream(lambda read: read.embeddings.stream(SPACE.id))
        ]
        assert sum(map(len, vectors)) == catalog.counts().examples
        enroll(catalog, new_example(9_999_999))
