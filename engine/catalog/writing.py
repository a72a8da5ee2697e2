"""Writing a catalog: rows, change-log entries and the new generation, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select

from ..errors import GalleryError, SpaceMismatchError
from ..types import ChangeKind, FloatArray, Reject, Space
from .example_writing import ExampleWriting
from .labels import bounded_source
from .models import (
    CalibrationRow,
    ChangeRow,
    EmbeddingRow,
    ProjectionRow,
    RejectRow,
    SiameseHeadRow,
    SpaceRow,
)
from .records import StoredProjection
from .vectors import check_vectors, encode_vectors
from .view import chunks, is_finite


class WriteTransaction(ExampleWriting):
    """Every change that a gallery makes: of examples and classes, and of the settings below."""

    def put_rejects(self, rejects: Iterable[Reject]) -> None:
        """Note what could not be enrolled, in place of earlier notes on the same sources."""
        reasons = {bounded_source(reject.source): reject.reason for reject in rejects}
        self.clear_rejects(reasons)
        if reasons:
            self._execute(
                insert(RejectRow),
                [
                    {"source": source, "reason": reason, "created_at": self._now}
                    for source, reason in reasons.items()
                ],
            )

    def clear_rejects(self, sources: Iterable[str]) -> None:
        """Forget what was noted on those sources."""
        for chunk in chunks(map(bounded_source, sources)):
            self._execute(delete(RejectRow).where(RejectRow.source.in_(chunk)))

    def set_target_fpir(self, target: float) -> None:
        """`target` in (0, 1): the share of strangers that may get a label."""
        if not (is_finite(target) and 0 < target < 1):
            raise GalleryError(f"the target FPIR must lie between 0 and 1, but got {target!r}")
        self._update_gallery(target_fpir=target)
        self._changed = True

    def set_local_points(self, points: int) -> None:
        """Keep so many points of local features of each picture from now on; 0 keeps none."""
        if points < 0:
            raise GalleryError(f"expected 0 points or more, but got {points}")
        self._update_gallery(local_points=points)
        self._changed = True

    def put_calibration(self, searched_space: str, payload: bytes) -> None:
        """Put a calibration in force in a searched space, in place of the one before."""
        row = CalibrationRow
        self._execute(delete(row).where(row.space_id == searched_space))
        values = {
            "space_id": searched_space,
            "created_at": self._now,
            "generation": self.generation,
            "payload": payload,
        }
        self._execute(insert(row).values(**values))
        self._record(ChangeKind.CALIBRATE)

    def put_siamese_head(self, searched_space: str, payload: bytes | None) -> None:
        """Keep a searched space's Siamese head in place of the one before; None keeps none."""
        row = SiameseHeadRow
        self._execute(delete(row).where(row.space_id == searched_space))
        if payload is not None:
            values = {
                "space_id": searched_space,
                "created_at": self._now,
                "generation": self.generation,
                "payload": payload,
            }
            self._execute(insert(row).values(**values))
        self._record(ChangeKind.HEAD)

    def set_projection(self, projection: StoredProjection | None) -> None:
        """Search through a projection of the active space from now on, or with None as it is."""
        if projection is not None:
            known = select(ProjectionRow.id).where(ProjectionRow.id == projection.id)
            if self._execute(known).first() is None:
                values = {
                    "id": projection.id,
                    "space_id": self.state().space.id,
                    "kind": projection.kind,
                    "payload": projection.payload,
                    "created_at": self._now,
                }
                self._execute(insert(ProjectionRow).values(**values))
        self._update_gallery(projection_id=None if projection is None else projection.id)
        self._record(ChangeKind.SPACE)

    def add_space(self, space: Space) -> None:
        """Make room for embeddings in another space; the active one stays."""
        known = select(SpaceRow.id).where(SpaceRow.id == space.id)
        if self._execute(known).first() is None:
            self._execute(insert(SpaceRow).values(**space_values(space, self._now)))

    def put_embeddings(self, space_id: str, ids: Sequence[int], vectors: FloatArray) -> None:
        """Store examples' vectors, `(n, dim) float32`, unit rows, in place of earlier ones.

        To embed a gallery anew: `add_space`, this for every example, `set_active_space`.

        Raises:
            SpaceMismatchError: the space was not added, or has another dimension.
            GalleryError: a vector is not finite or not of unit length.
        """
        space = self.space(space_id)
        checked = check_vectors(vectors, space, [f"example {i}" for i in ids])
        blobs = dict(zip((int(i) for i in ids), encode_vectors(checked), strict=True))
        row = EmbeddingRow
        for chunk in chunks(blobs):
            former = delete(row).where(row.space_id == space_id, row.example_id.in_(chunk))
            self.removed = self._execute(former).rowcount > 0 or self.removed
            self._execute(
                insert(row),
                [{"example_id": i, "space_id": space_id, "vector": blobs[i]} for i in chunk],
            )

    def set_active_space(self, space_id: str) -> None:
        """Compare in another space from now on, as it is: without a projection.

        Raises:
            SpaceMismatchError: not every example has an embedding in it.
        """
        self.space(space_id)
        embedded = select(func.count()).where(EmbeddingRow.space_id == space_id)
        missing = self.counts().examples - self._execute(embedded).scalar_one()
        if missing:
            raise SpaceMismatchError(
                f"{missing} examples have no embedding in the space {space_id}; embed them first"
            )
        self._update_gallery(space_id=space_id, projection_id=None)
        self._record(ChangeKind.SPACE)

    def forget_projections(self, space_id: str, *, but: str | None) -> None:
        """Remove the projections of a space that is not the active one, except perhaps one."""
        row = ProjectionRow
        self._execute(delete(row).where(row.space_id == space_id, row.id.is_distinct_from(but)))

    def drop_space(self, space_id: str) -> None:
        """Remove a space with its embeddings and projections.

        Raises:
            SpaceMismatchError: it is the active one, or not there.
        """
        if self.state().space.id == self.space(space_id).id:
            raise SpaceMismatchError(
                f"{space_id} is the gallery's active space; make another the active one first"
            )
        self._execute(delete(SpaceRow).where(SpaceRow.id == space_id))
        self.removed = True

    def trim_changes(self, *, keep: int) -> None:
        """Forget the oldest changes, whole transactions at a time, so that at most `keep` stay."""
        query = select(ChangeRow.generation).order_by(ChangeRow.id.desc()).offset(keep).limit(1)
        newest = self._execute(query).scalar_one_or_none()
        if newest is not None:
            commit_id = self._commit_id(newest) or ""
            self._execute(delete(ChangeRow).where(ChangeRow.generation <= newest))
            self._update_gallery(trimmed_generation=newest, trimmed_commit_id=commit_id)


def space_values(space: Space, now: datetime) -> dict[str, Any]:
    """The row of a space."""
    return {
        "id": space.id,
        "backbone": space.backbone,
        "weights_hash": space.weights_hash,
        "preprocessing_hash": space.preprocessing_hash,
        "dimension": space.dimension,
        "created_at": now,
    }
