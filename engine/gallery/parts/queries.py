"""Where queries sit: counted as they come, written down now and then, told."""

from __future__ import annotations

import logging
import threading
import time
from functools import partial

import numpy as np

from ...errors import OnelookError
from ...forking import in_forked_child
from ...types import FloatArray
from ..live import LiveGallery
from ..query_sums import QueryDrift, QuerySums
from ..snapshot import Snapshot
from ..snapshot.cohort import Draw

LOGGER = logging.getLogger(__name__)

LEAST = 16
"""A run of fewer queries isn't written down: a single one isn't worth a write."""

REST = 60.0
"""For so many seconds nothing is written after that failed, which may have taken a while."""

MOST = 256
"""So many wait to be written at most; what comes then is let go of until they are."""


class QueryCounting:
    """Counts queries; may be shared by threads. Recognition never fails by it.

    Attributes:
        counting: whether queries are counted; False opts out.
        by_itself: whether what waits is written whenever it is much, by whoever recognises then;
            a service does that elsewhere.
    """

    def __init__(self, live: LiveGallery) -> None:
        self._live = live
        self.counting = True
        self.by_itself = True
        self._waiting: list[FloatArray] = []
        self._rested = 0.0
        self._lock = threading.Lock()
        self._catalog: tuple[Draw, FloatArray, float, int] | None = None
        in_forked_child(self._renew)

    def note(self, embeddings: FloatArray) -> None:
        """Count queries: `(m, dim) float32`, unit rows, not projected."""
        if not self.counting or self._live.read_only:
            return
        with self._lock:
            room = MOST - len(self._waiting)
            self._waiting += [row.copy() for row in embeddings[: max(0, room)]]
        if self.by_itself and self.due:
            self.write()

    @property
    def due(self) -> bool:
        """Whether enough wait to be written."""
        return len(self._waiting) >= MOST // 4

    def write(self) -> None:
        """Write down what waits, if it is enough; where that can't be done, it is let go of."""
        with self._lock:
            if len(self._waiting) < LEAST:
                return
            if time.monotonic() < self._rested:
                self._waiting = []
                return
            waiting, self._waiting = np.stack(self._waiting), []
        try:
            snapshot = self._live.snapshot()
            if waiting.shape[1] != snapshot.space.dimension:  # the gallery was moved meanwhile
                return
            store = self._live.catalog.service.query_sums
            store.update(snapshot.space.id, partial(_added, snapshot, waiting))
        except OnelookError as error:
            self._rested = time.monotonic() + REST
            LOGGER.info("where queries sit isn't written down for now: %s", error)

    def drift(self) -> QueryDrift | None:
        """How far queries sit from the catalog; None where none was counted."""
        snapshot = self._live.snapshot()
        payload = self._live.catalog.service.query_sums.read(snapshot.space.id)
        if payload is None:
            return None
        return QuerySums.from_bytes(payload).drift(*self._pictures(snapshot))

    def forget(self) -> None:
        """Erase what was counted."""
        with self._lock:
            self._waiting = []
        self._live.catalog.service.query_sums.forget()

    def _pictures(self, snapshot: Snapshot) -> tuple[FloatArray, float, int]:
        """The mean of a sample of the enrolled pictures, their spread, how many those are."""
        found = self._catalog
        if found is None or found[0] is not snapshot.draw:
            cohort = snapshot.cohort
            ids = cohort.example_ids[: len(cohort) - len(cohort.shipped)].tolist()
            with self._live.catalog.read() as reader:
                vectors = reader.embeddings.of(snapshot.space.id, ids).vectors
            if not len(vectors):
                return np.zeros(snapshot.space.dimension, np.float32), 0.0, 0
            mean: FloatArray = vectors.mean(axis=0)
            spread = float(np.sqrt(((vectors - mean) ** 2).sum(axis=1).mean()))
            found = self._catalog = (snapshot.draw, mean, spread, len(vectors))
        return found[1:]

    def _renew(self) -> None:
        """What another thread was counting, it isn't counted by this process."""
        self._lock, self._waiting = threading.Lock(), []


def _added(snapshot: Snapshot, queries: FloatArray, payload: bytes | None) -> bytes:
    calibration = snapshot.calibration
    since = calibration.created_at.isoformat() if calibration.classes else ""
    if payload is None:
        sums = QuerySums.empty(snapshot.space.dimension, since)
    else:
        sums = QuerySums.from_bytes(payload)
    return sums.with_queries(queries, since).to_bytes()
