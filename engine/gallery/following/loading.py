"""A catalog's first snapshot in memory."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ...catalog import Catalog, GalleryState, VectorBatch
from ...catalog.records import TextBatch
from ...catalog.whole import WholeReading
from ...decision import Calibration
from ...decision.trained_head import TrainedHead
from ...projections import Projection, shipped_cohort
from ...types import IntArray
from ...versioned import IdTable, Overlaid
from ..snapshot import AttributeTable, CounterexampleTable, ExampleTable, Snapshot, TextTable
from ..snapshot.cohort import COHORT_SIZE, Draw
from ..snapshot.local import LocalTable
from .kept_index import KeptIndex

LOGGER = logging.getLogger(__name__)


def load(catalog: Catalog, kept: KeptIndex, *, anew: bool = False) -> Snapshot:
    """Copy what decisions read into memory, and see to the index.

    The examples are read beside the other tables, and so is the index; both may be ahead of these,
    never behind. Following the log, in which changes do no harm when applied twice, brings them
    together: until then the snapshot isn't to be decided by.

    Args:
        anew: make the index of the catalog's vectors, whatever was kept of it.
    """
    with ThreadPoolExecutor(2, thread_name_prefix="onelook-load") as pool, catalog.whole() as whole:
        state = whole.state()
        space_id = searched_space(state)
        projection = _projection(whole, state)
        opening = pool.submit(kept.open, catalog, state, projection, anew=anew)
        reading = pool.submit(_examples, catalog)
        local = LocalTable.of(dict(whole.local_features()))
        ids, means, stds = whole.statistics(space_id)
        labels = whole.labels()
        attributes = AttributeTable(whole.attributes())
        pins = Overlaid(whole.pins(space_id))
        if former := whole.pins_of_former_scale():
            LOGGER.warning(
                "%d thresholds that an earlier version pinned are suspended: they are numbers from "
                "0 to 1 now; pin them anew, or unpin them, with `onelook classes threshold`",
                former,
            )
        calibration = read_calibration(whole, space_id)
        head = read_head(whole, space_id)
        contrary = whole.counterexamples(state.space)
        texts = whole.texts(state.space)
        sample = whole.sample(COHORT_SIZE)
        examples = ExampleTable(*reading.result())
        opening.result()
    index, shipped = kept.index.reader(), projection.apply(shipped_cohort(state.space))
    return Snapshot(
        generation=state.generation,
        commit_id=state.commit_id,
        space=state.space,
        space_id=space_id,
        projection=projection,
        index=index,
        examples=examples,
        labels=labels,
        attributes=attributes,
        statistics=IdTable(ids, np.stack([means, stds], axis=1)),
        pins=pins,
        calibration=calibration,
        target_fpir=state.target_fpir,
        kept_head=head,
        shipped=shipped,
        draw=Draw.of(index, examples, shipped, sample),
        local=local,
        counterexamples=projected(contrary, projection),
        texts=projected_texts(texts, projection),
    )


def _examples(catalog: Catalog) -> tuple[IntArray, IntArray]:
    with catalog.whole() as whole:
        return whole.examples()


def searched_space(state: GalleryState) -> str:
    """The id of the space that is searched: the projection's, or without one the backbone's."""
    return state.projection_id or state.space.id


def projected(batch: VectorBatch, projection: Projection) -> CounterexampleTable:
    """Counterexamples in the searched space, where they are queries: most were some."""
    vectors = projection.apply_queries(batch.vectors)
    return CounterexampleTable(batch.ids, batch.class_ids, vectors)


def projected_texts(batch: TextBatch, projection: Projection) -> TextTable:
    """Texts in the searched space, as examples."""
    return TextTable(
        batch.ids,
        batch.class_ids,
        projection.apply(batch.vectors),
        dict(zip(batch.ids.tolist(), batch.texts, strict=True)),
        projection.apply(batch.words),
    )


def read_calibration(whole: WholeReading, space_id: str) -> Calibration:
    """The calibration in force in a searched space."""
    payload = whole.calibration(space_id)
    return Calibration.empty() if payload is None else Calibration.from_bytes(payload)


def read_head(whole: WholeReading, space_id: str) -> TrainedHead | None:
    """The Siamese head that is kept for a searched space."""
    payload = whole.siamese_head(space_id)
    return None if payload is None else TrainedHead.from_bytes(payload)


def _projection(whole: WholeReading, state: GalleryState) -> Projection:
    if state.projection_id is None:
        return Projection.identity(state.space.dimension)
    return Projection.from_bytes(whole.projection(state.projection_id))
