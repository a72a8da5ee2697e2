"""The enrolled pictures' local features, and the index that nominates by them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from ...forking import in_forked_child
from ...indexes.votes import Votes
from ...local import CodedFeatures, LocalQuery, default_extractor
from ...types import IntArray, StoredLocalFeatures
from ...versioned import Overlaid

VOTERS = 800
"""So many of a query's points vote, the most telling."""


class LocalTable:
    """An immutable version of the table from example id to stored local features.

    What a reader of another extractor's features could do with them is nothing, so those are left
    out. The index over all descriptors is made when somebody first asks for votes; until then only
    the stored bytes are held.
    """

    def __init__(
        self,
        stored: Overlaid[bytes],
        votes: Votes | None = None,
        whole: LocalTable | None = None,
    ) -> None:
        self._stored = stored
        self._votes = votes
        self._whole = whole
        self._making = threading.Lock()
        in_forked_child(self._renew)

    def _renew(self) -> None:
        """Whatever another thread was making, it isn't made by this process."""
        self._making = threading.Lock()

    @classmethod
    def of(cls, features: Mapping[int, StoredLocalFeatures]) -> LocalTable:
        """Those that can be compared, by example id."""
        return cls(Overlaid(_comparable(features)))

    def __len__(self) -> int:
        """How many examples have local features."""
        return len(self._stored)

    def features(self, example_id: int) -> CodedFeatures | None:
        """One example's."""
        stored = self._stored.get(example_id)
        return None if stored is None else CodedFeatures.from_bytes(stored)

    def nominated(self, query: LocalQuery, k: int, voters: int = VOTERS) -> IntArray:
        """`(n,) int64`, `n <= k`: the examples that a query's points speak for most.

        Args:
            voters: how many of the points vote, the most telling.
        """
        descriptors = query.features.descriptors[:voters]
        if self._whole is None:
            return self.votes().vote(descriptors, k)[0]
        ids, _ = self._whole.votes().vote(descriptors, len(self._whole))
        return ids[[i in self._stored for i in ids.tolist()]][:k]

    def within(self, example_ids: IntArray) -> LocalTable:
        """The table of those examples alone, which finds them through the whole one's index."""
        kept = {i: self._stored[i] for i in example_ids.tolist() if i in self._stored}
        return LocalTable(Overlaid(kept), whole=self._whole or self)

    def votes(self) -> Votes:
        """The index over all descriptors."""
        with self._making:
            if self._votes is None:
                self._votes = Votes().added(_decoded(self._stored))
            return self._votes

    def updated(
        self, features: Mapping[int, StoredLocalFeatures], gone: Iterable[int]
    ) -> LocalTable:
        """The version with those examples' features, and without what is gone."""
        entries, votes = _comparable(features), self._votes
        dropped = {*gone, *features}
        if votes is not None:
            votes = votes.removed(i for i in dropped if i in votes)
            votes = votes.added(_decoded(entries))
        return LocalTable(self._stored.updated(entries, gone=dropped - entries.keys()), votes)


def _comparable(features: Mapping[int, StoredLocalFeatures]) -> dict[int, bytes]:
    name = default_extractor().name
    return {i: each.data for i, each in features.items() if each.extractor == name}


def _decoded(stored: Mapping[int, bytes]) -> dict[int, CodedFeatures]:
    return {i: CodedFeatures.from_bytes(stored[i]) for i in sorted(stored)}
