"""Enrolling a batch of examples inside one transaction of the catalog.

What a picture does to a gallery, by what is there already:

=====================================================  ===========================================
the same bytes in the same class                       unchanged; where it was enrolled from is
                                                       noted anew if it is no longer there
other bytes in this class from this very file          replaces that example
the same bytes in another class                        refused, unless duplicates are allowed
the same bytes as a counterexample of this class       refused
the same bytes, or this very file, in another class    replaces that example, where a listing is
that the listing put it in before, and no longer does  enrolled
anything else                                          a further example of its class
=====================================================  ===========================================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...catalog import names_file, normalised_label
from ...errors import DuplicateImageError, LabelError
from ...types import Enrolment, EnrolmentStatus, ExampleRecord, NewExample, Reject
from .noted import NotedIds

if TYPE_CHECKING:
    from ...catalog.writing import WriteTransaction


@dataclass(frozen=True, slots=True)
class Listing:
    """A source that is enrolled as a whole, so that the gallery comes to equal what it lists.

    Attributes:
        origin: the text that names the source across runs; None where it has no name.
        holds: whether what a source names is still a picture of that content hash.
        exists: whether the source of such a name is still there.
        confirmed: ids of the examples that this run has found to be listed; grows as it goes on.
        left: ids of classes that lost an example to another class; grows as it goes on.
    """

    origin: str | None
    holds: Callable[[str, str], bool]
    exists: Callable[[str], bool]
    confirmed: NotedIds = field(default_factory=NotedIds)
    left: set[int] = field(default_factory=set)

    def has_left(self, record: ExampleRecord, source: str) -> bool:
        """Whether an example is one that this listing has meanwhile put in another class.

        It was listed here, or by a source that is gone, and either `source` is the very file, or
        the file that it came from no longer holds that picture.
        """
        if not self._listed_here(record):
            return False
        if record.source == source:
            return names_a_place(source)
        return record.origin is not None and not self.holds(record.source, record.content_hash)

    def has_moved(self, record: ExampleRecord) -> bool:
        """Whether the file that an example came from is no longer there, or another picture now."""
        ours = record.origin is None or self._listed_here(record)
        return ours and not self.holds(record.source, record.content_hash)

    def _listed_here(self, record: ExampleRecord) -> bool:
        if record.id in self.confirmed:
            return False
        return record.origin == self.origin or (
            record.origin is not None and not self.exists(record.origin)
        )


def write_examples(
    transaction: WriteTransaction,
    examples: Sequence[NewExample],
    *,
    allow_duplicates: bool,
    listing: Listing | None = None,
) -> list[Enrolment | Reject]:
    """Write a batch; the outcome of each example, in order.

    An example that can't be enrolled is recorded among the gallery's rejects; one that can clears
    its source's earlier reject.
    """
    plan = _Plan(transaction, examples, allow_duplicates, listing)
    entries = [plan.enter(example) for example in examples]
    plan.write()
    outcomes = [
        entry if isinstance(entry, Reject) else entry.enrolment(status) for entry, status in entries
    ]
    transaction.rejects.clear([example.source for example in examples])
    transaction.rejects.put([outcome for outcome in outcomes if isinstance(outcome, Reject)])
    return outcomes


@dataclass(slots=True, eq=False)
class _Entry:
    """An example that is enrolled, or will be when the plan is written: then it has no id yet.

    Attributes:
        record: what the catalog says of it, where it was enrolled before this batch.
    """

    label: str
    source: str
    content_hash: str
    id: int = -1
    warnings: tuple[str, ...] = ()
    record: ExampleRecord | None = None

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
        listing: Listing | None,
    ) -> None:
        self._transaction = transaction
        self._allow_duplicates = allow_duplicates
        self._listing = listing
        self._by_content: dict[str, list[_Entry]] = {}
        self._by_source: dict[str, list[_Entry]] = {}
        self._fresh: dict[_Entry, NewExample] = {}
        self._gone: list[int] = []
        self._places: dict[int, tuple[str, str | None]] = {}
        records = transaction.read.examples.of_contents([e.content_hash for e in examples])
        self._contradicting = {
            (each.label, each.content_hash): each.id
            for each in transaction.read.counterexamples.of_contents(
                [e.content_hash for e in examples]
            )
        }
        records += transaction.read.examples.of_sources(
            [e.source for e in examples if names_file(e.source)]
        )
        for record in {record.id: record for record in records}.values():
            self._know(
                _Entry(record.label, record.source, record.content_hash, record.id, record=record)
            )

    def enter(self, example: NewExample) -> tuple[_Entry | Reject, EnrolmentStatus]:
        """Decide what one example does."""
        try:
            label = normalised_label(example.label)
        except LabelError as error:
            return Reject(example.source, str(error)), EnrolmentStatus.UNCHANGED
        contradicting = self._contradicting.get((label, example.content_hash))
        if contradicting is not None:
            reason = _contradiction(label, contradicting)
            return Reject(example.source, reason), EnrolmentStatus.UNCHANGED
        same_content = self._by_content.get(example.content_hash, [])
        left = [] if self._allow_duplicates else self._left(label, example)
        for entry in same_content:
            if entry.label == label:
                former = [e for e in self._of_source(label, example) if e is not entry]
                self._replace([*former, *left])
                self._note_place(entry, example)
                if example.attributes:
                    self._transaction.classes.ensure(label, example.attributes)
                return entry, EnrolmentStatus.UNCHANGED
        others = [entry for entry in same_content if entry not in left]
        if others and not self._allow_duplicates:
            reason = _duplicate_reason(others[0], label, example.text)
            return Reject(example.source, reason), EnrolmentStatus.UNCHANGED
        former = [*self._of_source(label, example), *left]
        self._replace(former)
        entry = _Entry(label, example.source, example.content_hash, warnings=example.warnings)
        self._fresh[entry] = example if label == example.label else replace(example, label=label)
        self._know(entry)
        return entry, EnrolmentStatus.REPLACED if former else EnrolmentStatus.ADDED

    def write(self) -> None:
        """Carry out what was decided, and give the new entries their ids."""
        self._transaction.examples.remove_all(self._gone)
        self._transaction.examples.relocate(self._places)
        ids = self._transaction.examples.add_all(list(self._fresh.values()))
        for entry, example_id in zip(self._fresh, ids, strict=True):
            entry.id = example_id

    def _know(self, entry: _Entry) -> None:
        self._by_content.setdefault(entry.content_hash, []).append(entry)
        if names_file(entry.source):
            self._by_source.setdefault(entry.source, []).append(entry)

    def _of_source(self, label: str, example: NewExample) -> list[_Entry]:
        """What this class holds from the example's file."""
        return [e for e in self._by_source.get(example.source, []) if e.label == label]

    def _left(self, label: str, example: NewExample) -> list[_Entry]:
        """What other classes hold of the example's content or file, though it is now listed here.

        An entry of this very batch was listed a moment ago, and has not left.
        """
        if self._listing is None:
            return []
        entries = [
            *self._by_content.get(example.content_hash, []),
            *self._by_source.get(example.source, []),
        ]
        return [
            entry
            for entry in dict.fromkeys(entries)
            if entry.label != label
            and entry.record is not None
            and self._listing.has_left(entry.record, example.source)
        ]

    def _note_place(self, entry: _Entry, example: NewExample) -> None:
        """Let an example that is unchanged take over the path that it is found at."""
        if self._listing is None or entry.record is None or entry.source == example.source:
            return
        if not names_a_place(entry.source) or not self._listing.has_moved(entry.record):
            return
        self._by_source[entry.source].remove(entry)
        entry.source = example.source
        entry.record = replace(entry.record, source=example.source, origin=example.origin)
        self._by_source.setdefault(entry.source, []).append(entry)
        self._places[entry.id] = (example.source, example.origin)

    def _replace(self, entries: Sequence[_Entry]) -> None:
        """Drop entries in favour of the example that is being entered."""
        for entry in entries:
            if self._fresh.pop(entry, None) is None:
                self._gone.append(entry.id)
                self._places.pop(entry.id, None)
            if self._listing is not None and entry.record is not None:
                self._listing.left.add(entry.record.class_id)
            self._by_content[entry.content_hash].remove(entry)
            if names_file(entry.source):
                self._by_source[entry.source].remove(entry)


def _duplicate_reason(entry: _Entry, label: str, text: str | None) -> str:
    if text is not None:
        return (
            f"the same text, {text!r:.80}, is already enrolled as {entry.label!r}, so {label!r} "
            "could not be told apart from it; remove one, or allow duplicates"
        )
    return (
        f"the same picture is already enrolled as {entry.label!r} (from {entry.source}), so "
        f"{label!r} could not be told apart from it; remove one, or allow duplicates"
    )


def _contradiction(label: str, counterexample_id: int) -> str:
    return (
        f"the very picture was said not to show {label!r} (counterexample {counterexample_id}); "
        f"take that back first: `onelook classes reject {label!r} --undo {counterexample_id}`, or "
        "on the class's page"
    )


def names_a_place(source: str) -> bool:
    """Whether a source names one place for good; what an upload is called names none."""
    return Path(source).is_absolute() or "://" in source


def raise_reject(outcome: Enrolment | Reject) -> Enrolment:
    """For a single picture: its enrolment, or the refusal as an error.

    Raises:
        DuplicateImageError: the gallery refused the picture.
    """
    if isinstance(outcome, Reject):
        raise DuplicateImageError(f"{outcome.source}: {outcome.reason}")
    return outcome
