"""Judging embeddings on classes that were not trained on, the way the engine uses them.

One half of the classes is enrolled with one example each, the pictures of the other half are
strangers, and classes take turns. The figure is TPIR at FPIR (ISO/IEC 19795): the share of queries
of enrolled classes that get the right label, at the threshold that at most the given share of
strangers passes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.errors import TrainingError
from engine.types import FloatArray, IntArray

_ROUNDS = 8
_REPLICATES = 400
_INTERVAL = (2.5, 97.5)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % bootstrap interval, resampled by class."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """TPIR at FPIR of two embeddings of the same pictures, and by how much the second is better."""

    before: Estimate
    after: Estimate
    gain: Estimate


@dataclass(frozen=True, slots=True)
class _Round:
    """Scores of one division into enrolled classes and strangers.

    Attributes:
        strangers: top similarity of each stranger, highest first.
        stranger_classes: theirs, by number among all classes.
        queries: top similarity of each query of an enrolled class.
        right: whether the nearest class is the query's own.
        query_classes: theirs.
    """

    strangers: FloatArray
    stranger_classes: IntArray
    queries: FloatArray
    right: npt.NDArray[np.bool_]
    query_classes: IntArray


def tpir_at_fpir(embeddings: FloatArray, labels: IntArray, fpir: float, seed: int = 0) -> float:
    """Mean TPIR at that FPIR over eight divisions of the classes.

    Args:
        embeddings: `(n, dim) float32`, unit rows.
        labels: `(n,) int64`.
        fpir: in (0, 1).

    Raises:
        TrainingError: fewer than four classes, or fewer than two of them with two pictures.
    """
    numbers = _class_numbers(labels)
    rounds = _play(embeddings, numbers, seed)
    return _figure(rounds, np.ones(int(numbers.max()) + 1), fpir)


def compare(
    before: FloatArray, after: FloatArray, labels: IntArray, fpir: float, seed: int = 0
) -> Comparison:
    """Both embeddings `(n, dim) float32`, unit rows, judged by the same divisions and resamples.

    Raises:
        TrainingError: as for `tpir_at_fpir`.
    """
    numbers = _class_numbers(labels)
    classes = int(numbers.max()) + 1
    random = np.random.default_rng([seed, 2])
    weights = [np.ones(classes)] + [
        np.bincount(random.integers(classes, size=classes), minlength=classes).astype(np.float64)
        for _ in range(_REPLICATES)
    ]
    figures = np.array(
        [
            [_figure(rounds, weight, fpir) for weight in weights]
            for rounds in (_play(before, numbers, seed), _play(after, numbers, seed))
        ]
    )
    return Comparison(
        _estimate(figures[0]), _estimate(figures[1]), _estimate(figures[1] - figures[0])
    )


def _class_numbers(labels: IntArray) -> IntArray:
    classes, numbers, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if len(classes) < 4 or (counts > 1).sum() < 2:
        raise TrainingError(
            "expected at least 4 held-out classes, two of them with 2 pictures or more, but got "
            f"{len(classes)}, of which {(counts > 1).sum()} have as many; add labelled pictures"
        )
    return numbers.astype(np.int64)


def _play(embeddings: FloatArray, numbers: IntArray, seed: int) -> list[_Round]:
    rounds = []
    for turn in range(_ROUNDS // 2):
        random = np.random.default_rng([seed, 1, turn])
        shuffled = random.permutation(int(numbers.max()) + 1)
        halves = shuffled[: len(shuffled) // 2], shuffled[len(shuffled) // 2 :]
        rounds += [_round(embeddings, numbers, enrolled, random) for enrolled in halves]
    return rounds


def _round(
    embeddings: FloatArray, numbers: IntArray, enrolled: IntArray, random: np.random.Generator
) -> _Round:
    order = random.permutation(len(numbers))
    _, first = np.unique(numbers[order], return_index=True)
    example_rows = order[first][enrolled]  # one picture of each enrolled class
    known = np.isin(numbers, enrolled)
    queries = np.setdiff1d(np.flatnonzero(known), example_rows)
    strangers = np.flatnonzero(~known)
    gallery = embeddings[example_rows].T
    to_queries, to_strangers = embeddings[queries] @ gallery, embeddings[strangers] @ gallery
    top = to_strangers.max(axis=1)
    falling = np.argsort(-top, kind="stable")
    return _Round(
        strangers=top[falling],
        stranger_classes=numbers[strangers][falling],
        queries=to_queries.max(axis=1),
        right=enrolled[to_queries.argmax(axis=1)] == numbers[queries],
        query_classes=numbers[queries],
    )


def _figure(rounds: list[_Round], weights: Floats, fpir: float) -> float:
    """Weighted mean TPIR; a class's pictures count as often as its weight says."""
    rates = []
    for played in rounds:
        known = weights[played.query_classes]
        unknown = weights[played.stranger_classes]
        if not known.sum() or not unknown.sum():
            continue  # a resample without queries or without strangers
        passed = np.cumsum(unknown) / unknown.sum()
        allowed = int(np.searchsorted(passed, fpir + 1e-12, side="right"))
        threshold = played.strangers[allowed] if allowed < len(passed) else -np.inf
        accepted = played.right & (played.queries > threshold)
        rates.append(float((known * accepted).sum() / known.sum()))
    return float(np.mean(rates)) if rates else math.nan


def _estimate(figures: Floats) -> Estimate:
    low, high = np.nanpercentile(figures[1:], _INTERVAL)
    return Estimate(float(figures[0]), float(low), float(high))
