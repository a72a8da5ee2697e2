"""A query's way: admitted, decoded in a thread, embedded in a batch, decided."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from threading import Lock
from typing import TypeVar

from ..boxes import Box, Crop
from ..cores import thread_limit
from ..errors import ImageError, OverloadedError, TooLargeError
from ..evaluation.explanation.explain import Explanation
from ..evaluation.explanation.explain import explain as explained
from ..features import Features, PreparedPicture
from ..filtering import Filter
from ..findings import Findings
from ..images import decoded_size, load_image
from ..memory import give_memory_back
from ..recognizer.locating import located, scene_hint
from ..types import Candidate, Decision, Reject
from . import trail
from .batching import Batcher
from .metrics import Metrics
from .pixels import PixelRoom
from .served import Served
from .trail import Request

_BATCHES_AT_ONCE = 2
"""So that a core has the next one's pictures to embed while another decides, or is done sooner."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a request: what its sender calls it, its bytes, and a box in it."""

    source: str
    data: bytes
    box: Box | None = None

    @property
    def image(self) -> bytes | Crop:
        """What is meant: the picture, or the part of it within the box."""
        return self.data if self.box is None else Crop(self.data, self.box)


@dataclass(frozen=True, slots=True, eq=False)
class Recognized:
    """What became of one picture; `pixels` is how many decoding it takes."""

    upload: Upload
    pixels: int
    features: Features
    decision: Decision


@dataclass(frozen=True, slots=True, eq=False)
class _Query:
    source: str
    prepared: PreparedPicture
    candidates: int
    where: Filter | None
    request: Request | None


class RecognitionLine:
    """Recognises pictures for many callers at once; its methods are called on the event loop."""

    def __init__(self, served: Served, metrics: Metrics) -> None:
        options = served.options
        self._recognizer = served.recognizer
        self._options = options
        self._metrics = metrics
        self._pending = 0
        self._limits = served.limits
        self.room = PixelRoom(options, self._give_memory_back)
        self._decoders = ThreadPoolExecutor(thread_limit(), thread_name_prefix="onelook-decode")
        self._embedding = Lock()
        self._batcher: Batcher[_Query, tuple[Features, Decision]] = Batcher(
            self._work,
            max_batch=options.max_batch,
            patience=options.queue_seconds,
            workers=_BATCHES_AT_ONCE,
        )

    @property
    def alive(self) -> bool:
        """Whether pictures are recognised."""
        return self._batcher.alive

    def close(self) -> None:
        """Finish what was accepted, then stop."""
        self._decoders.shutdown(wait=True)
        self._batcher.close()

    async def recognize(
        self, uploads: Sequence[Upload], *, candidates: int, where: Filter | None = None
    ) -> list[Recognized | Reject]:
        """Recognise pictures; a `Reject` stands in the place of one that can't be read.

        Args:
            where: compare only with the classes that it keeps.

        Raises:
            OverloadedError: more pictures, or pixels, are waiting than are accepted.
            TooLargeError: one request brings more than any may.
        """
        self._admit(len(uploads))
        try:
            sizes = await asyncio.gather(*(self.size_of(upload) for upload in uploads))
            with self.room.admitted(sum(size for size in sizes if isinstance(size, int))):
                return await self._all(uploads, sizes, candidates, where)
        finally:
            self._pending -= len(uploads)
            self._metrics.queue.set(self._pending)

    async def locate(
        self, uploads: Sequence[Upload], *, where: Filter | None = None
    ) -> list[Findings | Reject]:
        """Find everything that pictures show; a `Reject` stands for one that can't be read.

        Args:
            where: as `recognize`.

        Raises:
            OverloadedError, TooLargeError: as `recognize`.
        """
        self._admit(len(uploads))
        try:
            sizes = [
                await self.size_of(upload, scene_hint(self._recognizer.backbone))
                for upload in uploads
            ]
            with self.room.admitted(sum(size for size in sizes if isinstance(size, int))):
                return [
                    await self._located(upload, size, where)
                    for upload, size in zip(uploads, sizes, strict=True)
                ]
        finally:
            self._pending -= len(uploads)
            self._metrics.queue.set(self._pending)

    async def explain(self, upload: Upload) -> Explanation | Reject:
        """Why a picture is decided as it is; a `Reject` if it can't be read.

        Raises:
            OverloadedError, TooLargeError: as `recognize`.
        """
        recognizer = self._recognizer
        requests = _present(trail.current())

        def work() -> Explanation:
            with self._metrics.stage("explain", requests):
                return explained(recognizer.gallery, recognizer.features, upload.image)

        self._admit(1)
        try:
            size = await self.size_of(upload, self._options.max_image_pixels)  # decoded as it is
            if isinstance(size, Reject):
                return size
            with self.room.admitted(size):
                return await self._decoded(size, work)
        except ImageError as error:
            return Reject(upload.source, error.reason)
        finally:
            self._pending -= 1
            self._metrics.queue.set(self._pending)

    async def nearest_to(self, text: str, k: int, where: Filter | None) -> list[Candidate]:
        """The k classes nearest to a text.

        Raises:
            OverloadedError: more is waiting than is accepted.
            TextError: the text is none, or the backbone knows pictures only.
            FilterError: the filter can't be used.
        """
        requests = _present(trail.current())

        def work() -> list[Candidate]:
            with self._metrics.stage("embed", requests):
                return self._recognizer.nearest(text=text, k=k, where=where)

        self._admit(1)
        try:
            return await self._decoded(0, work)
        finally:
            self._pending -= 1
            self._metrics.queue.set(self._pending)

    async def _located(
        self, upload: Upload, size: int | Reject, where: Filter | None
    ) -> Findings | Reject:
        if isinstance(size, Reject):
            return size

        requests = _present(trail.current())

        def work() -> Findings:
            with self._metrics.stage("locate", requests):
                extractor = replace(self._recognizer.features, limits=self._limits)
                snapshot = self._recognizer.gallery.snapshot()
                if where is not None:
                    snapshot = snapshot.narrowed(where)
                return located(snapshot, extractor, upload.image, upload.source)

        try:
            return await self._decoded(size, work)
        except ImageError as error:
            return Reject(upload.source, error.reason)

    async def size_of(self, upload: Upload, hint: int | None = None) -> int | Reject:
        """How many pixels decoding a picture takes at a time, or why it can't be read.

        Args:
            hint: the short side that it is decoded to at least; by default the backbone's.
        """
        if hint is None:
            hint = self._recognizer.backbone.preprocessing.decode_short_side

        def size() -> int:
            return decoded_size(upload.image, limits=self._limits, min_side_hint=hint)

        try:
            return await asyncio.wrap_future(self._decoders.submit(size))
        except ImageError as error:
            return Reject(upload.source, error.reason)

    async def small_copy(self, upload: Upload, pixels: int) -> bytes:
        """A copy of a picture that is small enough to be kept; it is decoded anew for that."""

        def copy() -> bytes:
            return load_image(upload.image, limits=self._limits).bounded_picture()

        return await self._decoded(pixels, copy)

    async def _all(
        self,
        uploads: Sequence[Upload],
        sizes: Sequence[int | Reject],
        candidates: int,
        where: Filter | None,
    ) -> list[Recognized | Reject]:
        """Each picture's outcome; where one fails, or the caller leaves, the others are dropped.

        A request has only so many pictures in hand at a time, so that others get their turn.
        """
        hands = asyncio.Semaphore(2 * thread_limit())
        request = trail.current()

        async def outcome(upload: Upload, size: int | Reject) -> Recognized | Reject:
            if isinstance(size, Reject):
                return size
            async with hands:
                try:
                    prepared = await self._decoded(size, lambda: self._decode(upload, request))
                except ImageError as error:
                    return Reject(upload.source, error.reason)
            query = _Query(upload.source, prepared, candidates, where, request)
            features, decision = await asyncio.wrap_future(self._batcher.submit(query))
            return Recognized(upload, size, features, decision)

        tasks = [
            asyncio.ensure_future(outcome(upload, size))
            for upload, size in zip(uploads, sizes, strict=True)
        ]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()

    async def _decoded(self, pixels: int, work: Callable[[], T]) -> T:
        """What a thread makes of a picture; its room is taken until it has finished, whoever left.

        Raises:
            OverloadedError: the service is stopping.
        """
        loop = asyncio.get_running_loop()
        share = await self.room.enter(pixels)

        def leave(_future: Future[T]) -> None:
            loop.call_soon_threadsafe(self.room.leave, share)

        try:
            future = self._decoders.submit(work)
        except RuntimeError:  # the threads are shut down
            self.room.leave(share)
            raise OverloadedError("the service is stopping; try again in a little while") from None
        future.add_done_callback(leave)
        return await asyncio.wrap_future(future)

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

    def _give_memory_back(self) -> None:
        with suppress(RuntimeError):  # the threads are shut down
            self._decoders.submit(give_memory_back)

    def _decode(self, upload: Upload, request: Request | None) -> PreparedPicture:
        with self._metrics.stage("decode", _present(request)):
            extractor = replace(self._recognizer.features, limits=self._limits)
            local = len(self._recognizer.gallery.snapshot().local) > 0
            return extractor.prepare_query(upload.image, local=local)

    def _work(self, queries: Sequence[_Query]) -> list[tuple[Features, Decision]]:
        self._metrics.batches.observe(len(queries))
        requests = _present(*(query.request for query in queries))
        with self._metrics.stage("embed", requests):
            extractor = self._recognizer.features
            with nullcontext() if extractor.backbone.at_once > 1 else self._embedding:
                found = extractor.features([query.prepared for query in queries])
        with self._metrics.stage("decide", requests):
            decisions: dict[int, Decision] = {}
            for where in dict.fromkeys(query.where for query in queries):
                rows = [row for row, query in enumerate(queries) if query.where == where]
                some = self._recognizer.recognize_features(
                    [found[row] for row in rows],
                    [queries[row].source for row in rows],
                    candidates=max(queries[row].candidates for row in rows),
                    where=where,
                )
                decisions.update(zip(rows, some, strict=True))
        return [
            (features, replace(decision, candidates=decision.candidates[: query.candidates]))
            for query, features, decision in zip(
                queries, found, (decisions[row] for row in range(len(queries))), strict=True
            )
        ]


def _present(*requests: Request | None) -> set[Request]:
    """Each of the requests once; there is none where the line is used without a service."""
    return {request for request in requests if request is not None}
