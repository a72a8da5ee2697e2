"""Levers side by side on the same data, and which of them pays."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import TrainingError
from ..metrics.bootstrap import resamples
from ..metrics.figures import Figure, figures_of, too_few_strangers
from ..metrics.open_set import fnir_at_fpir
from ..metrics.trials import Trials
from ..playing.enrolled import Enrolled
from ..playing.play import Match
from ..types import IntArray
from .levers import LearningLever, Lever, learning_levers, levers

LOGGER = logging.getLogger(__name__)

_OPERATING_POINTS = (0.01, 0.05, 0.1)


@dataclass(frozen=True, slots=True)
class Row:
    """One lever's figures.

    Attributes:
        gain: TPIR at the comparison's FPIR less that of the first row, in shares of 1; its
            interval is paired: both rows are resampled together. None for the first row.
    """

    lever: Lever | LearningLever
    figures: dict[str, Figure]
    gain: Figure | None

    @property
    def pays(self) -> bool:
        """Whether it is better than the first row beyond chance."""
        return self.gain is not None and self.gain.low is not None and self.gain.low > 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """Levers side by side.

    Attributes:
        rows: the baseline first, the gallery itself last.
        fpir: where TPIR is compared: the lowest of 1, 5 and 10 % that the strangers can show;
            None if they can show none, and nothing is compared.
    """

    rows: tuple[Row, ...]
    fpir: float | None

    def verdict(self) -> str:
        """Which lever pays, one sentence."""
        if self.fpir is None:
            return "There are too few strangers to say which lever pays."
        baseline = self.rows[0]
        paying = [row for row in self.rows if row.pays]
        if not paying:
            return (
                f"Nothing here is better than “{baseline.lever.name}” beyond chance at "
                f"{self.fpir * 100:g} % FPIR on this data."
            )
        best = max(paying, key=_gain)
        return (
            f"“{best.lever.name}” pays most: at {self.fpir * 100:g} % FPIR it identifies "
            f"{_tpir(best, self.fpir) * 100:.1f} % of the known queries, "
            f"“{baseline.lever.name}” {_tpir(baseline, self.fpir) * 100:.1f} %."
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "fpir": self.fpir,
            "verdict": self.verdict(),
            "rows": [
                {
                    "name": row.lever.name,
                    "summary": row.lever.summary,
                    "figures": {name: figure.to_json() for name, figure in row.figures.items()},
                    "tpir_gain": None if row.gain is None else row.gain.to_json(),
                    "pays": row.pays,
                }
                for row in self.rows
            ],
        }


def compare(
    enrolled: Enrolled, match: Match, chosen: Sequence[Lever | LearningLever] | None = None
) -> Comparison:
    """Play the same queries through every lever.

    Args:
        chosen: the levers, the baseline first; by default those that differ for the gallery.
    """
    listed = _listed(enrolled, match) if chosen is None else list(chosen)
    played: list[tuple[Lever | LearningLever, Trials]] = []
    for lever in listed:
        try:
            played.append((lever, lever.play(enrolled, match)))
        except TrainingError as error:
            LOGGER.warning("%s: left out, since nothing can be learned: %s", lever.name, error)
    baseline = played[0][1]
    known, strangers = len(baseline.known), len(baseline.strangers)
    shown = [f for f in _OPERATING_POINTS if too_few_strangers(strangers, f) is None and known]
    fpir = shown[0] if shown else None
    rows = []
    for number, (lever, trials) in enumerate(played):
        gain = None if not number or fpir is None else _gained(baseline, trials, fpir)
        rows.append(Row(lever, figures_of(trials), gain))
    return Comparison(tuple(rows), fpir)


def _listed(enrolled: Enrolled, match: Match) -> list[Lever | LearningLever]:
    *simpler, own = levers(enrolled)
    return [*simpler, *learning_levers(enrolled, match), own]


def _gained(baseline: Trials, trials: Trials, fpir: float) -> Figure:
    def difference(known: IntArray, strangers: IntArray) -> float:
        before, after = (
            fnir_at_fpir(
                t.known.scores[known], t.known.correct[known], t.strangers.scores[strangers], fpir
            )
            for t in (baseline, trials)
        )
        return before - after

    everyone = np.arange(len(trials.known)), np.arange(len(trials.strangers))
    replicates = [
        difference(*rows)
        for rows in resamples(trials.known.classes, trials.strangers.groups, paired=trials.left_out)
    ]
    return Figure(difference(*everyone), *np.quantile(replicates, [0.025, 0.975]).tolist())


def _gain(row: Row) -> float:
    assert row.gain is not None
    assert row.gain.value is not None
    return row.gain.value


def _tpir(row: Row, fpir: float) -> float:
    value = row.figures[f"fnir_at_fpir_{fpir:g}"].value
    assert value is not None
    return 1.0 - value
