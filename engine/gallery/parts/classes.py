"""Changes of a gallery's classes, as a person makes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...decision import off_scale
from ..deciding.decisions import class_thresholds
from ..following.loading import searched_space
from ..live import LiveGallery

if TYPE_CHECKING:
    from ...catalog.writing import WriteTransaction

ClassKey = str | int
"""A class's label, or its id: what is meant stays the same class when others rename it."""


class Classes:
    """Renames, merges, removes and pins; one transaction each, in which a class is looked up."""

    def __init__(self, live: LiveGallery) -> None:
        self._live = live

    def rename(self, key: ClassKey, new_label: str) -> None:
        """Rename a class.

        Raises:
            ClassNotFoundError, ClassExistsError, LabelError.
        """
        with self._live.write() as transaction:
            transaction.classes.rename(class_id_of(transaction, key), new_label)

    def merge(self, keys: Sequence[ClassKey], into: ClassKey) -> None:
        """Move the examples of several classes to another and remove the emptied ones.

        Raises:
            ClassNotFoundError: naming the one that isn't there.
        """
        with self._live.write() as transaction:
            target = class_id_of(transaction, into)
            sources = [class_id_of(transaction, key) for key in keys]
            transaction.classes.merge([s for s in sources if s != target], target)

    def remove(self, key: ClassKey) -> None:
        """Remove a class with its examples, their pictures and vectors.

        Raises:
            ClassNotFoundError: it isn't there.
        """
        with self._live.write() as transaction:
            transaction.classes.remove(class_id_of(transaction, key))

    def remove_emptied(self, class_ids: Collection[int]) -> None:
        """Remove those of the classes that hold no example; those that are gone are passed over."""
        present = (
            self._live.catalog.ask(lambda read: read.classes.labels(class_ids)) if class_ids else {}
        )
        if present:
            with self._live.write() as transaction:
                for class_id in sorted(transaction.read.classes.labels(present)):
                    transaction.classes.remove_if_empty(class_id)

    def set_attributes(self, key: ClassKey, attributes: Mapping[str, Any]) -> None:
        """Replace a class's attributes.

        Raises:
            ClassNotFoundError: it isn't there.
        """
        with self._live.write() as transaction:
            transaction.classes.set_attributes(class_id_of(transaction, key), attributes)

    def pin(self, key: ClassKey, threshold: float | None) -> None:
        """Set a class's threshold by hand, or hand it back to the calibration with None.

        A pin holds for the searched space it was set in.

        Raises:
            ClassNotFoundError: the class isn't there.
        """
        with self._live.write() as transaction:
            class_id = class_id_of(transaction, key)
            transaction.classes.pin_threshold(
                class_id, threshold, searched_space(transaction.read.state())
            )

    def threshold(self, class_id: int) -> float | None:
        """The class's threshold as a score: pinned or computed; None while it has no example."""
        found = class_thresholds(self._live.snapshot(), [class_id])[class_id]
        return None if np.isnan(found) else found

    def stranger_rate(self, class_id: int) -> float | None:
        """The share of strangers that would score as high as the class's threshold.

        That is the target, unless the threshold is pinned; None while it has no example.
        """
        threshold, snapshot = self.threshold(class_id), self._live.snapshot()
        if threshold is None:
            return None
        return snapshot.calibration.stranger_rate(off_scale(threshold), snapshot.classes)


def class_id_of(transaction: WriteTransaction, key: ClassKey) -> int:
    """The id of a class. Raises ClassNotFoundError."""
    if isinstance(key, str):
        return transaction.read.classes.id_of(key)
    return transaction.read.classes.by_id(key).id
