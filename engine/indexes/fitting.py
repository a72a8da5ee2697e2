"""Makes a sketch of the rows at hand, no finer than they need, and measures what it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import isqrt

import numpy as np

from ..types import FloatArray, IntArray
from . import scan
from .fit import Fit
from .rows import Rows
from .sketch import ROWS_AT_ONCE, Sketch

LEAST_RECALL = {1: 0.995, 10: 0.98, 50: 0.9}
"""Share of the k nearest neighbours that a sketch must find."""
GROUPS = (8, 4, 2, 1)
CANDIDATES = (128, 256, 512, 1024, 2048)
MARGIN = 2
"""Candidates compared for each that the sample needed: a sample can be lucky, and a stranger's
nearest rows are farther away. Never fewer than the square root of all rows, for the same reason."""
LEAST_ROWS_A_CANDIDATE = 32
"""Comparing more of all rows than this exactly would make the sketch pointless."""
ROWS_SCANNED = 32
"""With one dimension a group, so many rows are scanned in the time that a candidate takes."""
TRAINING_ROWS = 16_384
SAMPLE = 200
NEIGHBOURS = max(LEAST_RECALL)
SEED = 13


def fitted(rows: Rows, interrupted: Callable[[], bool]) -> tuple[Sketch, bool]:
    """The fastest sketch of `rows` that finds enough of their nearest neighbours.

    Measured on a sample of the rows, each left out of what it is compared with: the nearest
    *other* row is farther away, and harder to find, than the class that a picture shows. Coarse
    codes are scanned faster but need more candidates.

    Returns:
        A sketch over all rows, and whether it finds enough: even the finest may not.

    Raises:
        InterruptedError: `interrupted`, asked now and then, said yes.
    """
    random = np.random.default_rng(SEED)
    training = rows.take(_sample(random, len(rows), TRAINING_ROWS))
    asked = _sample(random, len(rows), SAMPLE)
    queries = rows.take(asked)
    nearest = _nearest_others(rows, asked, queries, interrupted)
    best: Sketch | None = None
    fewest = max(MARGIN * CANDIDATES[0], isqrt(len(rows)))  # finer codes can't do with less
    for group in GROUPS:
        if best is not None and _cost(best.fit) < _cost(Fit(group, fewest, {}, len(rows))):
            break
        fit = Fit(group, 0, {}, len(rows))
        sketch = Sketch.trained(training, fit).extended(rows, interrupted)
        fit, enough = _least_candidates(fit, _found(sketch, rows, asked, queries), nearest)
        sketch = replace(sketch, fit=fit)
        if enough and (best is None or _cost(fit) < _cost(best.fit)):
            best = sketch
    return (sketch, False) if best is None else (best, True)


def _least_candidates(fit: Fit, found: FloatArray, nearest: FloatArray) -> tuple[Fit, bool]:
    """A fit with just the candidates that make it find enough, and whether any do."""
    choices = [c for c in CANDIDATES if c * MARGIN * LEAST_ROWS_A_CANDIDATE <= fit.rows]
    for needed in choices or CANDIDATES[:1]:
        recall = {k: _recall(found[:, :needed], nearest[:, :k]) for k in LEAST_RECALL}
        fit = replace(fit, candidates=max(MARGIN * needed, isqrt(fit.rows)), recall=recall)
        if all(recall[k] >= least for k, least in LEAST_RECALL.items()):
            return fit, True
    return fit, False


def _cost(fit: Fit) -> float:
    """What a search takes, in candidates compared."""
    return fit.rows / (ROWS_SCANNED * fit.group) + fit.candidates


def _sample(random: np.random.Generator, count: int, size: int) -> IntArray:
    if count <= size:
        return np.arange(count)
    return np.sort(random.choice(count, size, replace=False))


def _nearest_others(
    rows: Rows, asked: IntArray, queries: FloatArray, interrupted: Callable[[], bool]
) -> FloatArray:
    """Similarities of each of the rows `asked` to those nearest to it, itself left out.

    Returns:
        `(len(asked), NEIGHBOURS)`, descending.
    """
    nearest = np.full((len(asked), NEIGHBOURS), -np.inf, np.float32)
    first = 0
    for vectors in rows.batches(ROWS_AT_ONCE):
        if interrupted():
            raise InterruptedError
        scores = queries @ vectors.T
        own = np.flatnonzero((asked >= first) & (asked < first + len(vectors)))
        scores[own, asked[own] - first] = -np.inf
        nearest = _greatest(np.concatenate([nearest, scores], axis=1))
        first += len(vectors)
    return -np.sort(-nearest, axis=1)


def _greatest(scores: FloatArray) -> FloatArray:
    greatest: FloatArray = np.partition(scores, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS:]
    return greatest


def _found(sketch: Sketch, rows: Rows, asked: IntArray, queries: FloatArray) -> FloatArray:
    """Similarities of the rows that the sketch puts first, in its order.

    Returns:
        `(len(asked), max(CANDIDATES))`, `-inf` where there is none.
    """
    found = np.full((len(asked), max(CANDIDATES)), -np.inf, np.float32)
    best_first = sketch.nearest(queries, max(CANDIDATES) + 1)
    for place, (query, candidates) in enumerate(zip(queries, best_first, strict=True)):
        others = candidates[(candidates != asked[place]) & (candidates >= 0)][: max(CANDIDATES)]
        found[place, : len(others)] = scan.similarities(rows.take(others), query)
    return found


def _recall(found: FloatArray, nearest: FloatArray) -> float:
    """Share of the nearest that are found; what is as near as the last of them will do."""
    k = nearest.shape[1]
    least = nearest[:, -1:] - scan.MATRIX_ERROR
    return float(np.minimum((found >= least).sum(axis=1), k).mean() / k)
