"""Writes the gallery database of the newest schema revision, as SQL, for the tests to upgrade.

Run from the repository's root when a schema revision is about to be released, and never change
what is there for a released one:

    python tests/assets/galleries/make.py
"""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from engine.catalog import Catalog, StoredProjection
from engine.catalog.migrate import HEAD
from engine.catalog.service import JobState
from engine.types import (
    ClassStatistics,
    KeepPictures,
    NewExample,
    Reject,
    Space,
    StoredLocalFeatures,
)

SPACE = Space("fake", "a" * 64, "b" * 64, 4)
PICTURE = bytes(range(256))


def example(number: int, label: str, source: str) -> NewExample:
    """The example whose vector is the axis of that number."""
    return NewExample(
        label=label,
        source=source,
        content_hash=f"{number:064x}",
        width=100 + number,
        height=50,
        vector=np.eye(4, dtype=np.float32)[number],
        picture=PICTURE if number == 0 else None,
        attributes={"number": number},
        warnings=("is blurred",) if number == 1 else (),
        origin="catalog/" if number else None,
        local_features=StoredLocalFeatures("points", PICTURE[:40]) if number in (0, 2) else None,
    )


def fill(catalog: Catalog) -> None:
    """Make use of every table."""
    with catalog.write() as transaction:
        cup, _, mug, _ = transaction.examples.add_all(
            [
                example(0, "cup", "cup.png"),
                example(1, "café", "odd \udcff name.png"),
                example(2, "mug", "mug.png"),
                example(3, "狐", "fox.png"),
            ]
        )
    with catalog.write() as transaction:
        transaction.examples.remove(mug)
        transaction.classes.rename(transaction.read.classes.id_of("cup"), "tea cup")
        transaction.classes.pin_threshold(transaction.read.classes.id_of("café"), 0.625, SPACE.id)
        transaction.learned.put_statistics(
            SPACE.id, {transaction.read.classes.id_of("狐"): ClassStatistics(0.25, 0.125, 7)}
        )
        transaction.spaces.set_projection(StoredProjection("c" * 16, "whitening", b"payload"))
        transaction.learned.put_calibration(SPACE.id, b"calibration")
        transaction.learned.put_siamese_head(SPACE.id, b"head")
        transaction.counterexamples.add(
            example(0, "", "not.png"), transaction.read.classes.id_of("café")
        )
        told = replace(example(3, "狐", "<text>"), content_hash="e" * 64, text="a red fox")
        transaction.examples.add_all([replace(told, width=0, height=0, origin=None)])
        transaction.spaces.set_words(SPACE.id, np.eye(4, dtype=np.float32)[:2])
        transaction.set_target_fpir(0.01)
        transaction.set_local_points(500)
        transaction.rejects.put([Reject("broken.png", "is truncated")])
        assert transaction.read.examples.picture(cup) == PICTURE
    catalog.service.query_sums.update(SPACE.id, lambda _former: b"sums")
    until = datetime(2100, 1, 1, tzinfo=UTC)
    catalog.service.tokens.add(
        "t", name="till", secret_hash="f" * 64, scope="enroll", expires_at=until
    )
    catalog.service.tokens.used({"t": datetime(2026, 11, 27, tzinfo=UTC)})
    job = catalog.service.jobs.add("enrolment", {}, state=JobState.UPLOADING)
    catalog.service.job_files.add(job.id, name="mug.png", data=PICTURE)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        location = Path(folder) / "catalog.sqlite"
        with Catalog.create(location, space=SPACE, keep_pictures=KeepPictures.BOUNDED) as catalog:
            fill(catalog)
        with closing(sqlite3.connect(location)) as connection:
            text = "\n".join(connection.iterdump())
    (Path(__file__).parent / f"rev-{HEAD}.sql").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
