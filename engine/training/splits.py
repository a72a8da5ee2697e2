"""Splitting labelled data by class: what judges a network must be classes it has never seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import TrainingError
from ..types import IntArray


@dataclass(frozen=True, slots=True)
class ClassSplit:
    """Two sets of rows that share no class.

    Attributes:
        training, held_out: `(n,) int64`, ascending row numbers.
    """

    training: IntArray
    held_out: IntArray


def split_by_class(labels: IntArray, held_out_share: float, seed: int) -> ClassSplit:
    """Set aside a share of the classes, at least two of them, and all their rows.

    Args:
        labels: `(n,) int64`, the class of each row.
        held_out_share: in (0, 1), of the classes.

    Raises:
        TrainingError: fewer than four classes, which leave nothing to tell apart on a side.
    """
    classes = np.unique(labels)
    if len(classes) < 4:
        raise TrainingError(
            "expected at least 4 classes, two to train on and two to judge by, "
            f"but got {len(classes)}; add labelled classes"
        )
    wanted = round(held_out_share * len(classes))
    count = min(max(wanted, 2), len(classes) - 2)
    chosen = np.random.default_rng(seed).choice(classes, size=count, replace=False)
    aside = np.isin(labels, chosen)
    return ClassSplit(np.flatnonzero(~aside), np.flatnonzero(aside))
