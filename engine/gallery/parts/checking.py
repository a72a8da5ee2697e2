"""Verifies a gallery: the database, the kept pictures, the index against the database, id by id."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from ...catalog import Catalog
from ...indexes import IndexFileError, VectorReader, load_index
from ..following.index_in_memory import LOAD_BATCH
from ..snapshot import Snapshot

TOLERANCE = 1e-5
"""How far a component of an indexed vector may be from the database's."""


def problems_of(catalog: Catalog, snapshot: Snapshot, file: Path) -> Iterator[str]:
    """Everything that is wrong, one sentence each; nothing for a sound gallery.

    A missing file of the index is no fault. One behind the catalog is compared as far as it goes.
    """
    damage = catalog.integrity_problems()
    yield from damage
    if damage:
        return
    yield from _unreadable_pictures(catalog)
    yield from _differences(catalog, snapshot, snapshot.index, "the index")
    if file.exists():
        yield from _file_problems(catalog, snapshot, file)


def _unreadable_pictures(catalog: Catalog) -> Iterator[str]:
    for example in catalog.stream(lambda read: read.examples.stream()):
        picture = catalog.picture(example.id)
        if picture is None:
            continue
        try:
            with Image.open(io.BytesIO(picture)) as image:
                image.load()
        except (OSError, SyntaxError, ValueError) as error:
            yield f"the kept picture of example {example.id} ({example.label!r}): {error}"


def _differences(
    catalog: Catalog, snapshot: Snapshot, index: VectorReader, name: str, *, behind: bool = False
) -> Iterator[str]:
    """Where an index and the database disagree; `behind` expects examples to be missing."""
    seen = 0
    for batch in catalog.stream(
        lambda read: read.embeddings.stream(snapshot.space.id, batch=LOAD_BATCH)
    ):
        held = index.contains(batch.ids)
        seen += int(held.sum())
        if not behind:
            for example_id in batch.ids[~held]:
                yield f"{name} lacks example {example_id}, which the database has"
        expected = snapshot.projection.apply(batch.vectors[held])
        off = np.abs(index.vectors(batch.ids[held]) - expected).max(axis=1, initial=0.0)
        for example_id in batch.ids[held][off > TOLERANCE]:
            yield f"{name} holds another vector for example {example_id} than the database"
    extra = len(index) - seen
    if extra > 0 and not behind:
        yield f"{name} holds {extra} vectors of examples that the database doesn't have"


def _file_problems(catalog: Catalog, snapshot: Snapshot, file: Path) -> Iterator[str]:
    try:
        index, generation, commit_id = load_index(
            file, space=snapshot.space_id, dimension=snapshot.projection.dimension
        )
        if catalog.ask(lambda read: read.log.since(generation, commit_id=commit_id)) is None:
            return  # of another history, or too old: the next opening makes it anew
        behind = generation < snapshot.generation
        yield from _differences(catalog, snapshot, index, file.name, behind=behind)
    except IndexFileError as error:
        yield f"{error}; the next opening makes it anew, and so does `onelook rebuild`"
