"""Bulk enrolment: decoding, embedding and writing overlap, in order.

On one machine, worker threads decode a few batches ahead, this thread embeds, one thread writes
once a second or more often, and each waits for the next when it is full, so memory stays bounded
however long the source is.
`engine.bulk.ray_pipeline` decodes and embeds elsewhere; what follows is the same. Whatever was
committed stays when the run is interrupted; running it again goes on from there.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

from ..cores import every_core_busy
from ..errors import ImageError
from ..features import FeatureExtractor, work_ahead
from ..gallery import Gallery, Listing
from ..gallery.deciding.outlook import outlook_of
from ..gallery.parts.thresholds import Photographer
from ..types import Enrolment, EnrolmentReport, NewExample, Reject
from .decoding import loading
from .following import follow_moved, listing_of
from .loading import Enrolled, Loaded, Prepared, Unchanged
from .remote import RemoteFile
from .report import ReportBuilder
from .sources import Item

SECONDS_A_COMMIT = 1.0
"""A commit costs much the same for few pictures as for many, and a crash loses what wasn't."""

PICTURES_A_COMMIT = 512
"""At most, up to a batch: what waits for a commit is in memory, with its kept copies."""

Progress = Callable[[int], None]
Written = tuple[str, Enrolment | Reject]
"""A picture's source, and what became of it."""


@dataclass(frozen=True, slots=True)
class BulkOptions:
    """How a bulk enrolment deals with what it meets.

    Attributes:
        origin: the text that names the source across runs; None where it has no name.
        stop_on_error: raise at the first bad picture instead of recording and skipping it.
        allow_duplicates: enroll the same picture under several classes.
        prune: remove what an earlier run enrolled from this origin and the source no longer lists.
        workers: threads that decode.
        processes: whether each of them has a process that does it.
        store: where the source lies, if that is an object store.
        photographer: makes the photographs that the gallery is calibrated on at the end.
    """

    origin: str | None = None
    stop_on_error: bool = False
    allow_duplicates: bool = False
    prune: bool = False
    workers: int = 2
    processes: bool = False
    store: RemoteFile | None = None
    photographer: Photographer | None = None


@dataclass(frozen=True, slots=True)
class EmbeddedBatch:
    """Consecutive pictures of a source that are ready to be written.

    Attributes:
        size: how many there were.
        examples: those to be written.
        unchanged: those that are enrolled already, byte for byte.
        rejects: those that could not be read or accepted.
    """

    size: int
    examples: list[NewExample]
    unchanged: list[Unchanged]
    rejects: list[Reject]


def enroll_items(
    gallery: Gallery,
    extractor: FeatureExtractor,
    items: Iterable[Item],
    options: BulkOptions,
    progress: Progress = lambda _done: None,
) -> EnrolmentReport:
    """Enroll a stream of pictures.

    Args:
        progress: called with the number of pictures dealt with since the last call.

    Raises:
        ImageError: a bad picture, with `stop_on_error`.
        StorageError: the disk is full or the like; what was committed before it stays.
    """
    followed = follow_moved(gallery, options.origin, items)
    with closing(_embedded_batches(gallery, extractor, followed, options)) as batches:
        return commit_batches(gallery, batches, options, progress)


def commit_batches(
    gallery: Gallery,
    batches: Iterable[EmbeddedBatch],
    options: BulkOptions,
    progress: Progress,
) -> EnrolmentReport:
    """Write what was embedded, one batch while the next is made; raises as `enroll_items`."""
    started = time.monotonic()
    report = ReportBuilder(keep_rejected=options.prune)
    listing = listing_of(options.origin, options.store)
    writes: deque[Future[list[Written]]] = deque()
    with (
        every_core_busy(),
        ThreadPoolExecutor(1, thread_name_prefix="onelook-write") as writer,
    ):
        for batch in _to_commit(batches, options, progress):
            report.count_loaded([*batch.unchanged, *batch.rejects])
            listing.confirmed.update(row.example_id for row in batch.unchanged)
            writes.append(writer.submit(_write, gallery, batch, options, listing))
            while len(writes) > 1:
                _finish(writes.popleft(), report, options)
        while writes:
            _finish(writes.popleft(), report, options)
    if options.prune and options.origin is not None:
        report.pruned = gallery.examples.prune(
            options.origin, listing.confirmed, report.rejected_sources
        )
    gallery.classes.remove_emptied(listing.left)
    gallery.thresholds.settle(changed=report.changed, photographer=options.photographer)
    return report.finish(time.monotonic() - started, outlook_of(gallery.snapshot()))


def _to_commit(
    batches: Iterable[EmbeddedBatch], options: BulkOptions, progress: Progress
) -> Iterator[EmbeddedBatch]:
    """What came within a second, or is enough, as one batch; where the source fails, first what
    came before."""
    waiting: list[EmbeddedBatch] = []
    since = time.monotonic()
    try:
        for batch in batches:
            if options.stop_on_error:
                _raise_first_reject(batch.rejects)
            waiting.append(batch)
            progress(batch.size)
            enough = sum(each.size for each in waiting) >= PICTURES_A_COMMIT
            if enough or time.monotonic() - since >= SECONDS_A_COMMIT:
                yield _joined(waiting)
                waiting = []
                since = time.monotonic()
    except (Exception, KeyboardInterrupt):
        if waiting:
            yield _joined(waiting)
        raise
    if waiting:
        yield _joined(waiting)


def _joined(batches: list[EmbeddedBatch]) -> EmbeddedBatch:
    return EmbeddedBatch(
        size=sum(batch.size for batch in batches),
        examples=[row for batch in batches for row in batch.examples],
        unchanged=[row for batch in batches for row in batch.unchanged],
        rejects=[row for batch in batches for row in batch.rejects],
    )


def _embedded_batches(
    gallery: Gallery,
    extractor: FeatureExtractor,
    items: Iterable[Item],
    options: BulkOptions,
) -> Generator[EmbeddedBatch, None, None]:
    state = gallery.catalog.state()
    source = iter(items)

    def embed(batch: list[Loaded]) -> EmbeddedBatch:
        return EmbeddedBatch(
            size=len(batch),
            examples=embedded(
                extractor, [row for row in batch if isinstance(row, Prepared)], options.origin
            ),
            unchanged=[row for row in batch if isinstance(row, Unchanged)],
            rejects=[row for row in batch if isinstance(row, Reject)],
        )

    def checked(batches: Iterable[list[Loaded]]) -> Iterator[list[Loaded]]:
        for batch in batches:
            if options.stop_on_error:
                _raise_first_reject(batch)
            yield batch

    listed = iter(lambda: with_enrolled(gallery, islice(source, extractor.bulk_size)), [])
    keep, points = state.keep_pictures, state.local_points
    with (
        loading(extractor, keep, points, processes=options.processes) as load,
        closing(work_ahead(listed, load, workers=options.workers)) as batches,
    ):
        yield from extractor.embedder.in_order(embed, checked(batches))


def with_enrolled(gallery: Gallery, items: Iterable[Item]) -> list[tuple[Item, Enrolled]]:
    """Each picture with what its class holds from there already."""
    listed = list(items)
    enrolled = gallery.examples.of_sources([(item.label, item.source) for item in listed])
    return [(item, enrolled.get((item.label, item.source), [])) for item in listed]


def embedded(
    extractor: FeatureExtractor, rows: Sequence[Prepared], origin: str | None
) -> list[NewExample]:
    """What the gallery enrolls of pictures that were prepared."""
    found = extractor.features([row.prepared for row in rows])
    return [
        features.example(
            row.item.label, row.item.source, attributes=row.item.attributes, origin=origin
        )
        for row, features in zip(rows, found, strict=True)
    ]


def _write(
    gallery: Gallery, batch: EmbeddedBatch, options: BulkOptions, listing: Listing
) -> list[Written]:
    outcomes = gallery.enroll(
        batch.examples,
        rejects=batch.rejects,
        allow_duplicates=options.allow_duplicates,
        listing=listing,
    )
    listing.confirmed.update(o.example_id for o in outcomes if isinstance(o, Enrolment))
    return [(e.source, outcome) for e, outcome in zip(batch.examples, outcomes, strict=True)]


def _finish(write: Future[list[Written]], report: ReportBuilder, options: BulkOptions) -> None:
    written = write.result()
    if options.stop_on_error:
        _raise_first_reject(outcome for _, outcome in written)
    report.count_written(written)


def _raise_first_reject(rows: Iterable[object]) -> None:
    for row in rows:
        if isinstance(row, Reject):
            raise ImageError(row.source, row.reason)
