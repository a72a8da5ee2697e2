"""The catalog as people look through it: searched forgivingly, filtered and put in order.

Everything is answered from a snapshot's labels and attributes; what is made of them to be quick is
kept until the gallery changes.
"""

from __future__ import annotations

import json
import threading
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np

from ..errors import ClassNotFoundError
from ..filtering import Filter, written
from ..gallery import Snapshot
from .alike import Vocabulary, folded

MOST_ALIKE = 60
"""At most so many labels are shown that are only like what was searched for."""
MOST_VALUES = 200
"""At most so many values of an attribute are offered, the commonest first."""
_ORDERS_KEPT = 16


class Order(StrEnum):
    """How classes are put in order; in all of them labels come by letter where they are equal."""

    LABEL = "label"
    NEWEST = "newest"
    FEWEST = "fewest"
    MOST = "most"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which classes, and in which order.

    Attributes:
        search: what their labels contain, whatever the case of their letters and their accents.
        where: which attributes they have.
        order: by what, `attribute` aside.
        attribute: by this attribute's value, numbers before words; those without it come last.
    """

    search: str = ""
    where: Filter | None = None
    order: Order = Order.LABEL
    attribute: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """The ids of classes, in order; `alike`: no label contains what was searched for, and these
    are those most like it.
    """

    class_ids: tuple[int, ...]
    alike: bool = False


class ClassListings:
    """The listings of one gallery's latest snapshot; used by any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: _Labels | None = None

    def page(
        self, snapshot: Snapshot, wanted: Wanted, *, after: str | None, limit: int
    ) -> tuple[Listed, bool]:
        """At most `limit` classes behind the one labelled `after`, and whether more follow.

        Raises:
            ClassNotFoundError: there is no class `after` in that listing any more; by label it
                goes on where it was.
            FilterError: no class has an attribute that the filter names.
        """
        labels = self._labels(snapshot)
        found = labels.listed(wanted)
        start = 0 if after is None else labels.place(found, wanted, after)
        ids = found.class_ids[start : start + limit]
        return Listed(ids, found.alike), start + limit < len(found.class_ids)

    def attributes(self, snapshot: Snapshot) -> dict[str, list[tuple[str, int]]]:
        """The values that each attribute has, and of how many classes, the commonest first."""
        return self._labels(snapshot).attributes

    def _labels(self, snapshot: Snapshot) -> _Labels:
        with self._lock:
            if self._of is None or self._of.snapshot.commit != snapshot.commit:
                self._of = _Labels(snapshot)
            return self._of


class _Labels:
    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        pairs = sorted(snapshot.labels.items(), key=lambda pair: _letters(pair[1]))
        self._ids = [class_id for class_id, _ in pairs]
        self._folded = [folded(label) for _, label in pairs]
        self._orders: dict[Wanted, Listed] = {}

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(self._folded)

    @cached_property
    def attributes(self) -> dict[str, list[tuple[str, int]]]:
        counts: dict[str, Counter[str]] = {}
        table = self.snapshot.attributes
        for class_id in self._ids:
            for name, value in table.of(class_id).items():
                counts.setdefault(name, Counter()).update(written(value))
        return {name: counts[name].most_common(MOST_VALUES) for name in sorted(counts)}

    def listed(self, wanted: Wanted) -> Listed:
        found = self._orders.get(wanted)
        if found is None:
            while len(self._orders) >= _ORDERS_KEPT:
                self._orders.pop(next(iter(self._orders)), None)
            found = self._orders[wanted] = self._list(wanted)
        return found

    def place(self, found: Listed, wanted: Wanted, after: str) -> int:
        """Where the listing goes on behind a label."""
        labels = self.snapshot.labels
        if wanted.order is Order.LABEL and wanted.attribute is None and not found.alike:
            return bisect(found.class_ids, _letters(after), key=lambda i: _letters(labels[i]))
        for place, class_id in enumerate(found.class_ids):
            if labels[class_id] == after:
                return place + 1
        raise ClassNotFoundError(f"there is no class {after!r} in this list any more; begin anew")

    def _list(self, wanted: Wanted) -> Listed:
        kept: Callable[[int], bool] = self._filtered(wanted.where)
        search = folded(wanted.search).strip()
        rows = [row for row, label in enumerate(self._folded) if search in label]
        rows = [row for row in rows if kept(self._ids[row])]
        if rows or not search:
            return Listed(tuple(self._ordered([self._ids[row] for row in rows], wanted)))
        alike = (self._ids[row] for row in self.vocabulary.alike(search))
        return Listed(tuple(i for i in alike if kept(i))[:MOST_ALIKE], alike=True)

    def _filtered(self, where: Filter | None) -> Callable[[int], bool]:
        if where is None:
            return lambda _class_id: True
        self.snapshot.attributes.require(where)
        return set(self.snapshot.attributes.matching(where).tolist()).__contains__

    def _ordered(self, class_ids: list[int], wanted: Wanted) -> Sequence[int]:
        if wanted.attribute is not None:
            return sorted(class_ids, key=lambda class_id: self._value(class_id, wanted.attribute))
        if wanted.order is Order.NEWEST:
            return sorted(class_ids, reverse=True)
        if wanted.order in (Order.FEWEST, Order.MOST):
            sign = 1 if wanted.order is Order.FEWEST else -1
            counts = examples_of_each(self.snapshot, class_ids)
            return sorted(class_ids, key=lambda class_id: sign * counts.get(class_id, 0))
        return class_ids

    def _value(self, class_id: int, name: str | None) -> tuple[int, float, str]:
        value = self.snapshot.attributes.of(class_id).get(name or "")
        text = value if isinstance(value, str) else json.dumps(value)
        if value is None:
            return 2, 0.0, ""
        try:
            return 0, float(text), ""
        except ValueError:
            return 1, 0.0, folded(text)


def _letters(label: str) -> tuple[str, str]:
    """By what labels are put in order."""
    return label.casefold(), label


def examples_of_each(snapshot: Snapshot, class_ids: Sequence[int]) -> dict[int, int]:
    """How many examples each of some classes has, by class id; those without any aside."""
    if not class_ids:
        return {}
    wanted = np.unique(np.array(class_ids, np.int64))
    owners = [kind.examples.examples_of(wanted)[1] for kind in snapshot.kinds]
    ids, counts = np.unique(np.concatenate(owners), return_counts=True)
    return dict(zip(ids.tolist(), counts.tolist(), strict=True))
