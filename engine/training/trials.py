"""Pictures and queries that a network is judged on: made, or read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import nn

from ..backbones.preprocessing import Preprocessing
from ..errors import TrainingError
from ..types import ByteArray, IntArray
from .embedding import embed
from .judging import Trial
from .photographing import Scenery
from .pictures import Cutouts, LabelledPictures

_QUERIES = 400  # about so many photographs in all
_OF_A_CLASS = 8  # and so many of a class at most
_BYSTANDERS = 500  # further classes enrolled, at most


@dataclass(frozen=True, slots=True, eq=False)
class PicturedTrial:
    """A trial before it is embedded.

    Attributes:
        examples, queries: `(n, S, S, 3) uint8` each, prepared.
        example_labels, query_labels: `(n,) int64` each.
        preprocessing: as they were prepared.
    """

    examples: ByteArray
    example_labels: IntArray
    queries: ByteArray
    query_labels: IntArray
    preprocessing: Preprocessing

    @property
    def classes(self) -> int:
        """Of the queries."""
        return len(np.unique(self.query_labels))

    def embedded(self, network: nn.Module) -> Trial:
        """The trial as a network sees it."""
        return Trial(
            embed(network, self.examples, self.preprocessing),
            self.example_labels,
            embed(network, self.queries, self.preprocessing),
            self.query_labels,
        )


def photographed_trial(
    data: LabelledPictures,
    rows: IntArray,
    cutouts: Cutouts,
    scenery: Scenery,
    preprocessing: Preprocessing,
    seed: int,
) -> PicturedTrial:
    """Photographs of those rows' pictures, among all classes; further pictures are queries too.

    Args:
        rows: `(m,) int64`, all rows of some classes.
        scenery: of the split for judging.
    """
    first = data.first_of_each()
    shown = np.intersect1d(rows, first)
    further = np.setdiff1d(rows, first)
    each = min(_OF_A_CLASS, max(2, _QUERIES // max(1, len(shown))))
    side = preprocessing.image_size
    photographs = [
        scenery.photograph(cutouts[row], (seed * 1_000_003 + int(row)) * 100 + turn, side, 1.0)
        for row in shown
        for turn in range(each)
    ]
    if len(further):
        photographs.extend(data.prepared(further, preprocessing))
    queries = np.stack(photographs)
    labels = np.concatenate([np.repeat(data.labels[shown], each), data.labels[further]])
    examples = _examples(data, labels)
    pixels = data.prepared(examples, preprocessing)
    return PicturedTrial(pixels, data.labels[examples], queries, labels, preprocessing)


def queried_trial(
    data: LabelledPictures, queries: LabelledPictures, preprocessing: Preprocessing
) -> PicturedTrial:
    """Real queries against the pictures of all classes.

    Raises:
        TrainingError: a query's class has no picture.
    """
    numbers = {name: number for number, name in enumerate(data.names)}
    missing = [name for name in queries.names if name not in numbers]
    if missing:
        raise TrainingError(
            f"expected queries of classes that have a picture, but {missing[0]!r} has none "
            f"({len(missing)} such classes); add a picture of it, or leave its queries out"
        )
    labels = np.array([numbers[name] for name in queries.names])[queries.labels]
    examples = _examples(data, labels)
    return PicturedTrial(
        data.prepared(examples, preprocessing),
        data.labels[examples],
        queries.prepared(range(len(labels)), preprocessing),
        labels,
        preprocessing,
    )


def kept_trial(data: LabelledPictures, preprocessing: Preprocessing) -> PicturedTrial:
    """The first picture of each class is its example, the others are queries.

    Raises:
        TrainingError: every class has one picture.
    """
    first = data.first_of_each()
    queries = np.setdiff1d(np.arange(len(data.labels)), first)
    if not len(queries):
        raise TrainingError(
            "expected several pictures of a class, the first of which is its example, among those "
            "not to be forgotten, but every class has one; add some"
        )
    return PicturedTrial(
        data.prepared(first, preprocessing),
        data.labels[first],
        data.prepared(queries, preprocessing),
        data.labels[queries],
        preprocessing,
    )


def _examples(data: LabelledPictures, labels: IntArray) -> IntArray:
    """The first picture of each of these classes, and of some hundred others."""
    first = data.first_of_each()
    asked = np.isin(data.labels[first], labels)
    others = first[~asked]
    step = max(1, -(-len(others) // _BYSTANDERS))
    return np.sort(np.concatenate([first[asked], others[::step]]))
