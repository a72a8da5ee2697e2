"""Which enrolled pictures a query's descriptors speak for, by an inverted file over all of theirs.

What it holds. The descriptors of enrolled pictures, each under its example's id: a code of 32 bytes
filed under one of 65,536 words (`engine.local.coding`). It is a cache: the database is the truth.

Voting. Each descriptor of a query finds its `NEIGHBOURS` nearest held ones, by the distance to what
their codes stand for. It speaks for an example by how much nearer its nearest is there than the
background, which is the last of those neighbours (local naive Bayes nearest neighbour, McCann and
Lowe 2012): a mark that many pictures share is near in all of them and says nothing, and a pattern
that repeats within one picture speaks once. An example's votes are the sum.

Threads and writes. An index never changes: adding and removing give another one, which shares what
it can, so a search takes no lock and sees one state. What is added goes into segments of its own,
which are merged as they grow; removed examples are passed over until a merge leaves them out.

Raises. `ValueError` for an id that is added twice and for one that is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..local.coding import CodedFeatures
from ..types import ByteArray, FloatArray, IntArray
from .base import already_there, no_such_id
from .postings import Postings

if TYPE_CHECKING:
    from .posting_lists import PostingLists  # imports FAISS

NEIGHBOURS = 12
BACKGROUND = 0.6
"""The squared distance of the background where fewer neighbours are found."""

GROWTH = 8
"""A segment is merged into the one before it unless that is `GROWTH` times as large."""


class Votes:
    """An immutable inverted file over descriptors. The module tells the contract.

    Args:
        segments: each a share of what is held, the largest first.
        examples: the ids held.
        removed: ids that are passed over, though a segment has them still.
    """

    def __init__(
        self,
        segments: tuple[PostingLists, ...] = (),
        examples: frozenset[int] = frozenset(),
        removed: frozenset[int] = frozenset(),
    ) -> None:
        self._segments = segments
        self._examples = examples
        self._removed = removed
        self._passed_over = np.array(sorted(removed), np.int64)

    def __len__(self) -> int:
        """How many examples are held."""
        return len(self._examples)

    def __contains__(self, example_id: int) -> bool:
        return example_id in self._examples

    @property
    def descriptors(self) -> int:
        """How many descriptors are searched, those of removed examples included."""
        return sum(len(segment) for segment in self._segments)

    def added(self, features: Mapping[int, CodedFeatures]) -> Votes:
        """An index that holds those examples too, by their ids."""
        for example_id in features:
            if example_id in self._examples:
                raise already_there(example_id)
        if again := self._removed.intersection(features):  # their old descriptors must go first
            return self._without(again).added(features)
        held = self._examples.union(features)
        new = Postings.of(features)
        if not len(new):
            return Votes(self._segments, held, self._removed)
        segments, left = list(self._segments), self._removed
        while segments and len(segments[-1]) < GROWTH * len(new):
            new = segments.pop().postings(left).and_others(new)
        segments.append(_filed(new))
        return Votes(tuple(segments), held, left if len(segments) > 1 else frozenset())

    def removed(self, example_ids: Iterable[int]) -> Votes:
        """An index that no longer holds those examples."""
        gone = frozenset(example_ids)
        for example_id in gone - self._examples:
            raise no_such_id(example_id)
        left = Votes(self._segments, self._examples - gone, self._removed | gone)
        if 2 * len(left._removed) > len(self._examples) + len(self._removed):
            return left._without(left._removed)
        return left

    def vote(self, descriptors: ByteArray, k: int) -> tuple[IntArray, FloatArray]:
        """The examples that a query's descriptors speak for most.

        Args:
            descriptors: `(m, 128) uint8`, as `LocalFeatures` has them.

        Returns:
            ids `(n,) int64` and votes `(n,) float32`, `n <= k`, most votes first; equal votes by
            ascending id.
        """
        if not self._segments or not len(descriptors):
            return np.empty(0, np.int64), np.empty(0, np.float32)
        distances, ids = self._nearest(descriptors)
        there = ids >= 0
        background = np.where(there[:, -1:], distances[:, -1:], BACKGROUND)
        gains = background - np.where(there, distances, BACKGROUND)
        rows = np.broadcast_to(np.arange(len(ids))[:, None], ids.shape)
        spoken = there & (gains > 0)
        pairs = np.stack([rows[spoken], ids[spoken]], axis=1)
        _, first = np.unique(pairs, axis=0, return_index=True)  # the nearest of each example
        examples, place = np.unique(pairs[first, 1], return_inverse=True)
        votes = np.bincount(place, gains[spoken][first], len(examples)).astype(np.float32)
        order = np.argsort(-votes, kind="stable")[:k]
        return examples[order], votes[order]

    def describe(self) -> dict[str, Any]:
        """What it is, for people."""
        return {
            "examples": len(self),
            "descriptors": self.descriptors,
            "segments": [len(segment) for segment in self._segments],
            "removed": len(self._removed),
        }

    def _nearest(self, descriptors: ByteArray) -> tuple[FloatArray, IntArray]:
        """Squared distances of unit vectors and example ids, `(m, NEIGHBOURS)`, nearest first."""
        spare = min(NEIGHBOURS, self._passed_over.size)
        rows = descriptors.astype(np.float32)
        found = [segment.search(rows, NEIGHBOURS + spare) for segment in self._segments]
        distances = np.concatenate([each[0] for each in found], axis=1)
        ids = np.concatenate([each[1] for each in found], axis=1)
        gone = (ids < 0) | np.isin(ids, self._passed_over)
        distances[gone], ids[gone] = np.inf, -1
        order = np.argsort(distances, axis=1, kind="stable")[:, :NEIGHBOURS]
        return (
            np.take_along_axis(distances, order, axis=1),
            np.take_along_axis(ids, order, axis=1),
        )

    def _without(self, gone: frozenset[int]) -> Votes:
        """The same, with no trace of removed examples in any segment."""
        kept = (segment.postings(gone) for segment in self._segments)
        segments = tuple(_filed(each) for each in kept if len(each))
        return Votes(segments, self._examples, self._removed - gone)


def _filed(postings: Postings) -> PostingLists:
    from .posting_lists import PostingLists

    return PostingLists.of(postings)
