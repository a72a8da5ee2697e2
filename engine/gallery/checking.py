"""Verifies a gallery: the database, the kept pictures, the index against the database, id by id."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from engine.catalog import Catalog
from engine.gallery.tables import searched_space
from engine.gallery.view import LOAD_BATCH, View
from engine.indexes import SnapshotError, VectorIndex, load_snapshot
from engine.types import Space

TOLERANCE = 1e-5
"""How far a component of an indexed vector may be from the database's."""


def problems_of(catalog: Catalog, view: View, snapshot: Path) -> Iterator[str]:
    """Everything that is wrong, one sentence each; nothing for a sound gallery.

    A missing snapshot is no fault. One that is behind the catalog is compared as far as it goes.
    """
    damage = catalog.integrity_problems()
    yield from damage
    if damage:
        return
    yield from _unreadable_pictures(catalog)
    yield from _differences(catalog, view, view.index, "the index")
    if snapshot.exists():
        yield from _snapshot_problems(catalog, view, snapshot)


def _unreadable_pictures(catalog: Catalog) -> Iterator[str]:
    for example in catalog.iter_examples():
        picture = catalog.picture(example.id)
        if picture is None:
            continue
        try:
            with Image.open(io.BytesIO(picture)) as image:
                image.load()
        except (OSError, SyntaxError, ValueError) as error:
            yield f"the kept picture of example {example.id} ({example.label!r}): {error}"


def _differences(
    catalog: Catalog, view: View, index: VectorIndex, name: str, *, behind: bool = False
) -> Iterator[str]:
    """Where an index and the database disagree; `behind` expects examples to be missing."""
    seen = 0
    space: Space = view.state.space
    for batch in catalog.iter_vectors(space.id, batch=LOAD_BATCH):
        held = index.contains(batch.ids)
        seen += int(held.sum())
        if not behind:
            for example_id in batch.ids[~held]:
                yield f"{name} lacks example {example_id}, which the database has"
        expected = view.projection.apply(batch.vectors[held])
        off = np.abs(index.vectors(batch.ids[held]) - expected).max(axis=1, initial=0.0)
        for example_id in batch.ids[held][off > TOLERANCE]:
            yield f"{name} holds another vector for example {example_id} than the database"
    extra = len(index) - seen
    if extra > 0 and not behind:
        yield f"{name} holds {extra} vectors of examples that the database doesn't have"


def _snapshot_problems(catalog: Catalog, view: View, snapshot: Path) -> Iterator[str]:
    try:
        index, generation = load_snapshot(
            snapshot, space=searched_space(view.state), dimension=view.projection.dimension
        )
        yield from _differences(
            catalog, view, index, snapshot.name, behind=generation < view.generation
        )
    except SnapshotError as error:
        yield f"{error}; the next opening makes it anew, and so does `onelook rebuild`"
