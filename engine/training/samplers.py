"""Which rows make a batch.

Losses that compare the pictures of a batch learn most from classes that are hard to tell apart,
and those are found together: the letters of one alphabet, the parts of one maker.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..errors import TrainingError
from ..types import FloatArray, IntArray

_NEIGHBOURS = 24  # nearest rows of other classes, among which hard ones are drawn
_HARD_SHARE = 0.6  # of the batches
_CLUSTER = 6  # rows that stand together in them
_BLOCK = 1024  # rows whose similarities to all others are held at a time


class NeighbourSampler:
    """Batches of rows of different classes, of which many are hard to tell apart.

    In most batches, each of a few rows stands with some of the nearest rows of other classes, as a
    teacher embeds them; the rest are drawn at random. In the others all are.

    Args:
        embeddings: `(n, dim) float32`, unit rows.
        labels: `(n,) int64`, the class of each row.
        batch_size: rows a batch; lowered where there are fewer classes.
    """

    def __init__(self, embeddings: FloatArray, labels: IntArray, batch_size: int) -> None:
        self._labels = labels
        self._classes, starts = np.unique(labels[np.argsort(labels, kind="stable")], True)
        self._rows = np.split(np.argsort(labels, kind="stable"), starts[1:])
        self.batch_size = min(batch_size, len(self._classes))
        self._near = _neighbours(embeddings, labels, min(_NEIGHBOURS, len(self._classes) - 1))

    def batches(self, steps: int, seed: int) -> Iterator[IntArray]:
        """Yield `steps` batches of `batch_size` row numbers, no two of one class."""
        random = np.random.default_rng([seed, 3])
        for _ in range(steps):
            order = random.permutation(len(self._rows))
            rows = np.array([random.choice(self._rows[number]) for number in order])
            if random.random() < _HARD_SHARE:
                seeds = rows[: max(1, self.batch_size // _CLUSTER)]
                alike = [random.permutation(self._near[row])[: _CLUSTER - 1] for row in seeds]
                rows = np.concatenate([seeds, *alike, rows])
            _, first = np.unique(self._labels[rows], return_index=True)
            yield rows[np.sort(first)][: self.batch_size].astype(np.int64)


def _neighbours(embeddings: FloatArray, labels: IntArray, count: int) -> IntArray:
    """`(n, count) int64`: the nearest rows of other classes."""
    near = np.empty((len(embeddings), count), np.int64)
    for start in range(0, len(embeddings), _BLOCK):
        block = slice(start, start + _BLOCK)
        similarities = embeddings[block] @ embeddings.T
        similarities[labels[block][:, None] == labels[None]] = -np.inf
        near[block] = np.argpartition(-similarities, count - 1, axis=1)[:, :count]
    return near


class GroupedSampler:
    """Batches of whole groups: some classes of a group, and some rows of each class.

    Args:
        labels: `(n,) int64`, the class of each row.
        groups: `(n,) int64`, the group of each row; all rows of a class share one.
        batch_size: rows a batch, at most.
        per_class: rows of each class in a batch, different ones.
        classes_per_group: at most so many classes of one group at a time.
        columns: `(n,) int64`, what else tells the rows of a class apart, such as who made them.
            Then a group's classes all come from the same `per_class` columns, so that the maker's
            hand never says which class it is. Every class needs one row in every column.

    Raises:
        TrainingError: a class has fewer than `per_class` rows, or `columns` don't fill a table.
    """

    def __init__(
        self,
        labels: IntArray,
        groups: IntArray,
        *,
        batch_size: int,
        per_class: int = 2,
        classes_per_group: int = 20,
        columns: IntArray | None = None,
    ) -> None:
        self.batch_size = batch_size
        self.per_class = per_class
        self.classes_per_group = classes_per_group
        self._same_columns = columns is not None
        order = np.lexsort((np.zeros_like(labels) if columns is None else columns, labels))
        classes, starts = np.unique(labels[order], return_index=True)
        self._rows = np.split(order, starts[1:])
        smallest = min(range(len(classes)), key=lambda number: len(self._rows[number]))
        if len(self._rows[smallest]) < per_class:
            raise TrainingError(
                f"expected at least {per_class} pictures of each class, but class "
                f"{classes[smallest]} has {len(self._rows[smallest])}; add some or leave it out"
            )
        if columns is not None:
            _require_table(columns, self._rows)
        group_of = groups[order][starts]
        self._members = [np.flatnonzero(group_of == group) for group in np.unique(group_of)]
        sizes = np.array([len(members) for members in self._members], np.float64)
        self._odds = sizes / sizes.sum()

    def batches(self, steps: int, seed: int) -> Iterator[IntArray]:
        """Yield `steps` batches of row numbers; the rows of a class stand together."""
        random = np.random.default_rng(seed)
        for _ in range(steps):
            yield self._batch(random)

    def _batch(self, random: np.random.Generator) -> IntArray:
        room = self.batch_size // self.per_class
        rows: list[IntArray] = []
        for group in random.choice(
            len(self._members), len(self._members), replace=False, p=self._odds
        ):
            count = min(self.classes_per_group, room - len(rows))
            chosen = random.permutation(self._members[group])[:count]
            shared = random.permutation(len(self._rows[chosen[0]]))[: self.per_class]
            for member in chosen:
                own = self._rows[member]
                places = shared if self._same_columns else random.permutation(len(own))
                rows.append(own[places[: self.per_class]])
            if len(rows) >= room:
                break
        return np.concatenate(rows).astype(np.int64)


def _require_table(columns: IntArray, rows: list[IntArray]) -> None:
    expected = np.unique(columns)
    for members in rows:
        if not np.array_equal(columns[members], expected):
            raise TrainingError(
                f"expected every class to have one picture in each of {len(expected)} columns, "
                f"but one has {len(members)} pictures that don't match; sample without columns"
            )
