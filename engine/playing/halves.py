"""Plays queries that something is learned from as well: never the same ones.

The labels are dealt into two halves. What is learned from the queries of one is judged on those of
the other, and the other way round, so every query is scored once and by what never saw its label.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import TypeVar

import numpy as np

from ..metrics.trials import KnownTrials, StrangerTrials, Trials
from ..types import BoolArray, IntArray
from .play import Match, play
from .scorers import Scorer

_SEED = 17

T = TypeVar("T", KnownTrials, StrangerTrials)


def play_halves(match: Match, learn: Callable[[Match], Scorer], target_fpir: float) -> Trials:
    """The outcome of every query, in the match's order.

    Args:
        learn: makes a scorer of half of the queries.
    """
    first = in_first_half(match)
    halves = np.flatnonzero(first), np.flatnonzero(~first)
    played = [
        (rows, play(match.take(rows), learn(match.take(seen)), target_fpir))
        for seen, rows in (halves, halves[::-1])
    ]
    return Trials(
        _merged([_of_whole(trials.known, rows) for rows, trials in played]),
        _merged([_of_whole(trials.strangers, rows) for rows, trials in played]),
        match.left_out,
    )


def in_first_half(match: Match) -> BoolArray:
    """`(n,)`: whether a query's label was dealt to the first half."""
    groups = np.unique(match.groups)
    chosen = np.random.default_rng(_SEED).permutation(groups)[: groups.size // 2]
    return np.isin(match.groups, chosen)


def _of_whole(trials: T, rows: IntArray) -> T:
    """The trials with the queries' numbers in the whole match."""
    values = {field.name: getattr(trials, field.name) for field in fields(trials)}
    return type(trials)(**{**values, "queries": rows[trials.queries]})


def _merged(parts: list[T]) -> T:
    columns = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(parts[0])
    }
    order = np.argsort(columns["queries"], kind="stable")
    return type(parts[0])(
        **{name: column[order] if column.size else column for name, column in columns.items()}
    )
