"""Changes of a gallery's examples: pictures enrolled and removed."""

from __future__ import annotations

import os
from collections.abc import Collection, Container, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ...patience import patiently
from ...types import Enrolment, NewExample, Reject
from ..deciding.near_duplicates import near_duplicates
from ..live import PATIENCE, LiveGallery
from .thresholds import Thresholds
from .writing import Listing, write_examples

if TYPE_CHECKING:
    from ...catalog.writing import WriteTransaction


class Examples:
    """Enrolls and removes; one transaction each, after which new classes' statistics follow."""

    def __init__(self, live: LiveGallery, thresholds: Thresholds) -> None:
        self._live = live
        self._thresholds = thresholds

    def enroll(
        self,
        examples: Sequence[NewExample],
        *,
        rejects: Sequence[Reject] = (),
        allow_duplicates: bool = False,
        listing: Listing | None = None,
        measure: bool = True,
        class_id: int | None = None,
    ) -> list[Enrolment | Reject]:
        """Write a batch of examples in one transaction; see `Gallery.enroll`.

        Args:
            measure: see to the thresholds of their classes; without it, `Thresholds.settle` does.
            class_id: the class that all go to, whatever it is called by then; their labels
                don't count.

        Raises:
            ClassNotFoundError: there is no class of that id.
        """
        if not examples and not rejects:
            return []

        entered = examples

        def write(transaction: WriteTransaction) -> list[Enrolment | Reject]:
            nonlocal entered
            if class_id is not None:
                label = transaction.read.classes.by_id(class_id).label
                entered = [replace(example, label=label) for example in examples]
            outcomes = write_examples(
                transaction, entered, allow_duplicates=allow_duplicates, listing=listing
            )
            transaction.rejects.put(rejects)
            return outcomes

        outcomes = self._live.write_patiently(write)
        if measure:
            self._thresholds.measure(
                [o.example_id for o in outcomes if isinstance(o, Enrolment) and o.changed]
            )
        return near_duplicates(self._live.snapshot(), entered, outcomes)

    def of_sources(
        self, sources: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], list[tuple[int, str]]]:
        """What is enrolled from those `(label, source)`: example ids and content hashes."""
        return patiently(
            lambda: self._live.catalog.ask(lambda read: read.examples.known_sources(sources)),
            seconds=PATIENCE,
        )

    def remove(self, example_id: int) -> None:
        """Remove one example, its picture and vector.

        Raises:
            ExampleNotFoundError: it isn't there.
        """
        with self._live.write() as transaction:
            transaction.examples.remove(example_id)

    def prune(self, origin: str, touched: Container[int], rejected: Collection[str]) -> int:
        """Remove the examples of a bulk source that it no longer lists; how many those were.

        Classes left without an example are removed as well.

        Args:
            touched: ids of the examples that the source still lists.
            rejected: sources that are listed but could not be read this time.
        """
        vanished = [
            example
            for example in self._live.catalog.stream(
                lambda read: read.examples.stream(origin=origin)
            )
            if example.id not in touched and example.source not in rejected
        ]
        if not vanished:
            return 0
        with self._live.write() as transaction:
            transaction.examples.remove_all([example.id for example in vanished])
            for class_id in sorted({example.class_id for example in vanished}):
                transaction.classes.remove_if_empty(class_id)
        return len(vanished)

    def move_origin(self, origin: str, to: str, folders: tuple[str, str]) -> None:
        """Note that a bulk source lies elsewhere now, and with it what it lists.

        Args:
            origin, to: what names it, before and now.
            folders: from where its relative paths count, before and now.
        """
        before, now = (folder.rstrip(os.sep) + os.sep for folder in folders)
        with self._live.write() as transaction:
            examples = list(transaction.read.examples.stream(origin=origin))
            transaction.examples.relocate(
                {
                    each.id: (
                        now + each.source.removeprefix(before)
                        if each.source.startswith(before)
                        else each.source,
                        to,
                    )
                    for each in examples
                }
            )
            stale = [r.source for r in transaction.read.rejects() if r.source.startswith(before)]
            transaction.rejects.clear(stale)
