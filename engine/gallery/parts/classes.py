"""Changes of a gallery's classes, as a person makes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from engine.gallery.deciding.decisions import class_thresholds
from engine.gallery.following.loading import searched_space
from engine.gallery.live import LiveGallery


class Classes:
    """Renames, merges, removes and pins; one transaction each."""

    def __init__(self, live: LiveGallery) -> None:
        self._live = live

    def rename(self, label: str, new_label: str) -> None:
        """Rename a class.

        Raises:
            ClassNotFoundError, ClassExistsError, LabelError.
        """
        with self._live.write() as transaction:
            transaction.rename_class(transaction.class_id(label), new_label)

    def merge(self, labels: Sequence[str], into: str) -> None:
        """Move the examples of several classes to another and remove the emptied ones.

        Raises:
            ClassNotFoundError: naming the one that isn't there.
        """
        with self._live.write() as transaction:
            target = transaction.class_id(into)
            sources = [transaction.class_id(label) for label in labels]
            transaction.merge_classes([s for s in sources if s != target], target)

    def remove(self, label: str) -> None:
        """Remove a class with its examples, their pictures and vectors.

        Raises:
            ClassNotFoundError: it isn't there.
        """
        with self._live.write() as transaction:
            transaction.remove_class(transaction.class_id(label))

    def remove_emptied(self, class_ids: Collection[int]) -> None:
        """Remove those of the classes that hold no example; those that are gone are passed over."""
        present = self._live.catalog.labels(class_ids) if class_ids else {}
        if present:
            with self._live.write() as transaction:
                for class_id in sorted(transaction.labels(present)):
                    transaction.remove_class_if_empty(class_id)

    def set_attributes(self, label: str, attributes: Mapping[str, Any]) -> None:
        """Replace a class's attributes.

        Raises:
            ClassNotFoundError: it isn't there.
        """
        with self._live.write() as transaction:
            transaction.set_attributes(transaction.class_id(label), attributes)

    def pin(self, label: str, threshold: float | None) -> None:
        """Set a class's threshold by hand, or hand it back to the calibration with None.

        A pin holds for the searched space it was set in.

        Raises:
            ClassNotFoundError: the class isn't there.
        """
        with self._live.write() as transaction:
            class_id = transaction.class_id(label)
            transaction.pin_threshold(class_id, threshold, searched_space(transaction.state()))

    def threshold(self, class_id: int) -> float | None:
        """The class's threshold as a score: pinned or computed; None while it has no example."""
        found = class_thresholds(self._live.snapshot(), [class_id])[class_id]
        return None if np.isnan(found) else found
