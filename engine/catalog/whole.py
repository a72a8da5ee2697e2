"""What opening a gallery reads: tables whole, and the log, in plain SQL.

A cold query asks nothing else of the catalog. Put so, SQLite answers without SQLAlchemy, which
takes longer to import than everything else that such a query needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Protocol

import numpy as np

from ..errors import GalleryDamagedError
from ..types import Change, ChangeKind, IntArray, KeepPictures, Space, StoredLocalFeatures
from ..versioned import Overlaid, texts_of_columns
from .records import GalleryState, StatisticsTable, TextBatch, VectorBatch
from .vectors import DTYPE, decode_vectors

PIN_SCALE = ":1"
"""Ends the space of a pin that is a number from 0 to 1; former ones, on each class's own scale,
have no such end, and are as good as not there."""


class PlainSession(Protocol):
    """One transaction, as statements in plain SQL see it; for one thread."""

    @property
    def on_server(self) -> bool:
        """Whether the database is a PostgreSQL server's, and no SQLite file."""

    def rows(self, statement: str, **values: Any) -> Iterable[Sequence[Any]]:
        """The rows of a statement, whose `:names` are the values'."""


class WholeReading:
    """Questions to tables read whole, within one consistent view.

    Attributes:
        log: what changed.
    """

    def __init__(self, session: PlainSession) -> None:
        self._session = session
        self.log = LogReading(session)

    def state(self) -> GalleryState:
        """The gallery's settings."""
        row = _first(
            self._session.rows(
                "SELECT uuid, gallery.created_at, generation, commit_id, backbone, weights_hash, "
                "preprocessing_hash, dimension, projection_id, keep_pictures, target_fpir, "
                "local_points FROM gallery JOIN space ON space.id = gallery.space_id"
            )
        )
        if row is None:
            raise GalleryDamagedError(
                "the gallery's settings are missing from its database; restore it from a backup"
            )
        return GalleryState(
            uuid=row[0],
            created_at=_moment(row[1]),
            generation=row[2],
            commit_id=row[3],
            space=Space(*row[4:8]),
            projection_id=row[8],
            keep_pictures=KeepPictures(row[9]),
            target_fpir=row[10],
            local_points=row[11],
        )

    def labels(self) -> Overlaid[str]:
        """Every class's label by its id.

        As columns: to fetch a row for each takes twice as long. In the order of ids, not in that
        of the labels' index.
        """
        columns = (
            "SELECT group_concat(id, ','), group_concat(length(label), ','), "
            "group_concat(label, '') FROM class NOT INDEXED"
        )
        if self._session.on_server:
            columns = (
                "SELECT string_agg(CAST(id AS TEXT), ','), "
                "string_agg(CAST(length(label) AS TEXT), ','), string_agg(label, '') FROM class"
            )
        row = _first(self._session.rows(columns))
        assert row is not None
        return texts_of_columns(_numbers(row[0]), _numbers(row[1]), row[2] or "")

    def attributes(self) -> dict[int, str]:
        """The attributes of the classes that have any, as JSON text by class id."""
        rows = self._session.rows(
            "SELECT id, CAST(attributes AS TEXT) FROM class WHERE CAST(attributes AS TEXT) != '{}'"
        )
        return dict(rows)  # type: ignore[arg-type]

    def pins(self, searched_space: str) -> dict[int, float]:
        """The thresholds pinned in a searched space, by class id."""
        rows = self._session.rows(
            "SELECT id, pinned_threshold FROM class "
            "WHERE pinned_threshold IS NOT NULL AND pinned_space = :space",
            space=searched_space + PIN_SCALE,
        )
        return dict(rows)  # type: ignore[arg-type]

    def pins_of_former_scale(self) -> int:
        """How many thresholds were pinned before they were numbers from 0 to 1."""
        row = _first(
            self._session.rows(
                "SELECT count(*) FROM class "
                "WHERE pinned_threshold IS NOT NULL AND pinned_space NOT LIKE :present",
                present=f"%{PIN_SCALE}",
            )
        )
        assert row is not None
        return int(row[0])

    def examples(self) -> tuple[IntArray, IntArray]:
        """The ids of all pictures, ascending, and their classes' ids, `(n,) int64` each.

        Each column comes as one text: a row of its own for every example takes twice as long.
        """
        columns = "SELECT group_concat(id, ','), group_concat(class_id, ',') FROM example"
        if self._session.on_server:
            columns = (
                "SELECT string_agg(CAST(id AS TEXT), ','), string_agg(CAST(class_id AS TEXT), ',') "
                "FROM example"
            )
        row = _first(self._session.rows(columns))
        assert row is not None
        ids, class_ids = map(_numbers, row)
        order = np.argsort(ids, kind="stable")
        pictures = order[~np.isin(ids[order], self._texts())]
        return ids[pictures], class_ids[pictures]

    def sample(self, count: int) -> IntArray:
        """The ids of those pictures whose contents hash lowest, in that order: `(n,) int64`.

        As good as drawn at random, but the same whenever and in whatever order they were enrolled.
        """
        texts = self._texts()
        rows = self._session.rows(
            "SELECT id FROM example ORDER BY content_hash, id LIMIT :count",
            count=count + texts.size,
        )
        ids = np.fromiter(chain.from_iterable(rows), np.int64)
        return ids[~np.isin(ids, texts)][:count]

    def _texts(self) -> IntArray:
        """The ids of the examples that are texts, which an index of their own finds."""
        rows = self._session.rows("SELECT id FROM example WHERE text IS NOT NULL ORDER BY id")
        return np.fromiter(chain.from_iterable(rows), np.int64)

    def local_features(self) -> Iterator[tuple[int, StoredLocalFeatures]]:
        """Every example's local features, streamed by the examples' ids."""
        rows = self._session.rows(
            "SELECT example_id, extractor, bytes FROM local_features ORDER BY example_id"
        )
        for example_id, extractor, data in rows:
            yield example_id, StoredLocalFeatures(extractor, data)

    def statistics(self, searched_space: str) -> StatisticsTable:
        """The classes' statistics in a searched space, without the sizes of cohorts, in no order.

        Ids are exact up to 2^53, which they don't reach.
        """
        rows = self._session.rows(
            "SELECT class_id, mean, std FROM class_statistics WHERE space_id = :space",
            space=searched_space,
        )
        numbers = np.fromiter(chain.from_iterable(rows), np.float64)
        class_ids, means, stds = numbers.reshape(-1, 3).T.copy()
        return StatisticsTable(class_ids.astype(np.int64), means, stds)

    def counterexamples(self, space: Space) -> VectorBatch:
        """All counterexamples' vectors in a space, by their ids."""
        rows = list(
            self._session.rows(
                "SELECT id, class_id, vector FROM counterexample JOIN counterexample_embedding "
                "ON counterexample_id = id WHERE space_id = :space ORDER BY id",
                space=space.id,
            )
        )
        return _vectors_of(rows, space.dimension)

    def texts(self, space: Space) -> TextBatch:
        """All examples that are texts, and the words of a space that they are measured against."""
        rows = list(
            self._session.rows(
                "SELECT id, class_id, vector, text FROM example JOIN embedding ON example_id = id "
                "WHERE space_id = :space AND text IS NOT NULL ORDER BY id",
                space=space.id,
            )
        )
        stored = _first(self._session.rows("SELECT words FROM space WHERE id = :id", id=space.id))
        words = np.frombuffer(bytes(stored[0] or b"") if stored else b"", DTYPE)
        return TextBatch(
            *_vectors_of(rows, space.dimension),
            texts=tuple(row[3] for row in rows),
            words=words.reshape(-1, space.dimension).astype(np.float32),
        )

    def calibration(self, searched_space: str) -> bytes | None:
        """The payload of the calibration in force in a searched space, if there is one."""
        return self._payload(
            "SELECT payload FROM calibration WHERE space_id = :id", id=searched_space
        )

    def siamese_head(self, searched_space: str) -> bytes | None:
        """The payload of the Siamese head trained in a searched space, if there is one."""
        return self._payload(
            "SELECT payload FROM siamese_head WHERE space_id = :id", id=searched_space
        )

    def projection(self, projection_id: str) -> bytes:
        """The payload of a stored projection. Raises GalleryDamagedError if it is missing."""
        payload = self._payload("SELECT payload FROM projection WHERE id = :id", id=projection_id)
        if payload is None:
            raise GalleryDamagedError(
                f"the projection {projection_id} is missing from the gallery's database; "
                "restore it from a backup, or fit one anew"
            )
        return payload

    def _payload(self, statement: str, **values: str) -> bytes | None:
        row = _first(self._session.rows(statement, **values))
        return None if row is None else bytes(row[0])


class LogReading:
    """Questions about what changed."""

    def __init__(self, session: PlainSession) -> None:
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
        if not self._reaches(generation):
            return None
        if commit_id is not None and commit_id != self.commit_id(generation):
            return None
        rows = self._session.rows(
            "SELECT generation, kind, class_id, example_id FROM change_log "
            "WHERE generation > :generation ORDER BY id",
            generation=generation,
        )
        return [Change(row[0], ChangeKind(row[1]), row[2], row[3]) for row in rows]

    def kinds_since(self, generation: int) -> set[ChangeKind] | None:
        """What kinds of changes there were after `generation`; None as `since`."""
        if not self._reaches(generation):
            return None
        rows = self._session.rows(
            "SELECT DISTINCT kind FROM change_log WHERE generation > :generation",
            generation=generation,
        )
        return {ChangeKind(row[0]) for row in rows}

    def _reaches(self, generation: int) -> bool:
        trimmed, _, current, _ = self._bounds()
        return bool(trimmed <= generation <= current)

    def commit_id(self, generation: int) -> str | None:
        """The id of the commit that made a generation; None where it isn't known any more."""
        trimmed, trimmed_id, current, current_id = self._bounds()
        if generation == current:
            return current_id
        if generation == trimmed:
            return trimmed_id or None
        row = _first(
            self._session.rows(
                "SELECT commit_id FROM change_log WHERE generation = :generation LIMIT 1",
                generation=generation,
            )
        )
        return str(row[0]) or None if row is not None else None

    def _bounds(self) -> tuple[int, str, int, str]:
        """The generation that the log was trimmed up to, and the newest, each with its commit."""
        row = _first(
            self._session.rows(
                "SELECT trimmed_generation, trimmed_commit_id, generation, commit_id FROM gallery"
            )
        )
        assert row is not None
        return row[0], row[1], row[2], row[3]


def _vectors_of(rows: Sequence[Sequence[Any]], dimension: int) -> VectorBatch:
    """Vectors from rows that begin with id, class id and vector."""
    ids, class_ids = (np.array([row[place] for row in rows], np.int64) for place in (0, 1))
    vectors = decode_vectors([bytes(row[2]) for row in rows], ids, dimension)
    return VectorBatch(ids, class_ids, vectors)


def _first(rows: Iterable[Sequence[Any]]) -> Sequence[Any] | None:
    """The first of a few rows, which are all fetched."""
    return next(iter(list(rows)), None)


def _numbers(column: str | None) -> IntArray:
    """A column of whole numbers that came as one text, None without any."""
    return np.fromstring(column, np.int64, sep=",") if column else np.empty(0, np.int64)


def _moment(stored: str | datetime) -> datetime:
    """A moment in UTC; SQLite keeps it as text, without a zone."""
    moment = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
