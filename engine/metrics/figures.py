"""The figures of an evaluation: each with its interval, or the reason why it can't be given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..decision.scores import Float64Array
from ..types import BoolArray, IntArray
from .bootstrap import interval, resamples
from .closed_set import class_weights, top_k
from .open_set import (
    auroc,
    fnir_at_fpir,
    fpr_at_tpr,
    oscr,
    strangers_needed,
)
from .reliability import expected_calibration_error
from .trials import Trials
from .verification import FOLDS, balanced_verdicts, equal_error_rate

FPIRS = (0.001, 0.01, 0.05, 0.1)
"""The error rates that FNIR is stated at."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured share, or the reason why the data can't show it.

    Attributes:
        value: in [0, 1]; None where it is refused.
        low, high: its 95 % interval; None likewise.
        refused: why there is no value.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    refused: str | None = None

    def to_json(self) -> dict[str, Any]:
        if self.value is None:
            return {"refused": self.refused}
        assert self.low is not None
        assert self.high is not None
        return {
            "value": round(self.value, 6),
            "low": round(self.low, 6),
            "high": round(self.high, 6),
        }

    def __str__(self) -> str:
        if self.value is None:
            return f"not shown: {self.refused}"
        return f"{self.value:.1%} ({self.low:.1%} to {self.high:.1%})"


@dataclass(frozen=True, slots=True)
class _Statistic:
    """A figure's formula, and what keeps it from being computed.

    Attributes:
        of: the value on resampled rows of the known queries and of the strangers.
        obstacle: why the data can't show it, or None.
        groups: how many independent groups it rests on.
    """

    of: Callable[[IntArray, IntArray], float]
    obstacle: str | None
    groups: int


def figures_of(trials: Trials) -> dict[str, Figure]:
    """Every figure, by its name in `figures.json`."""
    statistics = _statistics(trials)
    possible = {name: s.of for name, s in statistics.items() if s.obstacle is None}
    known, strangers = trials.known, trials.strangers
    everyone = np.arange(len(known)), np.arange(len(strangers))
    values = {name: of(*everyone) for name, of in possible.items()}
    replicates: dict[str, list[float]] = {name: [] for name in possible}
    for rows in resamples(known.classes, strangers.groups, paired=trials.left_out):
        for name, of in possible.items():
            replicates[name].append(of(*rows))
    return {
        name: Figure(values[name], *interval(replicates[name], statistic.groups))
        if statistic.obstacle is None
        else Figure(refused=statistic.obstacle)
        for name, statistic in statistics.items()
    }


def _statistics(trials: Trials) -> Mapping[str, _Statistic]:
    known, strangers = trials.known, trials.strangers
    correct = known.correct
    no_known = None if len(known) else "no query shows an enrolled class"
    no_strangers = None if len(strangers) else "there are no strangers"
    neither = no_known or no_strangers
    classes, groups = np.unique(known.classes).size, np.unique(strangers.groups).size

    # Weights of the whole data: a class drawn twice counts as two.
    weights = class_weights(known.classes)

    def on_known(of: Callable[[IntArray], float]) -> _Statistic:
        return _Statistic(lambda rows, _: of(rows), no_known, classes)

    found = {
        "top_1": on_known(lambda rows: top_k(known.ranks[rows], 1)),
        "top_5": on_known(lambda rows: top_k(known.ranks[rows], 5)),
        "mean_per_class": on_known(lambda r: float(np.average(correct[r], weights=weights[r]))),
        "tpir_reached": on_known(lambda r: float(np.mean(correct[r] & (known.scores[r] >= 0)))),
        "misidentified": on_known(lambda r: float(np.mean(~correct[r] & (known.scores[r] >= 0)))),
        "refused_known": on_known(lambda r: float(np.mean(known.scores[r] < 0))),
        "fpir_reached": _Statistic(
            lambda _, rows: float(np.mean(strangers.scores[rows] >= 0)), no_strangers, groups
        ),
    }
    for suffix, ours, theirs in (
        ("", known.scores, strangers.scores),
        ("_by_similarity", known.similarities, strangers.similarities),
    ):
        found |= {
            name + suffix: _Statistic(of, obstacle or neither, min(classes, groups))
            for name, of, obstacle in _open_set(ours, correct, theirs)
        }
    return {**found, **_verification(trials, no_known, classes)}


def _open_set(
    ours: Float64Array, correct: BoolArray, theirs: Float64Array
) -> Iterator[tuple[str, Callable[[IntArray, IntArray], float], str | None]]:
    """Name, formula and obstacle of the figures that rest on known queries and strangers."""
    yield "auroc", lambda k, s: auroc(ours[k], theirs[s]), None
    yield "oscr", lambda k, s: oscr(ours[k], correct[k], theirs[s]), None
    yield "fpr_at_95_tpr", lambda k, s: fpr_at_tpr(ours[k], theirs[s], 0.95), None
    for fpir in FPIRS:

        def fnir(k: IntArray, s: IntArray, fpir: float = fpir) -> float:
            return fnir_at_fpir(ours[k], correct[k], theirs[s], fpir)

        yield f"fnir_at_fpir_{fpir:g}", fnir, too_few_strangers(theirs.size, fpir)


def too_few_strangers(strangers: int, fpir: float) -> str | None:
    """Why that many strangers can't show an FPIR, or None if they can."""
    needed = strangers_needed(fpir)
    if strangers >= needed:
        return None
    return f"an FPIR of {fpir * 100:g} % needs about {needed:,} strangers, there are {strangers:,}"


def _verification(trials: Trials, no_known: str | None, classes: int) -> Mapping[str, _Statistic]:
    known = trials.known
    folds = folds_of(known.classes)
    obstacle = no_known
    if obstacle is None and (np.isnan(known.impostors).any() or np.unique(folds).size < 2):
        obstacle = "pairs of different classes need queries of two classes at least"
    if obstacle is not None:
        nothing = _Statistic(lambda _known, _strangers: 0.0, obstacle, 0)
        return {"eer": nothing, "pair_accuracy": nothing, "calibration_error": nothing}
    ours, theirs = known.pair_scores
    same, different = balanced_verdicts(ours, theirs, folds)

    def accuracy(rows: IntArray, _: IntArray) -> float:
        return float(np.mean(np.concatenate([same[rows], different[rows]])))

    def eer(rows: IntArray, _: IntArray) -> float:
        return equal_error_rate(ours[rows], theirs[rows])

    def miscalibration(rows: IntArray, _: IntArray) -> float:
        told = np.concatenate([ours[rows], theirs[rows]])
        return expected_calibration_error(told, np.arange(told.size) < rows.size)

    unheaded = None if known.has_probabilities else "no Siamese head is in force"
    return {
        "eer": _Statistic(eer, None, classes),
        "pair_accuracy": _Statistic(accuracy, None, classes),
        "calibration_error": _Statistic(miscalibration, unheaded, classes),
    }


def folds_of(classes: IntArray) -> IntArray:
    """A fold for each query, whole classes together: `(n,) int64`, up to `FOLDS` of them."""
    _, place = np.unique(classes, return_inverse=True)
    folds: IntArray = place % FOLDS
    return folds
