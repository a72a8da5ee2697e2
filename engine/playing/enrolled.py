"""What is enrolled, as arrays, so that every lever can build its own comparison from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..catalog import Catalog
from ..decision.trained_head import TrainedHead
from ..gallery import Gallery, Snapshot
from ..gallery.deciding.left_out import Photographs, calibrate_on_gallery
from ..gallery.snapshot.local import LocalTable
from ..projections import Projection, shipped_cohort, shipped_projection
from ..types import FloatArray, IntArray, Space

BATCH = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Enrolled:
    """A gallery's examples and the comparison that it uses by itself.

    Attributes:
        snapshot: the gallery's own: its projection, thresholds and calibration.
        ids, class_ids: `(n,) int64`, the examples and their classes.
        embeddings: `(n, dim) float32`, unit rows, before any projection.
        labels: the classes' labels by id.
        shipped: `(m, dim) float32`: what stands for impostors, before any projection.
        kept_head: the gallery's Siamese head, in force or not.
    """

    snapshot: Snapshot
    ids: IntArray
    class_ids: IntArray
    embeddings: FloatArray
    labels: Mapping[int, str]
    shipped: FloatArray
    kept_head: TrainedHead | None = None

    @classmethod
    def of_gallery(cls, gallery: Gallery) -> Enrolled:
        """Everything that a gallery has enrolled."""
        snapshot = gallery.snapshot()
        space = snapshot.space
        ids, embeddings = _vectors(gallery.catalog, space)
        class_ids = snapshot.examples.classes_of(ids)
        known = class_ids >= 0
        return cls(
            snapshot=snapshot,
            ids=ids[known],
            class_ids=class_ids[known],
            embeddings=embeddings[known],
            labels=dict(snapshot.labels),
            shipped=shipped_cohort(space),
            kept_head=snapshot.kept_head,
        )

    @classmethod
    def in_memory(
        cls,
        embeddings: FloatArray,
        labels: list[str],
        space: Space,
        *,
        target_fpir: float,
        photographs: Photographs | None = None,
        local: LocalTable | None = None,
    ) -> Enrolled:
        """What a fresh gallery of those examples would hold, with no gallery written.

        Args:
            embeddings: `(n, dim) float32`, unit rows.
            labels: the examples' classes.
            photographs: of the examples; their classes are numbered as the labels are sorted.
            local: the examples' local features, by their numbers from 1; None where none count.
        """
        names, class_ids = np.unique(labels, return_inverse=True)
        by_id = {number: str(name) for number, name in enumerate(names)}
        ids = np.arange(1, len(labels) + 1)
        shipped = shipped_cohort(space)
        snapshot = Snapshot.in_memory(
            space=space,
            projection=shipped_projection(space) or Projection.identity(space.dimension),
            example_ids=ids,
            class_ids=class_ids,
            embeddings=embeddings,
            labels=by_id,
            shipped=shipped,
            target_fpir=target_fpir,
        )
        if local is not None:
            snapshot = replace(snapshot, local=local)
        calibrated = _calibrated(snapshot, photographs)
        return cls(calibrated, ids, class_ids, embeddings, by_id, shipped)

    def snapshot_in(self, projection: Projection) -> Snapshot:
        """The same examples in another searched space, calibrated on the gallery alone."""
        return _calibrated(
            Snapshot.in_memory(
                space=self.snapshot.space,
                projection=projection,
                example_ids=self.ids,
                class_ids=self.class_ids,
                embeddings=self.embeddings,
                labels=self.labels,
                shipped=self.shipped,
                target_fpir=self.snapshot.target_fpir,
            )
        )


def _calibrated(snapshot: Snapshot, photographs: Photographs | None = None) -> Snapshot:
    return replace(snapshot, calibration=calibrate_on_gallery(snapshot, photographs=photographs))


def _vectors(catalog: Catalog, space: Space) -> tuple[IntArray, FloatArray]:
    ids = [np.empty(0, np.int64)]
    vectors = [np.empty((0, space.dimension), np.float32)]
    for batch in catalog.stream(lambda read: read.embeddings.stream(space.id, batch=BATCH)):
        ids.append(batch.ids)
        vectors.append(batch.vectors)
    return np.concatenate(ids), np.concatenate(vectors)
