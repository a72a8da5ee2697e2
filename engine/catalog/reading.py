"""Reading a catalog: every question that a gallery asks, within one consistent view."""

from __future__ import annotations

from sqlalchemy import func, select

from ..errors import GalleryDamagedError
from ..types import Change, ChangeKind, KeepPictures, Reject, Space
from .class_reading import ClassReading
from .example_reading import ExampleReading
from .models import (
    CalibrationRow,
    ChangeRow,
    ClassRow,
    ExampleRow,
    GalleryRow,
    PictureRow,
    ProjectionRow,
    RejectRow,
    SiameseHeadRow,
    SpaceRow,
)
from .records import Counts, GalleryState


class Reader(ClassReading, ExampleReading):
    """A consistent view of a catalog for as long as its transaction lasts; for one thread."""

    def state(self) -> GalleryState:
        """The gallery's settings."""
        row = self._execute(
            select(GalleryRow, SpaceRow).join(SpaceRow, SpaceRow.id == GalleryRow.space_id)
        ).first()
        if row is None:
            raise GalleryDamagedError(
                "the gallery's settings are missing from its database; restore it from a backup"
            )
        return GalleryState(
            uuid=row.uuid,
            created_at=row.created_at,
            generation=row.generation,
            commit_id=row.commit_id,
            space=Space(row.backbone, row.weights_hash, row.preprocessing_hash, row.dimension),
            projection_id=row.projection_id,
            keep_pictures=KeepPictures(row.keep_pictures),
            target_fpir=row.target_fpir,
            local_points=row.local_points,
        )

    def counts(self) -> Counts:
        """How many classes, examples and pictures there are."""
        size = func.coalesce(func.sum(func.length(PictureRow.data)), 0)
        return Counts(
            self._execute(select(func.count(ClassRow.id))).scalar_one(),
            self._execute(select(func.count(ExampleRow.id))).scalar_one(),
            *self._execute(select(func.count(PictureRow.example_id), size)).one(),
        )

    def projection(self, projection_id: str) -> bytes:
        """The payload of a stored projection. Raises GalleryDamagedError if it is missing."""
        query = select(ProjectionRow.payload).where(ProjectionRow.id == projection_id)
        payload: bytes | None = self._execute(query).scalar_one_or_none()
        if payload is None:
            raise GalleryDamagedError(
                f"the projection {projection_id} is missing from the gallery's database; "
                "restore it from a backup, or fit one anew"
            )
        return payload

    def changes_since(
        self, generation: int, *, commit_id: str | None = None
    ) -> list[Change] | None:
        """What changed after `generation`, in order.

        A class that comes or goes has an entry without an example; its examples have their own.
        None if the log no longer reaches back that far, or `generation` is of another history (a
        backup was restored, or a copy has gone its own way): the caller re-reads everything.

        Args:
            commit_id: of the commit that made `generation`. Without it, another history is noticed
                only where `generation` is yet to come.
        """
        query = select(GalleryRow.trimmed_generation, GalleryRow.generation)
        trimmed, current = self._execute(query).one()
        if not trimmed <= generation <= current:
            return None
        if commit_id is not None and commit_id != self._commit_id(generation):
            return None
        rows = self._execute(
            select(ChangeRow.generation, ChangeRow.kind, ChangeRow.class_id, ChangeRow.example_id)
            .where(ChangeRow.generation > generation)
            .order_by(ChangeRow.id)
        )
        return [Change(row[0], ChangeKind(row[1]), row[2], row[3]) for row in rows]

    def _commit_id(self, generation: int) -> str | None:
        """The id of the commit that made a generation; None where it isn't known any more."""
        row = self._execute(select(GalleryRow)).one()
        if generation == row.generation:
            return str(row.commit_id)
        if generation == row.trimmed_generation:
            return row.trimmed_commit_id or None
        query = select(ChangeRow.commit_id).where(ChangeRow.generation == generation)
        return self._execute(query.limit(1)).scalar_one_or_none() or None

    def former_space(self) -> Space | None:
        """The space that the gallery was moved to its present one from, while it is kept.

        That is the youngest of those that are older than the present one.
        """
        row = SpaceRow
        active = select(row.created_at).where(row.id == self.state().space.id).scalar_subquery()
        query = select(row.id).where(row.created_at < active).order_by(row.created_at.desc())
        found = self._execute(query.limit(1)).scalar_one_or_none()
        return None if found is None else self.space(found)

    def space_ids(self) -> list[str]:
        """The ids of all spaces that embeddings are held in, oldest first."""
        query = select(SpaceRow.id).order_by(SpaceRow.created_at)
        return list(self._execute(query).scalars())

    def kept_projection(self, space_id: str) -> bytes | None:
        """The payload of the youngest projection of a space, if it has one."""
        row = ProjectionRow
        query = select(row.payload).where(row.space_id == space_id)
        payload: bytes | None = self._execute(
            query.order_by(row.created_at.desc()).limit(1)
        ).scalar_one_or_none()
        return payload

    def calibration(self, searched_space: str) -> bytes | None:
        """The payload of the calibration in force in a searched space, if there is one."""
        query = select(CalibrationRow.payload).where(CalibrationRow.space_id == searched_space)
        payload: bytes | None = self._execute(query).scalar_one_or_none()
        return payload

    def siamese_head(self, searched_space: str) -> bytes | None:
        """The payload of the Siamese head trained in a searched space, if there is one."""
        row = SiameseHeadRow
        query = select(row.payload).where(row.space_id == searched_space)
        payload: bytes | None = self._execute(query).scalar_one_or_none()
        return payload

    def siamese_head_spaces(self) -> list[str]:
        """The searched spaces that heads were trained in."""
        query = select(SiameseHeadRow.space_id).order_by(SiameseHeadRow.space_id)
        return list(self._execute(query).scalars())

    def rejects(self) -> list[Reject]:
        """What could not be enrolled, by source."""
        query = select(RejectRow.source, RejectRow.reason).order_by(RejectRow.source)
        return [Reject(row[0], row[1]) for row in self._execute(query)]
