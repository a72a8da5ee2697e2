"""When an index is worth compacting, and what comes of it.

Up to some thousand vectors, comparing a query with each of them takes half a millisecond and finds
everything. Above that a sketch finds what to compare, several times as fast. Which of the two it is
follows from the size alone, with room between the limits so that a gallery at the border doesn't
sway; a sketch that turns out too poor for the vectors at hand is not used.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import numpy as np

from ..types import IntArray
from ..versioned import IdTable
from .state import NO_ROWS, State


@dataclass(frozen=True, slots=True)
class Limits:
    """Where an index changes.

    Attributes:
        approximate_from: at so many vectors it gets a sketch.
        exact_below: under so many it loses it.
        uncovered: share of the sketch's rows that may wait outside it.
        dead: share of all rows that may be tombstones.
        growth: the sketch is fitted anew when the index is so many times as large.
        trifle: so few rows, tombstones or waiting, are never worth the work.
    """

    approximate_from: int = 4_000
    exact_below: int = 2_000
    uncovered: float = 0.05
    dead: float = 0.1
    growth: float = 4.0
    trifle: int = 1000


def is_due(state: State, limits: Limits) -> bool:
    """Whether compacting would make searches noticeably faster or the index smaller."""
    if _crowded(state, limits):
        return True
    if not _wants_sketch(state, limits):
        return state.sketch is not None
    if state.sketch is None:
        return True
    waiting = len(state.rows) - state.covered
    return waiting > max(limits.trifle, limits.uncovered * state.covered) or _outgrown(
        state, limits
    )


def compacted(state: State, limits: Limits) -> State:
    """The same vectors, with tombstones dropped and a sketch over all rows where one is due.

    Raises:
        InterruptedError: the interpreter is shutting down.
    """
    if not _wants_sketch(state, limits):
        return State(state.rows.without(state.dead), refused=state.refused)
    from .fitting import fitted  # imports FAISS

    sketch = None if state.sketch is None else state.sketch.unpacked()
    if sketch is None or _outgrown(state, limits):
        rows = state.rows.without(state.dead)
        sketch, good = fitted(rows, _shutting_down)
        return State(rows, NO_ROWS, sketch if good else None, None if good else sketch.fit)
    if _crowded(state, limits):
        sketch = sketch.without(state.dead_below(state.covered))
        state = State(state.rows.without(state.dead), NO_ROWS, sketch)
    if state.covered < len(state.rows):
        return replace(state, sketch=sketch.extended(state.rows, _shutting_down))
    return state


def followed_by(
    after: State, before: State, now: State, rows_by_id: IdTable
) -> tuple[State, IdTable]:
    """The compacted state and its rows by id, brought up to what was written meanwhile.

    Args:
        after, before: what `compacted` returned, and what it was given.
        now: what has become of `before` meanwhile: rows were appended, rows died.
        rows_by_id: of `after`.
    """
    dropped = before.dead if after.rows is not before.rows else NO_ROWS
    died = np.setdiff1d(now.dead, before.dead)
    rows_by_id = rows_by_id.without(now.rows.ids_of(died[died < len(before.rows)]))
    late = np.arange(len(before.rows), len(now.rows))
    living = np.setdiff1d(late, died)
    rows_by_id = rows_by_id.updated(now.rows.ids_of(living), _moved_up(living, dropped))
    if len(dropped):
        rows = after.rows.append(now.rows.ids_of(late), now.rows.take(late))
        return replace(after, rows=rows, dead=_moved_up(died, dropped)), rows_by_id
    return replace(after, rows=now.rows, dead=now.dead), rows_by_id


def _moved_up(rows: IntArray, dropped: IntArray) -> IntArray:
    """What becomes of row numbers when the rows `dropped` (ascending) are taken out."""
    return rows - np.searchsorted(dropped, rows)


def _wants_sketch(state: State, limits: Limits) -> bool:
    if state.refused is not None and state.size < limits.growth * state.refused.rows:
        return False
    least = limits.approximate_from if state.sketch is None else limits.exact_below
    return state.size >= least


def _outgrown(state: State, limits: Limits) -> bool:
    return state.sketch is not None and state.size >= limits.growth * state.sketch.fit.rows


def _crowded(state: State, limits: Limits) -> bool:
    return len(state.dead) > max(limits.trifle, limits.dead * len(state.rows))


def _shutting_down() -> bool:
    return not threading.main_thread().is_alive()
