"""A query's way: admitted, decoded in a thread, embedded in a batch, decided."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from engine.cores import thread_limit
from engine.errors import ImageError, OverloadedError, TooLargeError
from engine.features import Features, PreparedPicture, embeddings_of
from engine.server.batching import Batcher
from engine.server.metrics import Metrics
from engine.server.served import Served
from engine.types import Decision, Reject


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a request: what its sender calls it, and its bytes."""

    source: str
    data: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Recognized:
    """What became of one picture."""

    upload: Upload
    features: Features
    decision: Decision


@dataclass(frozen=True, slots=True, eq=False)
class _Query:
    source: str
    prepared: PreparedPicture
    candidates: int


class RecognitionLine:
    """Recognises pictures for many callers at once; its methods are called on the event loop."""

    def __init__(self, served: Served, metrics: Metrics) -> None:
        options = served.options
        self._recognizer = served.recognizer
        self._options = options
        self._metrics = metrics
        self._pending = 0
        self._limits = served.limits
        self._decoders = ThreadPoolExecutor(thread_limit(), thread_name_prefix="onelook-decode")
        self._batcher: Batcher[_Query, tuple[Features, Decision]] = Batcher(
            self._work, max_batch=options.max_batch, patience=options.queue_seconds
        )

    def close(self) -> None:
        """Finish what was accepted, then stop."""
        self._decoders.shutdown(wait=True)
        self._batcher.close()

    async def recognize(
        self, uploads: Sequence[Upload], *, candidates: int
    ) -> list[Recognized | Reject]:
        """Recognise pictures; a `Reject` stands in the place of one that can't be read.

        Raises:
            OverloadedError: more pictures are waiting than are accepted.
            TooLargeError: one request brings more than any may.
        """
        self._admit(len(uploads))
        try:
            return list(await asyncio.gather(*(self._one(u, candidates) for u in uploads)))
        finally:
            self._pending -= len(uploads)
            self._metrics.queue.set(self._pending)

    def _admit(self, pictures: int) -> None:
        options = self._options
        if pictures > options.max_pictures:
            raise TooLargeError(
                f"expected at most {options.max_pictures} pictures in a request, "
                f"but got {pictures}; send several requests"
            )
        if self._pending + pictures > options.queue:
            raise OverloadedError(
                f"{self._pending} pictures are waiting to be recognised, and at most "
                f"{options.queue} may; try again in a moment"
            )
        self._pending += pictures
        self._metrics.queue.set(self._pending)

    async def _one(self, upload: Upload, candidates: int) -> Recognized | Reject:
        loop = asyncio.get_running_loop()
        try:
            prepared = await loop.run_in_executor(self._decoders, self._decode, upload)
        except ImageError as error:
            return Reject(upload.source, error.reason)
        query = _Query(upload.source, prepared, candidates)
        features, decision = await asyncio.wrap_future(self._batcher.submit(query))
        return Recognized(upload, features, decision)

    def _decode(self, upload: Upload) -> PreparedPicture:
        with self._metrics.stage("decode"):
            extractor = replace(self._recognizer.features, limits=self._limits)
            return extractor.prepare_query(upload.data)

    def _work(self, queries: Sequence[_Query]) -> list[tuple[Features, Decision]]:
        self._metrics.batches.observe(len(queries))
        with self._metrics.stage("embed"):
            extractor = self._recognizer.features
            found = extractor.features([query.prepared for query in queries])
        with self._metrics.stage("decide"):
            decisions = self._recognizer.recognize_embeddings(
                embeddings_of(found, extractor.space.dimension),
                sources=[query.source for query in queries],
                candidates=max(query.candidates for query in queries),
            )
        return [
            (features, replace(decision, candidates=decision.candidates[: query.candidates]))
            for query, features, decision in zip(queries, found, decisions, strict=True)
        ]
