"""The log of changes: what it tells, and the commit that a transaction adds to it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, insert, select, update

from ..types import Change, ChangeKind
from .models import ChangeRow, ClassRow, GalleryRow
from .session import Session, chunks


class LogReading:
    """Questions about what changed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def since(self, generation: int, *, commit_id: str | None = None) -> list[Change] | None:
        """What changed after `generation`, in order.

        A class that comes or goes has an entry without an example; its examples have their own.
        None if the log no longer reaches back that far, or `generation` is of another history (a
        backup was restored, or a copy has gone its own way): the caller re-reads everything.

        Args:
            commit_id: of the commit that made `generation`. Without it, another history is noticed
                only where `generation` is yet to come.
        """
        query = select(GalleryRow.trimmed_generation, GalleryRow.generation)
        trimmed, current = self._session.execute(query).one()
        if not trimmed <= generation <= current:
            return None
        if commit_id is not None and commit_id != self.commit_id(generation):
            return None
        rows = self._session.execute(
            select(ChangeRow.generation, ChangeRow.kind, ChangeRow.class_id, ChangeRow.example_id)
            .where(ChangeRow.generation > generation)
            .order_by(ChangeRow.id)
        )
        return [Change(row[0], ChangeKind(row[1]), row[2], row[3]) for row in rows]

    def commit_id(self, generation: int) -> str | None:
        """The id of the commit that made a generation; None where it isn't known any more."""
        row = self._session.execute(select(GalleryRow)).one()
        if generation == row.generation:
            return str(row.commit_id)
        if generation == row.trimmed_generation:
            return row.trimmed_commit_id or None
        query = select(ChangeRow.commit_id).where(ChangeRow.generation == generation)
        return self._session.execute(query.limit(1)).scalar_one_or_none() or None


class NewCommit:
    """The commit that a transaction makes; the parts that change something note it here.

    Attributes:
        generation, id: under which the transaction's changes commit. A transaction that
            changes nothing that recognition rests on leaves the gallery's as they were.
        now: the time that what it makes is given.
        removed: whether pictures or vectors were removed, which must leave the files too.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        # The row is locked first, so that generations commit in order where ids would not.
        query = select(GalleryRow.generation).with_for_update()
        self.generation: int = self._session.execute(query).scalar_one() + 1
        self.id = uuid4().hex
        self.removed = False
        self.now = datetime.now(UTC)
        self._changed = False
        self._log: list[dict[str, Any]] = []
        self._touched: set[int] = set()

    def finish(self) -> None:
        """Write the change log and the generation; called once, before the commit."""
        if self._changed and not self._log:
            self.record(ChangeKind.CALIBRATE)  # the log tells every generation's commit
        if self._log:
            self._session.execute(insert(ChangeRow), self._log)
        if self._changed:
            self.set_gallery(generation=self.generation, commit_id=self.id)

    def record(
        self, kind: ChangeKind, class_id: int | None = None, example_id: int | None = None
    ) -> None:
        """Note a change for those who follow the log, of a class or an example where given."""
        self._changed = True
        self._log.append(
            {
                "generation": self.generation,
                "commit_id": self.id,
                "kind": kind.value,
                "class_id": class_id,
                "example_id": example_id,
            }
        )

    def change(self) -> None:
        """Make a generation, though no class or example changed."""
        self._changed = True

    def made(self, class_id: int) -> None:
        """Note a class that was made in this transaction, and so has its time."""
        self._touched.add(class_id)

    def touch(self, class_ids: Iterable[int]) -> None:
        """Give classes the transaction's time as that of their last update."""
        for chunk in chunks(set(class_ids) - self._touched):
            self._session.execute(
                update(ClassRow).where(ClassRow.id.in_(chunk)).values(updated_at=self.now)
            )
            self._touched.update(chunk)

    def set_gallery(self, **values: Any) -> None:
        """Write columns of the gallery's own row."""
        self._session.execute(update(GalleryRow).values(**values))

    def trim(self, log: LogReading, *, keep: int) -> None:
        """Forget the oldest changes, whole transactions at a time, so that at most `keep` stay."""
        query = select(ChangeRow.generation).order_by(ChangeRow.id.desc()).offset(keep).limit(1)
        newest = self._session.execute(query).scalar_one_or_none()
        if newest is not None:
            commit_id = log.commit_id(newest) or ""
            self._session.execute(delete(ChangeRow).where(ChangeRow.generation <= newest))
            self.set_gallery(trimmed_generation=newest, trimmed_commit_id=commit_id)
