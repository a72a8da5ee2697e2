"""Changes of a gallery's classes, as a person makes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from ...catalog import WriteTransaction
from ..deciding.decisions import class_thresholds
from ..following.loading import searched_space
from ..live import LiveGallery

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
            transaction.rename_class(_id(transaction, key), new_label)

    def merge(self, keys: Sequence[ClassKey], into: ClassKey) -> None:
        """Move the examples of several classes to another and remove the emptied ones.

        Raises:
            ClassNotFoundError: naming the one that isn't there.
        """
        with self._live.write() as transaction:
            target = _id(transaction, into)
            sources = [_id(transaction, key) for key in keys]
            transaction.merge_classes([s for s in sources if s != target], target)

    def remove(self, key: ClassKey) -> None:
        """Remove a class with its examples, their pictures and vectors.

        Raises:
            ClassNotFoundError: it isn't there.
        """
        with self._live.write() as transaction:
            transaction.remove_class(_id(transaction, key))

    def remove_emptied(self, class_ids: Collection[int]) -> None:
        """Remove those of the classes that hold no example; those that are gone are passed over."""
        present = self._live.catalog.labels(class_ids) if class_ids else {}
        if present:
            with self._live.write() as transaction:
                for class_id in sorted(transaction.labels(present)):
                    transaction.remove_class_if_empty(class_id)

    def set_attributes(self, key: ClassKey, attributes: Mapping[str, Any]) -> None:
        """Replace a class's attributes.

        Raises:
            ClassNotFoundError: it isn't there.
        """
        with self._live.write() as transaction:
            transaction.set_attributes(_id(transaction, key), attributes)

    def pin(self, key: ClassKey, threshold: float | None) -> None:
        """Set a class's threshold by hand, or hand it back to the calibration with None.

        A pin holds for the searched space it was set in.

        Raises:
            ClassNotFoundError: the class isn't there.
        """
        with self._live.write() as transaction:
            class_id = _id(transaction, key)
            transaction.pin_threshold(class_id, threshold, searched_space(transaction.state()))

    def threshold(self, class_id: int) -> float | None:
        """The class's threshold as a score: pinned or computed; None while it has no example."""
        found = class_thresholds(self._live.snapshot(), [class_id])[class_id]
        return None if np.isnan(found) else found


def _id(transaction: WriteTransaction, key: ClassKey) -> int:
    if isinstance(key, str):
        return transaction.class_id(key)
    return transaction.class_by_id(key).id
