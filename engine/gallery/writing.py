"""Enrolling a batch of examples inside one transaction of the catalog.

What a picture does to a gallery, by what is there already:

=====================================================  ===========================================
the same bytes in the same class                       unchanged
the same bytes in another class                        refused, unless duplicates are allowed
other bytes in this class from this very file          replaces that example
anything else                                          a further example of its class
=====================================================  ===========================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.catalog import WriteTransaction, normalised_label
from engine.errors import DuplicateImageError, LabelError
from engine.types import Enrolment, EnrolmentStatus, NewExample, Reject


def write_examples(
    transaction: WriteTransaction, examples: Sequence[NewExample], *, allow_duplicates: bool
) -> list[Enrolment | Reject]:
    """Write a batch; the outcome of each example, in order.

    An example that can't be enrolled is recorded among the gallery's rejects; one that can clears
    its source's earlier reject.
    """
    plan = _Plan(transaction, examples, allow_duplicates)
    entries = [plan.enter(example) for example in examples]
    plan.write()
    outcomes = [
        entry if isinstance(entry, Reject) else entry.enrolment(status) for entry, status in entries
    ]
    transaction.clear_rejects([example.source for example in examples])
    transaction.put_rejects([outcome for outcome in outcomes if isinstance(outcome, Reject)])
    return outcomes


@dataclass(slots=True, eq=False)
class _Entry:
    """An example that is enrolled, or will be when the plan is written: then it has no id yet."""

    label: str
    source: str
    content_hash: str
    id: int = -1
    warnings: tuple[str, ...] = ()

    def enrolment(self, status: EnrolmentStatus) -> Enrolment:
        changed = status is not EnrolmentStatus.UNCHANGED
        return Enrolment(self.label, self.id, status, self.warnings if changed else ())


class _Plan:
    """What is enrolled, kept true as the batch is entered; then written at once."""

    def __init__(
        self,
        transaction: WriteTransaction,
        examples: Sequence[NewExample],
        allow_duplicates: bool,
    ) -> None:
        self._transaction = transaction
        self._allow_duplicates = allow_duplicates
        self._by_content: dict[str, list[_Entry]] = {}
        self._by_source: dict[tuple[str, str], list[_Entry]] = {}
        self._fresh: dict[_Entry, NewExample] = {}
        self._gone: list[int] = []
        for record in transaction.find_contents([e.content_hash for e in examples]):
            entry = _Entry(record.label, record.source, record.content_hash, record.id)
            self._by_content.setdefault(record.content_hash, []).append(entry)
        for record in transaction.find_sources([e.source for e in examples if is_file(e.source)]):
            entry = _Entry(record.label, record.source, record.content_hash, record.id)
            self._by_source.setdefault((record.label, record.source), []).append(entry)

    def enter(self, example: NewExample) -> tuple[_Entry | Reject, EnrolmentStatus]:
        """Decide what one example does."""
        try:
            label = normalised_label(example.label)
        except LabelError as error:
            return Reject(example.source, str(error)), EnrolmentStatus.UNCHANGED
        same_content = self._by_content.setdefault(example.content_hash, [])
        for entry in same_content:
            if entry.label == label:
                self._remove_former(label, example, keep=entry.id)
                if example.attributes:
                    self._transaction.ensure_class(label, example.attributes)
                return entry, EnrolmentStatus.UNCHANGED
        if same_content and not self._allow_duplicates:
            reason = _duplicate_reason(same_content[0], label)
            return Reject(example.source, reason), EnrolmentStatus.UNCHANGED
        status = self._remove_former(label, example)
        entry = _Entry(label, example.source, example.content_hash, warnings=example.warnings)
        self._fresh[entry] = replace(example, label=label)
        same_content.append(entry)
        if is_file(example.source):
            self._by_source[label, example.source] = [entry]
        return entry, status

    def write(self) -> None:
        """Carry out what was decided, and give the new entries their ids."""
        self._transaction.remove_examples(self._gone)
        ids = self._transaction.add_examples(list(self._fresh.values()))
        for entry, example_id in zip(self._fresh, ids, strict=True):
            entry.id = example_id

    def _remove_former(
        self, label: str, example: NewExample, keep: int | None = None
    ) -> EnrolmentStatus:
        """Drop what this file held before; `keep` spares the example that it holds now."""
        former = self._by_source.get((label, example.source), [])
        gone = [entry for entry in former if entry.id != keep]
        for entry in gone:
            if self._fresh.pop(entry, None) is None:
                self._gone.append(entry.id)
            same = self._by_content.get(entry.content_hash, [])
            kept = [e for e in same if (e.label, e.source) != (entry.label, entry.source)]
            self._by_content[entry.content_hash] = kept
        if gone:
            self._by_source[label, example.source] = [e for e in former if e.id == keep]
        return EnrolmentStatus.REPLACED if gone else EnrolmentStatus.ADDED


def _duplicate_reason(entry: _Entry, label: str) -> str:
    return (
        f"the same picture is already enrolled as {entry.label!r} (from {entry.source}), so "
        f"{label!r} could not be told apart from it; remove one, or allow duplicates"
    )


def is_file(source: str) -> bool:
    """Whether a source names a file; `<bytes>` and the like name nothing that can come again."""
    return not source.startswith("<")


def raise_reject(outcome: Enrolment | Reject) -> Enrolment:
    """For a single picture: its enrolment, or the refusal as an error.

    Raises:
        DuplicateImageError: the gallery refused the picture.
    """
    if isinstance(outcome, Reject):
        raise DuplicateImageError(f"{outcome.source}: {outcome.reason}")
    return outcome
