"""Counts a bulk enrolment as it goes; lists are bounded, counts are exact."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from ..types import (
    Enrolment,
    EnrolmentReport,
    EnrolmentStatus,
    NearDuplicate,
    Outlook,
    Reject,
)
from .loading import Unchanged

LISTED = 1000
_UNCHANGED = EnrolmentStatus.UNCHANGED

T = TypeVar("T")


class ReportBuilder:
    """What happened so far.

    Attributes:
        rejected_sources: what could not be read this time, so must not count as vanished; gathered
            for pruning only.
        pruned: how many examples were removed at the end.
    """

    def __init__(self, *, keep_rejected: bool) -> None:
        self._keep_rejected = keep_rejected
        self._counts = dict.fromkeys(EnrolmentStatus, 0)
        self._rejected = 0
        self._rejects: list[Reject] = []
        self._warnings: list[str] = []
        self._near_duplicates: list[NearDuplicate] = []
        self.rejected_sources: set[str] = set()
        self.pruned = 0

    def count_loaded(self, rows: Iterable[object]) -> None:
        """Count what never reaches the gallery: unchanged pictures and unreadable ones."""
        for row in rows:
            if isinstance(row, Unchanged):
                self._counts[EnrolmentStatus.UNCHANGED] += 1
            elif isinstance(row, Reject):
                self._reject(row)

    def count_written(self, written: Iterable[tuple[str, Enrolment | Reject]]) -> None:
        """Count what the gallery made of a batch: each picture's source, and the outcome."""
        for source, outcome in written:
            if isinstance(outcome, Reject):
                self._reject(outcome)
                continue
            self._counts[outcome.status] += 1
            _extend(self._warnings, [f"{source}: {told}" for told in outcome.warnings])
            _extend(self._near_duplicates, outcome.near_duplicates)

    @property
    def changed(self) -> bool:
        """Whether the gallery holds something else than before."""
        return self.pruned > 0 or any(
            count for status, count in self._counts.items() if status is not _UNCHANGED
        )

    def finish(self, seconds: float, outlook: Outlook | None) -> EnrolmentReport:
        """The report of the whole run, and what to expect of the gallery after it."""
        return EnrolmentReport(
            added=self._counts[EnrolmentStatus.ADDED],
            replaced=self._counts[EnrolmentStatus.REPLACED],
            unchanged=self._counts[EnrolmentStatus.UNCHANGED],
            pruned=self.pruned,
            rejected=self._rejected,
            rejects=tuple(self._rejects),
            warnings=tuple(self._warnings),
            near_duplicates=tuple(self._near_duplicates),
            seconds=seconds,
            outlook=outlook,
        )

    def _reject(self, reject: Reject) -> None:
        self._rejected += 1
        _extend(self._rejects, [reject])
        if self._keep_rejected:
            self.rejected_sources.add(reject.source)


def _extend(target: list[T], more: Iterable[T]) -> None:
    for entry in more:
        if len(target) < LISTED:
            target.append(entry)
