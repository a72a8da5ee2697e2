"""Micro-batching: many callers' single items, worked on together.

While batches are worked on, the next gathers; an idle worker begins after `linger` seconds at
most. Whoever has waited for longer than `patience` is told so instead of being served too late.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ..errors import OverloadedError

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(slots=True, eq=False)
class _Entry(Generic[In, Out]):
    item: In
    future: Future[Out] = field(default_factory=Future)
    since: float = field(default_factory=time.monotonic)


class Batcher(Generic[In, Out]):
    """Runs `work` on batches in threads of its own.

    Args:
        work: takes a batch and returns as many results, in order.
        max_batch: how many items it takes at most.
        linger: seconds to wait for a first item's company.
        patience: seconds that an item may wait.
        workers: how many batches are worked on at a time.
    """

    def __init__(
        self,
        work: Callable[[Sequence[In]], Sequence[Out]],
        *,
        max_batch: int,
        linger: float = 0.002,
        patience: float = 10.0,
        workers: int = 1,
    ) -> None:
        self._work = work
        self._max_batch = max_batch
        self._linger = linger
        self._patience = patience
        self._queue: queue.Queue[_Entry[In, Out] | None] = queue.Queue()
        self._closed = False
        self._lock = threading.Lock()  # nothing may be queued behind the end
        self._threads = [
            threading.Thread(target=self._run, name=f"onelook-batches_{number}", daemon=True)
            for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def alive(self) -> bool:
        """Whether its threads run."""
        return all(thread.is_alive() for thread in self._threads)

    def submit(self, item: In) -> Future[Out]:
        """Hand in an item; the future brings its result, or the error of its batch."""
        entry: _Entry[In, Out] = _Entry(item)
        with self._lock:
            if self._closed:
                raise OverloadedError("the service is stopping; try again in a little while")
            self._queue.put(entry)
        return entry.future

    def close(self) -> None:
        """Finish what was handed in, then stop."""
        with self._lock:
            self._closed = True
            for _ in self._threads:
                self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch, last = self._gather(first)
            self._serve(batch)
            if last:
                return

    def _gather(self, first: _Entry[In, Out]) -> tuple[list[_Entry[In, Out]], bool]:
        """A batch, and whether the end of this thread's work was met."""
        batch = [first]
        end = time.monotonic() + self._linger
        while len(batch) < self._max_batch:
            left = end - time.monotonic()
            try:
                entry = self._queue.get(timeout=left) if left > 0 else self._queue.get_nowait()
            except queue.Empty:
                break
            if entry is None:
                return batch, True
            batch.append(entry)
        return batch, False

    def _serve(self, batch: list[_Entry[In, Out]]) -> None:
        now = time.monotonic()
        taken = []
        for entry in batch:
            if not entry.future.set_running_or_notify_cancel():
                continue
            if now - entry.since > self._patience:
                entry.future.set_exception(
                    OverloadedError(
                        f"the picture waited for more than {self._patience:g} seconds; "
                        "the service is overloaded, try again later"
                    )
                )
            else:
                taken.append(entry)
        self._work_on(taken)

    def _work_on(self, entries: list[_Entry[In, Out]]) -> None:
        if not entries:
            return
        try:
            results = self._work([entry.item for entry in entries])
        except BaseException as error:
            if len(entries) == 1:
                entries[0].future.set_exception(error)
                return
            for entry in entries:  # one bad item must not spoil the others
                self._work_on([entry])
            return
        for entry, result in zip(entries, results, strict=True):
            entry.future.set_result(result)
