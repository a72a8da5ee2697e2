"""Pairs of rows for verification: genuine ones, impostors, and impostors hard to tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import TrainingError
from ..types import FloatArray, IntArray

_BLOCK = 1024  # rows whose similarities to all others are held at a time


@dataclass(frozen=True, slots=True)
class RowPairs:
    """Pairs of rows, as many genuine as impostors.

    Attributes:
        first, second: `(n,) int64`, row numbers; never the same row twice in a pair.
        genuine: `(n,) bool`, whether both rows are of one class.
    """

    first: IntArray
    second: IntArray
    genuine: npt.NDArray[np.bool_]


def draw_pairs(labels: IntArray, count: int, seed: int) -> RowPairs:
    """`count` pairs drawn at random, one half genuine (Koch et al. 2015).

    Genuine: a class, then two of its rows. Impostors: two classes, then a row of each.

    Args:
        labels: `(n,) int64`, the class of each row.

    Raises:
        TrainingError: no class has two rows, or there is only one class.
    """
    random = np.random.default_rng(seed)
    rows = _rows_by_class(labels)
    several = [members for members in rows if len(members) > 1]
    half = count // 2
    genuine = [random.choice(several[random.integers(len(several))], 2, False) for _ in range(half)]
    impostors = []
    for _ in range(count - half):
        one, other = random.choice(len(rows), 2, replace=False)
        impostors.append((random.choice(rows[one]), random.choice(rows[other])))
    return _pairs(np.array(genuine).reshape(-1, 2), np.array(impostors).reshape(-1, 2))


def draw_hard_pairs(
    embeddings: FloatArray, labels: IntArray, count: int, seed: int, neighbours: int = 10
) -> RowPairs:
    """Like `draw_pairs`, but one half of the impostors are near neighbours of another class.

    Args:
        embeddings: `(n, dim) float32`, unit rows.
        neighbours: a hard impostor is one of so many nearest rows of other classes.

    Raises:
        TrainingError: as for `draw_pairs`.
    """
    plain = draw_pairs(labels, count, seed)
    random = np.random.default_rng([seed, 1])
    impostors = np.flatnonzero(~plain.genuine)
    replaced = impostors[: len(impostors) // 2]
    second = plain.second.copy()
    for start in range(0, len(replaced), _BLOCK):
        block = replaced[start : start + _BLOCK]
        second[block] = _near_impostors(embeddings, labels, plain.first[block], neighbours, random)
    return RowPairs(plain.first, second, plain.genuine)


def _near_impostors(
    embeddings: FloatArray,
    labels: IntArray,
    rows: IntArray,
    neighbours: int,
    random: np.random.Generator,
) -> IntArray:
    similarities = embeddings[rows] @ embeddings.T
    similarities[labels[rows][:, None] == labels[None, :]] = -np.inf
    others = int(np.isfinite(similarities).sum(axis=1).min())
    nearest = min(neighbours, others)
    found = np.argpartition(-similarities, nearest - 1, axis=1)[:, :nearest]
    chosen: IntArray = found[np.arange(len(rows)), random.integers(nearest, size=len(rows))]
    return chosen


def _rows_by_class(labels: IntArray) -> list[IntArray]:
    order = np.argsort(labels, kind="stable")
    classes, starts = np.unique(labels[order], return_index=True)
    if len(classes) < 2:
        raise TrainingError(
            f"expected pictures of at least 2 classes to pair, but got {len(classes)}; "
            "add labelled classes"
        )
    rows: list[IntArray] = np.split(order, starts[1:])
    if all(len(members) < 2 for members in rows):
        raise TrainingError(
            "expected a class with at least 2 pictures, which make a genuine pair, "
            "but every class has one; add pictures"
        )
    return rows


def _pairs(genuine: IntArray, impostors: IntArray) -> RowPairs:
    together = np.concatenate([genuine, impostors]).astype(np.int64)
    flags = np.arange(len(together)) < len(genuine)
    return RowPairs(together[:, 0], together[:, 1], flags)
