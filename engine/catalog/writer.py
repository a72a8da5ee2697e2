"""What every part of writing has: the lock, the change log and the new generation."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, insert, select, update

from ..types import ChangeKind
from .models import ChangeRow, ClassRow, GalleryRow
from .reading import Reader
from .view import chunks


class Writer(Reader):
    """The only writer while its transaction lasts; it reads what it wrote.

    Attributes:
        generation, commit_id: under which the transaction's changes commit. A transaction that
            changes nothing that recognition rests on leaves the gallery's as they were.
        removed: whether pictures or vectors were removed, which must leave the files too.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        # The row is locked first, so that generations commit in order where ids would not.
        query = select(GalleryRow.generation).with_for_update()
        self.generation: int = self._execute(query).scalar_one() + 1
        self.commit_id = uuid4().hex
        self.removed = False
        self._now = datetime.now(UTC)
        self._changed = False
        self._log: list[dict[str, Any]] = []
        self._touched: set[int] = set()

    def finish(self) -> None:
        """Write the change log and the generation; called once, before the commit."""
        if self._changed and not self._log:
            self._record(ChangeKind.CALIBRATE)  # the log tells every generation's commit
        if self._log:
            self._execute(insert(ChangeRow), self._log)
        if self._changed:
            self._update_gallery(generation=self.generation, commit_id=self.commit_id)

    def _record(
        self, kind: ChangeKind, class_id: int | None = None, example_id: int | None = None
    ) -> None:
        self._changed = True
        self._log.append(
            {
                "generation": self.generation,
                "commit_id": self.commit_id,
                "kind": kind.value,
                "class_id": class_id,
                "example_id": example_id,
            }
        )

    def _touch(self, class_ids: Iterable[int]) -> None:
        """Give classes the transaction's time as that of their last update."""
        for chunk in chunks(set(class_ids) - self._touched):
            self._execute(
                update(ClassRow).where(ClassRow.id.in_(chunk)).values(updated_at=self._now)
            )
            self._touched.update(chunk)

    def _update_gallery(self, **values: Any) -> None:
        self._execute(update(GalleryRow).values(**values))
