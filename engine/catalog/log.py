"""The commit that a transaction makes, and what it adds to the log of changes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, insert, select, update

from ..types import ChangeKind
from .models import ChangeRow, ClassRow, GalleryRow
from .session import Session, chunks
from .whole import LogReading


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

    def example(self, kind: ChangeKind, class_id: int, example_id: int, *, text: bool) -> None:
        """Note that an example came, went or moved; of texts only that their class's changed.

        There are few texts, which those who follow the log read anew.
        """
        if text:
            self.record(ChangeKind.TEXT, class_id)
        else:
            self.record(kind, class_id, example_id)

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
