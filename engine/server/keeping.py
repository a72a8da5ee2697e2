"""Keeps queries called unknown for review; recognition goes on whatever becomes of that."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Sequence
from typing import Any

from fastapi.concurrency import run_in_threadpool

from ..catalog.service import NewQuery
from ..errors import OnelookError, OverloadedError
from ..types import Decision
from .recognition import RecognitionLine, Recognized
from .served import Served

LOGGER = logging.getLogger(__name__)
PATIENCE_SECONDS = 2.0
REST_SECONDS = 5.0
_AT_ONCE = 4


class UnknownKeeper:
    """Writes unknown queries down; used on the event loop.

    Where they can't be written, on a full disk or while the database is away, keeping rests for a
    few seconds at a time, which is said once, and again when it works.

    Attributes:
        trouble: why nothing is kept at the moment, or None.
    """

    def __init__(self, served: Served, line: RecognitionLine) -> None:
        self._served = served
        self._line = line
        self._resting_until = 0.0
        self._writing: set[asyncio.Task[None]] = set()
        self.trouble: str | None = None

    async def keep(self, recognized: Sequence[Recognized]) -> None:
        """Keep those called unknown, if any are to be kept; never an error.

        It is waited for, so that whoever asks next finds them, but not for long.
        """
        await self._count()
        unknown = [entry for entry in recognized if not entry.decision.known]
        served = self._served
        if not unknown or not served.options.keep_unknown or served.recognizer.gallery.read_only:
            return
        if time.monotonic() < self._resting_until or len(self._writing) >= _AT_ONCE:
            return
        await self._waited(self._keep(unknown))

    async def _count(self) -> None:
        """Have where queries sit written, where enough were asked; waited for as keeping is."""
        queries = self._served.recognizer.gallery.queries
        if queries.due and len(self._writing) < _AT_ONCE:
            await self._waited(run_in_threadpool(queries.write))

    async def _waited(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        await asyncio.wait((task,), timeout=PATIENCE_SECONDS)

    async def _keep(self, unknown: Sequence[Recognized]) -> None:
        try:
            queries = [
                new_query(entry, await self._line.small_copy(entry.upload, entry.pixels))
                for entry in unknown
            ]
            await run_in_threadpool(self._write, queries)
        except OverloadedError:  # the service is stopping
            return
        except OnelookError as error:
            self._resting_until = time.monotonic() + REST_SECONDS
            if self.trouble is None:
                LOGGER.error("queries called unknown can't be kept for now: %s", error)
            self.trouble = "queries called unknown can't be kept; the log says why"
            return
        if self.trouble is not None:
            LOGGER.warning("queries called unknown are kept again")
        self.trouble = None

    def _write(self, queries: Sequence[NewQuery]) -> None:
        served = self._served
        served.store.review.keep(queries, limit=served.options.keep_unknown)


def new_query(entry: Recognized, picture: bytes) -> NewQuery:
    """What is kept of a query."""
    features, decision = entry.features, entry.decision
    return NewQuery(
        source=decision.source,
        content_hash=features.facts.content_hash,
        picture=picture,
        vector=features.embedding,
        space_id=features.space_id,
        nearest_id=_nearest_id(decision),
        similarity=decision.similarity,
        threshold=decision.threshold,
        width=features.facts.width,
        height=features.facts.height,
    )


def _nearest_id(decision: Decision) -> int | None:
    return decision.candidates[0].class_id if decision.candidates else None
