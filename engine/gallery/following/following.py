"""The next snapshot of a catalog, from the one before and what the change log says."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from ...catalog import Catalog
from ...types import Change, ChangeKind, IntArray
from ...versioned import IdTable
from ..snapshot import Snapshot
from ..snapshot.cohort import COHORT_SIZE
from ..snapshot.snapshot import COHORT_DRIFT, entered
from .index_in_memory import examples_in
from .kept_index import KeptIndex
from .loading import projected, projected_texts, read_calibration, read_head

if TYPE_CHECKING:
    from ...catalog.reading import CatalogReader


def followed(catalog: Catalog, kept: KeptIndex, snapshot: Snapshot) -> Snapshot | None:
    """The snapshot of a catalog as it is now; None where everything must be loaded anew.

    What the log names is read in one consistent view of the catalog together with the log itself,
    so that the snapshot returned is of one generation.

    Args:
        kept: brought up as well.
        snapshot: of an earlier generation; returned itself where nothing has changed since.
    """
    if catalog.commit() == snapshot.commit:
        return _with_index(snapshot, kept)
    with catalog.read() as reader:
        changes = reader.log.since(snapshot.generation, commit_id=snapshot.commit_id)
        if changes is None or any(change.kind is ChangeKind.SPACE for change in changes):
            return None
        state = reader.state()
        following = dataclasses.replace(
            snapshot.with_computed(),
            generation=state.generation,
            commit_id=state.commit_id,
            target_fpir=state.target_fpir,  # the log doesn't tell of it
        )
        following = _with_classes(following, reader, changes)
        sample = reader.whole.sample(COHORT_SIZE) if _draws_anew(following, changes) else None
    return _with_examples(following, catalog, kept, changes, sample)


def _draws_anew(snapshot: Snapshot, changes: list[Change]) -> bool:
    """Whether the cohort is drawn anew: with every calibration, and when it has drifted."""
    if any(c.kind is ChangeKind.CALIBRATE and c.class_id is None for c in changes):
        return True
    moved = sum(c.example_id is not None for c in changes)
    if not moved:
        return False
    drawn, drift = snapshot.draw.drawn, snapshot.drift + moved
    return not drawn or drift > COHORT_DRIFT * len(snapshot.cohort)


def _with_index(snapshot: Snapshot, kept: KeptIndex) -> Snapshot:
    """The same with the index compacted, where it was meanwhile."""
    index = kept.index.reader()
    return snapshot if index is snapshot.index else dataclasses.replace(snapshot, index=index)


def _with_classes(snapshot: Snapshot, reader: CatalogReader, changes: list[Change]) -> Snapshot:
    """What the catalog says of the classes touched, of the calibration and of the head."""
    space_id = snapshot.space_id
    if any(c.kind is ChangeKind.HEAD for c in changes):
        snapshot = dataclasses.replace(snapshot, kept_head=read_head(reader.whole, space_id))
    if any(c.kind is ChangeKind.CALIBRATE and c.class_id is None for c in changes):
        ids, means, stds = reader.whole.statistics(space_id)
        snapshot = dataclasses.replace(
            snapshot,
            calibration=read_calibration(reader.whole, space_id),
            statistics=IdTable(ids, np.stack([means, stds], axis=1)),
        )
    snapshot = _with_counterexamples(snapshot, reader, changes)
    if any(c.kind is ChangeKind.TEXT for c in changes):
        table = projected_texts(reader.whole.texts(snapshot.space), snapshot.projection)
        snapshot = dataclasses.replace(snapshot, texts=table)
    wanted = sorted({c.class_id for c in changes if c.class_id is not None})
    if not wanted:
        return snapshot
    labels = reader.classes.labels(wanted)
    attributes = reader.classes.attributes(wanted)
    pins = reader.classes.pins(wanted, searched_space=space_id)
    statistics = reader.learned.statistics(space_id, wanted)
    return dataclasses.replace(
        snapshot,
        labels=snapshot.labels.updated(labels, gone=(i for i in wanted if i not in labels)),
        attributes=snapshot.attributes.updated(
            attributes, gone=(i for i in wanted if i not in attributes)
        ),
        pins=snapshot.pins.updated(pins, gone=(i for i in wanted if i not in pins)),
        statistics=entered(snapshot.statistics.without(np.array(wanted, np.int64)), statistics),
    )


def _with_counterexamples(
    snapshot: Snapshot, reader: CatalogReader, changes: list[Change]
) -> Snapshot:
    """All of them, where the log tells of any, or a class that has some is gone."""
    known = snapshot.counterexamples
    told = any(c.kind is ChangeKind.COUNTEREXAMPLE for c in changes)
    gone = {c.class_id for c in changes if c.kind is ChangeKind.REMOVE and c.example_id is None}
    if not told and not np.isin(known.class_ids, [i for i in gone if i is not None]).any():
        return snapshot
    table = projected(reader.whole.counterexamples(snapshot.space), snapshot.projection)
    return dataclasses.replace(snapshot, counterexamples=table)


def _with_examples(
    snapshot: Snapshot,
    catalog: Catalog,
    kept: KeptIndex,
    changes: list[Change],
    sample: IntArray | None,
) -> Snapshot:
    """The examples that came, went or moved, in the table and in the index.

    Args:
        sample: the examples that the cohort is drawn anew of; None where it stays.
    """
    removed = examples_in(changes, ChangeKind.REMOVE)
    added = np.setdiff1d(examples_in(changes, ChangeKind.ADD), removed)
    kept.follow(catalog, snapshot.space, snapshot.projection, added, removed)
    index = kept.index.reader()
    placed = {
        change.example_id: change.class_id  # the last one counts
        for change in changes
        if change.kind in (ChangeKind.ADD, ChangeKind.MOVE)
        and change.example_id is not None
        and change.class_id is not None
    }
    if not placed and not removed.size and sample is None:
        return dataclasses.replace(snapshot, index=index)
    local = snapshot.local.updated(
        catalog.ask(lambda read: read.local_features.of(added.tolist())),
        gone=[*added.tolist(), *removed.tolist()],
    )
    snapshot = dataclasses.replace(snapshot, local=local)
    ids = np.fromiter(placed, np.int64, len(placed))
    owners = np.fromiter(placed.values(), np.int64, len(placed))
    examples = snapshot.examples.updated(ids, owners).without(removed)
    following = dataclasses.replace(
        snapshot,
        index=index,
        examples=examples,
        drift=snapshot.drift + sum(change.example_id is not None for change in changes),
    )
    return following if sample is None else following.with_cohort(sample)
