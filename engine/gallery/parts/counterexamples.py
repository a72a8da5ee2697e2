"""Pictures that look like a class and aren't of it, as a person gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...errors import DuplicateImageError, ExampleNotFoundError
from ...types import Counterexample, FloatArray, NewExample, Space
from ..live import LiveGallery
from .classes import ClassKey, class_id_of

if TYPE_CHECKING:
    from ...catalog.writing import WriteTransaction


class Counterexamples:
    """Keeps, lists and takes back; one transaction each, after which every decision knows of it."""

    def __init__(self, live: LiveGallery) -> None:
        self._live = live

    def add(self, picture: NewExample, key: ClassKey) -> Counterexample:
        """Keep a picture as one that isn't of a class, which then refuses what is near to it.

        A picture that is kept so already stays as it is.

        Raises:
            ClassNotFoundError: there is no such class.
            DuplicateImageError: the very picture is enrolled as an example of the class.
        """

        def write(transaction: WriteTransaction) -> Counterexample:
            class_id = class_id_of(transaction, key)
            require_not_enrolled(transaction, picture, class_id)
            counterexample_id = transaction.counterexamples.add(picture, class_id)
            [kept] = transaction.read.counterexamples.listed(ids=[counterexample_id])
            return kept

        return self._live.write_patiently(write)

    def listed(self, key: ClassKey | None = None) -> list[Counterexample]:
        """Those of a class, or all, in the order that they came in.

        Raises:
            ClassNotFoundError: there is no such class.
        """
        with self._live.catalog.read() as reader:
            if key is None:
                return reader.counterexamples.listed()
            if isinstance(key, str):
                key = reader.classes.id_of(key)
            return reader.counterexamples.listed(reader.classes.by_id(key).id)

    def picture(self, counterexample_id: int) -> bytes | None:
        """The kept copy of one's picture, encoded, if one was kept."""
        return self._live.catalog.ask(lambda read: read.counterexamples.picture(counterexample_id))

    def remove(self, ids: Sequence[int], key: ClassKey | None = None) -> None:
        """Take back what was said about pictures; they are gone, from the files too.

        Args:
            key: the class that they must be of; None takes them of any.

        Raises:
            ClassNotFoundError: there is no such class.
            ExampleNotFoundError: one isn't there, or of another class. None is removed then.
        """

        def write(transaction: WriteTransaction) -> None:
            if key is not None:
                record = transaction.read.classes.by_id(class_id_of(transaction, key))
                own = {each.id for each in transaction.read.counterexamples.listed(record.id)}
                for counterexample_id in ids:
                    if counterexample_id not in own:
                        raise ExampleNotFoundError(
                            f"{record.label!r} has no counterexample {counterexample_id}; it has: "
                            f"{', '.join(map(str, sorted(own))) or 'none'}"
                        )
            transaction.counterexamples.remove(ids)

        self._live.write_patiently(write)

    def lacking(self, space: Space) -> tuple[list[int], list[int]]:
        """The ids of those without a vector in a space: with a kept picture, and without."""
        return self._live.catalog.ask(lambda read: read.counterexamples.lacking(space.id))

    def put_vectors(self, space: Space, vectors: Mapping[int, FloatArray]) -> None:
        """Keep unit vectors `(dim,) float32` by id in a space beside the active one's.

        Those that were taken back meanwhile are left out.
        """

        def write(transaction: WriteTransaction) -> None:
            there = {each.id for each in transaction.read.counterexamples.listed(ids=vectors)}
            transaction.spaces.add(space)
            kept = {i: vector for i, vector in vectors.items() if i in there}
            transaction.counterexamples.put_vectors(space.id, kept)

        self._live.write_patiently(write)


def require_not_enrolled(transaction: WriteTransaction, picture: NewExample, class_id: int) -> None:
    """Refuse a counterexample that is an example.

    Raises:
        DuplicateImageError: the very picture is enrolled as an example of the class.
    """
    for example in transaction.read.examples.of_content(picture.content_hash):
        if example.class_id == class_id:
            raise DuplicateImageError(
                f"{picture.source}: the very picture is enrolled as example {example.id} of "
                f"{example.label!r}, so it can't be said not to show it; if it doesn't, remove "
                "that example"
            )
