"""What was learned from a gallery, by searched space: statistics, calibrations, Siamese heads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import delete, insert, select

from ..types import ChangeKind, ClassStatistics
from .classes import ClassReading
from .log import NewCommit
from .models import CalibrationRow, ClassStatisticsRow, SiameseHeadRow
from .session import CHUNK, Session, id_chunks


class LearnedReading:
    """Questions about what was learned."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def statistics(
        self, searched_space: str, class_ids: Iterable[int] | None = None
    ) -> dict[int, ClassStatistics]:
        """Statistics by class id, of all classes or of the given ones; not all have any."""
        row = ClassStatisticsRow
        query = select(row.class_id, row.mean, row.std, row.cohort_size)
        query = query.where(row.space_id == searched_space)
        if class_ids is None:
            queries = [query]
        else:
            queries = [query.where(row.class_id.in_(chunk)) for chunk in id_chunks(class_ids)]
        return {
            found[0]: ClassStatistics(*found[1:])
            for query in queries
            for found in self._session.execute(query)
        }

    def siamese_head_spaces(self) -> list[str]:
        """The searched spaces that heads were trained in."""
        query = select(SiameseHeadRow.space_id).order_by(SiameseHeadRow.space_id)
        return list(self._session.execute(query).scalars())


class LearnedWriting:
    """Changes of what was learned."""

    def __init__(self, session: Session, commit: NewCommit) -> None:
        self._session, self._commit = session, commit

    def put_statistics(
        self, searched_space: str, statistics: Mapping[int, ClassStatistics]
    ) -> None:
        """Store statistics by class id, in place of earlier ones of the same classes.

        Those of classes that are gone meanwhile are left out. The log names the classes where they
        are few; else it says that all may have changed.
        """
        row = ClassStatisticsRow
        named = len(statistics) <= CHUNK
        if not named:
            self._commit.record(ChangeKind.CALIBRATE)
        for chunk in id_chunks(statistics):
            present = list(ClassReading(self._session).labels(chunk))
            if not present:
                continue
            for class_id in present if named else ():
                self._commit.record(ChangeKind.CALIBRATE, class_id)
            former = delete(row).where(row.space_id == searched_space, row.class_id.in_(present))
            self._session.execute(former)
            self._session.execute(
                insert(row),
                [
                    {
                        "class_id": class_id,
                        "space_id": searched_space,
                        "mean": entry.mean,
                        "std": entry.std,
                        "cohort_size": entry.cohort_size,
                    }
                    for class_id, entry in ((i, statistics[i]) for i in present)
                ],
            )

    def put_calibration(self, searched_space: str, payload: bytes) -> None:
        """Put a calibration in force in a searched space, in place of the one before."""
        row = CalibrationRow
        self._session.execute(delete(row).where(row.space_id == searched_space))
        values = {
            "space_id": searched_space,
            "created_at": self._commit.now,
            "generation": self._commit.generation,
            "payload": payload,
        }
        self._session.execute(insert(row).values(**values))
        self._commit.record(ChangeKind.CALIBRATE)

    def put_siamese_head(self, searched_space: str, payload: bytes | None) -> None:
        """Keep a searched space's Siamese head in place of the one before; None keeps none."""
        row = SiameseHeadRow
        self._session.execute(delete(row).where(row.space_id == searched_space))
        if payload is not None:
            values = {
                "space_id": searched_space,
                "created_at": self._commit.now,
                "generation": self._commit.generation,
                "payload": payload,
            }
            self._session.execute(insert(row).values(**values))
        self._commit.record(ChangeKind.HEAD)
