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
from dataclasses import replace

from engine.catalog import WriteTransaction, normalised_label
from engine.errors import DuplicateImageError, LabelError
from engine.types import Enrolment, EnrolmentStatus, ExampleRecord, NewExample, Reject


def write_examples(
    transaction: WriteTransaction,
    examples: Sequence[NewExample],
    *,
    origin: str | None,
    allow_duplicates: bool,
) -> list[Enrolment | Reject]:
    """Write a batch; the outcome of each example, in order.

    An example that can't be enrolled is recorded among the gallery's rejects; one that can clears
    its source's earlier reject.
    """
    plan = _Plan(transaction, examples, origin, allow_duplicates)
    outcomes = [plan.enroll(example) for example in examples]
    transaction.clear_rejects([e.source for e in examples])
    transaction.put_rejects([outcome for outcome in outcomes if isinstance(outcome, Reject)])
    return outcomes


def duplicate_message(example: ExampleRecord, label: str) -> str:
    """What is said when a picture is enrolled under another class already."""
    return (
        f"the same picture is already enrolled as {example.label!r} (from {example.source}), so "
        f"{label!r} could not be told apart from it; remove one, or allow duplicates"
    )


class _Plan:
    """The batch's view of what is enrolled, kept true as the batch is written."""

    def __init__(
        self,
        transaction: WriteTransaction,
        examples: Sequence[NewExample],
        origin: str | None,
        allow_duplicates: bool,
    ) -> None:
        self._transaction = transaction
        self._origin = origin
        self._allow_duplicates = allow_duplicates
        self._by_content: dict[str, list[ExampleRecord]] = {}
        self._by_source: dict[tuple[str, str], list[ExampleRecord]] = {}
        for record in transaction.find_contents([e.content_hash for e in examples]):
            self._by_content.setdefault(record.content_hash, []).append(record)
        for record in transaction.find_sources([e.source for e in examples if is_file(e.source)]):
            self._by_source.setdefault((record.label, record.source), []).append(record)

    def enroll(self, example: NewExample) -> Enrolment | Reject:
        try:
            label = normalised_label(example.label)
        except LabelError as error:
            return Reject(example.source, str(error))
        example = replace(example, label=label)
        same_content = self._by_content.setdefault(example.content_hash, [])
        for record in same_content:
            if record.label == label:
                self._remove_former(example, keep=record.id)
                return self._unchanged(example, record)
        if same_content and not self._allow_duplicates:
            return Reject(example.source, duplicate_message(same_content[0], label))
        class_id = self._transaction.ensure_class(label, example.attributes)
        status = self._remove_former(example)
        record = self._transaction.add_example(example, class_id, origin=self._origin)
        same_content.append(record)
        if is_file(example.source):
            self._by_source[label, example.source] = [record]
        return Enrolment(label, record.id, status, example.warnings)

    def _unchanged(self, example: NewExample, record: ExampleRecord) -> Enrolment:
        if example.attributes:
            self._transaction.ensure_class(example.label, example.attributes)
        return Enrolment(record.label, record.id, EnrolmentStatus.UNCHANGED)

    def _remove_former(self, example: NewExample, keep: int | None = None) -> EnrolmentStatus:
        """Remove what this file held before; `keep` spares the example it holds now."""
        former = self._by_source.get((example.label, example.source), [])
        gone = {record.id for record in former} - {keep}
        for record in former:
            if record.id in gone:
                self._transaction.remove_example(record.id)
                same = self._by_content.get(record.content_hash, [])
                self._by_content[record.content_hash] = [e for e in same if e.id != record.id]
        self._by_source[example.label, example.source] = [r for r in former if r.id == keep]
        return EnrolmentStatus.REPLACED if gone else EnrolmentStatus.ADDED


def is_file(source: str) -> bool:
    """Whether a source names a file; `<bytes>` and the like name nothing that can come again."""
    return not source.startswith("<")


def raise_reject(outcome: Enrolment | Reject) -> Enrolment:
    """For the enrolment of a single picture: its enrolment, or the refusal as an error.

    Raises:
        DuplicateImageError: the gallery refused the picture.
    """
    if isinstance(outcome, Reject):
        raise DuplicateImageError(f"{outcome.source}: {outcome.reason}")
    return outcome
