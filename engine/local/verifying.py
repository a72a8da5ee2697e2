"""Whether, and where, an enrolled picture lies in a query: matches that one map explains."""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image

from ..types import BoolArray, ByteArray, FloatArray, IntArray, LocalMatch
from .base import DESCRIPTOR_SCALE, LocalFeatures, as_unit_rows
from .coding import CodedFeatures
from .false_alarms import Crowding, log_false_alarms
from .geometry import (
    VIEW,
    Float64Array,
    Pairs,
    corners,
    maps,
    residuals,
)
from .matching import matches

CELLS = 6
"""The enrolled picture is cut into so many cells each way, to say how much of it was found."""


_QUALITY = 90


class LocalQuery:
    """A query's local features, prepared to be compared with many enrolled pictures.

    Args:
        copy: of the grey view that they were found in, as JPEG, for what is looked up there again.
    """

    def __init__(self, features: LocalFeatures, copy: bytes | None = None) -> None:
        self.features = features
        self.copy = copy
        self.scale = min(1.0, VIEW / max(features.width, features.height))
        self.keypoints = features.keypoints * np.array(
            [self.scale, self.scale, self.scale, 1.0], np.float32
        )

    def __len__(self) -> int:
        return len(self.features)

    @classmethod
    def of_enrolled(cls, coded: CodedFeatures) -> LocalQuery:
        """An enrolled picture played as a query."""
        rows = np.rint(np.minimum(coded.descriptors() * DESCRIPTOR_SCALE, 255)).astype(np.uint8)
        return cls(LocalFeatures(coded.width, coded.height, coded.keypoints, rows))

    @classmethod
    def of_view(cls, features: LocalFeatures, view: Image.Image) -> LocalQuery:
        """With a copy of the view that the features were found in."""
        encoded = io.BytesIO()
        view.convert("L").save(encoded, "JPEG", quality=_QUALITY)
        return cls(features, encoded.getvalue())

    def view(self) -> ByteArray | None:
        """`(h, w) uint8`: the grey view of the whole query, if a copy of it was kept."""
        if self.copy is None:
            return None
        with Image.open(io.BytesIO(self.copy)) as view:
            return np.asarray(view, np.uint8)

    def without(self, gone: BoolArray) -> LocalQuery:
        """The same without some of its points, `(n,) bool`."""
        features = self.features
        return LocalQuery(
            LocalFeatures(
                features.width,
                features.height,
                features.keypoints[~gone],
                features.descriptors[~gone],
            ),
            self.copy,
        )

    @property
    def descriptors(self) -> FloatArray:
        """`(n, 128) float32`, unit rows."""
        return as_unit_rows(self.features.descriptors)

    @functools.cached_property
    def crowding(self) -> Crowding:
        """How near to each other its points lie."""
        area = self.features.width * self.features.height * self.scale**2
        return Crowding(self.keypoints[:, :2], area)


def find(query: LocalQuery, enrolled: CodedFeatures) -> LocalMatch | None:
    """Where the enrolled picture lies in the query, or None where nothing says that it does."""
    rows = matches(query.descriptors, enrolled.descriptors())
    return explain(query, enrolled, rows)


def explain(query: LocalQuery, enrolled: CodedFeatures, rows: IntArray) -> LocalMatch | None:
    """The map that explains matches best, as `find` gives it.

    Args:
        rows: `(n, 2) int64`: matched points of the query and the enrolled picture, clearest first.
    """
    size = (enrolled.width, enrolled.height)
    pairs = Pairs(query.keypoints[rows[:, 0]], enrolled.keypoints[rows[:, 1]])
    best: LocalMatch | None = None
    for model, alike in maps(pairs, size):
        outline = corners(model, size)
        if outline is None:
            continue
        off = np.where(alike, residuals(model, pairs), np.inf)
        off[_repeated(pairs, off)] = np.inf
        log_alarms, radius = log_false_alarms(off, query.crowding)
        if np.isfinite(log_alarms) and (best is None or log_alarms < best.log_false_alarms):
            agree = off < radius
            best = LocalMatch(
                log_false_alarms=log_alarms,
                inliers=int(agree.sum()),
                share=_share(enrolled, pairs, agree),
                corners=(outline / query.scale).astype(np.float32),
                matched=_matched(pairs, agree, query.scale),
            )
    return best


def _repeated(pairs: Pairs, off: Float64Array) -> BoolArray:
    """`(n,) bool`: matches whose point another, nearer match has already: several points may lie
    at one place, told apart by their angles and sizes only, and bear witness once."""
    order = np.argsort(off, kind="stable")
    repeated = np.zeros(len(pairs), np.bool_)
    for places in (pairs.query, pairs.enrolled):
        spots = np.rint(places[order, :2] / 2).astype(np.int64)
        _, first = np.unique(spots, axis=0, return_index=True)
        again = np.ones(len(pairs), np.bool_)
        again[first] = False
        repeated[order[again]] = True
    return repeated


def _share(enrolled: CodedFeatures, pairs: Pairs, agree: BoolArray) -> float:
    sides = np.array([enrolled.width, enrolled.height], np.float64)
    cells = _cells(enrolled.keypoints[:, :2] / sides)
    return len(_cells(pairs.enrolled[agree, :2] / sides)) / max(1, len(cells))


def _cells(places: Float64Array) -> IntArray:
    cells = np.clip((places * CELLS).astype(np.int64), 0, CELLS - 1)
    return np.unique(cells @ np.array([1, CELLS]))


def _matched(pairs: Pairs, agree: BoolArray, scale: float) -> FloatArray:
    found = np.hstack([pairs.query[agree, :2] / scale, pairs.enrolled[agree, :2]])
    return found.astype(np.float32)
