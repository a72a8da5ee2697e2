"""Work in threads, a few batches ahead of whoever takes the results, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from ..cores import thread_limit

BATCHES_AHEAD = 4

T = TypeVar("T")
R = TypeVar("R")


def work_ahead(
    batches: Iterable[Sequence[T]],
    work: Callable[[T], R],
    *,
    workers: int | None = None,
    ahead: int = BATCHES_AHEAD,
) -> Generator[list[R], None, None]:
    """What `work` makes of each batch, in order; memory is bounded however many there are.

    Args:
        batches: drawn in the caller's thread, `ahead` of them at most before their results are
            taken. Empty ones give empty results.
        work: called in the threads; what it raises is raised here, in the batch's place.
        workers: how many threads; by default as many as this process may use.
        ahead: batches in hand at a time; with 1, none is drawn before the one before is taken.
    """
    drawn = iter(batches)
    waiting: deque[list[Future[R]]] = deque()
    pool = ThreadPoolExecutor(workers or thread_limit(), thread_name_prefix="onelook-decode")
    try:
        while True:
            for batch in islice(drawn, ahead - len(waiting)):
                waiting.append([pool.submit(work, entry) for entry in batch])
            if not waiting:
                return
            yield [future.result() for future in waiting.popleft()]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
