"""Changes of a gallery's classes, as a person makes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.decision.rule import computed_threshold
from engine.gallery.opened import OpenGallery


class ClassAdministration(OpenGallery):
    """Renames, merges, removes and pins; one transaction each."""

    def rename_class(self, label: str, new_label: str) -> None:
        """Rename a class.

        Raises:
            ClassNotFoundError, ClassExistsError, LabelError.
        """
        with self._write() as transaction:
            transaction.rename_class(transaction.class_id(label), new_label)

    def merge_classes(self, labels: Sequence[str], into: str) -> None:
        """Move the examples of several classes to another and remove the emptied ones.

        Raises:
            ClassNotFoundError: naming the one that isn't there.
        """
        with self._write() as transaction:
            target = transaction.class_id(into)
            sources = [transaction.class_id(label) for label in labels]
            transaction.merge_classes([s for s in sources if s != target], target)

    def remove_class(self, label: str) -> None:
        """Remove a class with its examples, their pictures and vectors.

        Raises:
            ClassNotFoundError: it isn't there.
        """
        with self._write() as transaction:
            transaction.remove_class(transaction.class_id(label))

    def remove_example(self, example_id: int) -> None:
        """Remove one example, its picture and vector.

        Raises:
            ExampleNotFoundError: it isn't there.
        """
        with self._write() as transaction:
            transaction.remove_example(example_id)

    def set_attributes(self, label: str, attributes: dict[str, object]) -> None:
        """Replace a class's attributes.

        Raises:
            ClassNotFoundError: it isn't there.
        """
        with self._write() as transaction:
            transaction.set_attributes(transaction.class_id(label), attributes)

    def pin_threshold(self, label: str, threshold: float | None) -> None:
        """Set a class's threshold by hand, or hand it back to the calibration with None.

        A pin holds for the searched space it was set in.

        Raises:
            ClassNotFoundError: the class isn't there.
        """
        with self._write() as transaction:
            transaction.pin_threshold(transaction.class_id(label), threshold, self._view.space_id)

    def threshold_of(self, class_id: int) -> float | None:
        """The class's threshold as a score: pinned or computed; None while it has no example."""
        view = self.view()
        if class_id in view.pins:
            return view.pins[class_id]
        means, stds = view.moments_of(np.array([class_id]))
        threshold = computed_threshold(float(means[0]), float(stds[0]), view.level)
        return None if np.isnan(threshold) else threshold
