"""Judging embeddings the way a gallery uses them, before and after training.

Every class is enrolled with its one example, some of the queries' classes aside, whose queries
are strangers then; these classes take turns. TPIR at FPIR (ISO/IEC 19795) is the share of queries
of enrolled classes that get the right label, at the threshold that at most the given share of
strangers passes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from ..errors import TrainingError
from ..types import FloatArray, IntArray

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
class BeforeAndAfter:
    """A figure of two embeddings of the same pictures, and by how much the second is better."""

    before: Estimate
    after: Estimate
    gain: Estimate


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Embeddings to be judged; all are `float32`, unit rows.

    Attributes:
        examples, example_labels: `(c, dim)` and `(c,) int64`, one example of each class enrolled.
        queries, query_labels: `(q, dim)` and `(q,) int64`, of some of these classes.
    """

    examples: FloatArray
    example_labels: IntArray
    queries: FloatArray
    query_labels: IntArray


@dataclass(frozen=True, slots=True)
class _Round:
    """Scores of one division of the queries' classes into enrolled ones and strangers.

    Attributes:
        strangers: top similarity of each stranger, highest first.
        stranger_classes: theirs, by number among the queries' classes.
        queries: top similarity of each query of an enrolled class.
        right: whether the nearest class is the query's own.
        query_classes: theirs.
    """

    strangers: FloatArray
    stranger_classes: IntArray
    queries: FloatArray
    right: npt.NDArray[np.bool_]
    query_classes: IntArray


def tpir_at_fpir(trial: Trial, fpir: float, seed: int = 0) -> float:
    """Mean TPIR at that FPIR over eight divisions of the queries' classes.

    Raises:
        TrainingError: queries of fewer than four classes.
    """
    classes = _query_classes(trial)
    return _tpir(_play(trial, seed), np.ones(classes), fpir)


def compare(
    before: Trial, after: Trial, fprs: tuple[float, ...], seed: int = 0
) -> dict[str, BeforeAndAfter]:
    """Both trials, of the same pictures, judged by the same divisions and resamples.

    Returns:
        `top-1`, with every class enrolled, and `TPIR at 5 % FPIR` for each FPIR asked for.

    Raises:
        TrainingError: as for `tpir_at_fpir`.
    """
    classes = _query_classes(before)
    random = np.random.default_rng([seed, 2])
    weights = [np.ones(classes)] + [
        np.bincount(random.integers(classes, size=classes), minlength=classes).astype(np.float64)
        for _ in range(_REPLICATES)
    ]
    sides = [(_play(trial, seed), _right(trial)) for trial in (before, after)]
    numbers = np.unique(before.query_labels, return_inverse=True)[1]

    def compared(figure: Callable[[int, Floats], float]) -> BeforeAndAfter:
        both = np.array([[figure(side, weight) for weight in weights] for side in (0, 1)])
        return BeforeAndAfter(_estimate(both[0]), _estimate(both[1]), _estimate(both[1] - both[0]))

    def top_1(side: int, weight: Floats) -> float:
        shares = weight[numbers]
        return float((shares * sides[side][1]).sum() / shares.sum())

    def tpir(fpir: float, side: int, weight: Floats) -> float:
        return _tpir(sides[side][0], weight, fpir)

    found = {"top-1": compared(top_1)}
    for fpir in fprs:
        found[tpir_name(fpir)] = compared(partial(tpir, fpir))
    return found


def tpir_name(fpir: float) -> str:
    """What the TPIR at that FPIR is called."""
    return f"TPIR at {fpir * 100:g} % FPIR"


def _right(trial: Trial) -> npt.NDArray[np.bool_]:
    nearest = (trial.queries @ trial.examples.T).argmax(axis=1)
    right: npt.NDArray[np.bool_] = trial.example_labels[nearest] == trial.query_labels
    return right


def _query_classes(trial: Trial) -> int:
    classes = len(np.unique(trial.query_labels))
    if classes < 4:
        raise TrainingError(
            f"expected queries of at least 4 classes to judge by, but got {classes}; add classes"
        )
    return classes


def _play(trial: Trial, seed: int) -> list[_Round]:
    similarities = trial.queries @ trial.examples.T
    classes, numbers = np.unique(trial.query_labels, return_inverse=True)
    rounds: list[_Round] = []
    for turn in range(_ROUNDS // 2):
        shuffled = np.random.default_rng([seed, 1, turn]).permutation(len(classes))
        halves = np.array_split(shuffled, 2)
        rounds += [_round(trial, similarities, numbers, classes, half) for half in halves]
    return rounds


def _round(
    trial: Trial,
    similarities: FloatArray,
    numbers: IntArray,
    classes: IntArray,
    strangers: IntArray,
) -> _Round:
    enrolled = np.flatnonzero(~np.isin(trial.example_labels, classes[strangers]))
    seen = similarities[:, enrolled]
    top, nearest = seen.max(axis=1), trial.example_labels[enrolled][seen.argmax(axis=1)]
    unknown = np.isin(numbers, strangers)
    known = ~unknown
    falling = np.argsort(-top[unknown], kind="stable")
    return _Round(
        strangers=top[unknown][falling],
        stranger_classes=numbers[unknown][falling],
        queries=top[known],
        right=nearest[known] == trial.query_labels[known],
        query_classes=numbers[known],
    )


def _tpir(rounds: list[_Round], weights: Floats, fpir: float) -> float:
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
