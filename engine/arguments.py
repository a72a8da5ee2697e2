"""Checks of what callers give: each names the argument, what was expected and what came."""

from __future__ import annotations

import math
import operator
from typing import Any, SupportsFloat, SupportsIndex

import numpy as np

from .errors import SettingsError
from .types import FloatArray

_UNIT_LENGTH = 1e-3
"""How far an embedding's length may be from 1: more than float16 loses."""


def checked_count(name: str, value: SupportsIndex, *, most: int) -> int:
    """A count of at least 1; beyond `most` it is `most`, since there is no more to be had.

    Raises:
        SettingsError: it is none.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if number < 1 or isinstance(value, bool):
        raise SettingsError(f"expected {name} of at least 1, but got {value!r:.80}")
    return min(number, max(1, most))


def checked_share(name: str, value: SupportsFloat) -> float:
    """A share in (0, 1).

    Raises:
        SettingsError: it is none.
    """
    number = float(value) if isinstance(value, int | float | np.number) else math.nan
    if isinstance(value, bool) or not 0 < number < 1:
        raise SettingsError(f"expected {name} in (0, 1), but got {value!r:.80}")
    return number


def checked_embeddings(value: Any, dimension: int) -> FloatArray:
    """Embeddings, `(n, dimension) float32`, unit rows, contiguous.

    Raises:
        SettingsError: they have another shape, or rows of another length than 1.
    """
    try:
        with np.errstate(over="ignore"):
            rows = np.ascontiguousarray(value, np.float32)
    except (TypeError, ValueError, OverflowError):
        rows = np.empty(0, np.float32)
    if rows.ndim != 2 or rows.shape[1] != dimension:
        raise SettingsError(
            f"expected embeddings of shape (n, {dimension}), but got {np.shape(value)}"
            if isinstance(value, np.ndarray)
            else f"expected embeddings (n, {dimension}) float32, but got {type(value).__name__}"
        )
    with np.errstate(all="ignore"):
        lengths = np.sqrt(np.vecdot(rows, rows))
    wrong = ~(np.abs(lengths - 1) <= _UNIT_LENGTH)
    if np.count_nonzero(wrong):
        row = int(np.argmax(wrong))
        raise SettingsError(
            f"expected embeddings of length 1, as `embed` gives them, but row {row} has the "
            f"length {lengths[row]}"
        )
    return rows
