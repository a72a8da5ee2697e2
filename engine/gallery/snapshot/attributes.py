"""The classes' attributes: what comes back with a candidate, and what a filter asks for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ...errors import FilterError
from ...filtering import Filter, written
from ...types import IntArray
from ...versioned import Overlaid

Texts = Overlaid[str]
_FEW = 64


class AttributeTable:
    """An immutable version of the table from class id to attributes, kept as JSON text.

    Which classes have which value is found out when first asked for; what has changed since then,
    a few classes at most, is looked through.
    """

    __slots__ = ("_late", "_lookup", "_texts")

    def __init__(self, texts: Mapping[int, str]) -> None:
        """The attributes of the classes that have any, as JSON objects."""
        self._start(Overlaid(texts))

    def __len__(self) -> int:
        """How many classes have attributes."""
        return len(self._texts)

    def of(self, class_id: int) -> dict[str, Any]:
        """A class's attributes."""
        text = self._texts.get(class_id)
        found: dict[str, Any] = {} if text is None else json.loads(text)
        return found

    def names(self) -> list[str]:
        """The attributes that classes have, ascending."""
        late = (name for class_id in self._late for name in self.of(class_id))
        return sorted({*self._lookup.names(), *late})

    def require(self, wanted: Filter) -> None:
        """Refuse a filter on an attribute that no class has.

        Raises:
            FilterError: naming those that there are.
        """
        names = self.names()
        for name, _ in wanted.conditions:
            if name not in names:
                there = ", ".join(map(repr, names[:20])) or "none at all"
                more = " and more" if len(names) > 20 else ""
                raise FilterError(
                    f"no class has an attribute {name!r:.80}; there are: {there}{more}"
                )

    def matching(self, wanted: Filter) -> IntArray:
        """The ids of the classes that a filter keeps, ascending, `(n,) int64`."""
        found = self._lookup.matching(wanted)
        if not self._late:
            return found
        late = np.array(sorted(self._late), np.int64)
        kept = [class_id for class_id in late.tolist() if wanted.keeps(self.of(class_id))]
        return np.union1d(np.setdiff1d(found, late), np.array(kept, np.int64))

    def updated(self, texts: Mapping[int, str], gone: Iterable[int]) -> AttributeTable:
        """The version with some classes' attributes, and without those of what is gone."""
        gone = set(gone)
        changed = {i for i in (*texts, *gone) if texts.get(i) != self._texts.get(i)}
        if not changed:
            return self
        made = object.__new__(AttributeTable)
        made._texts, made._lookup = self._texts.updated(texts, gone=gone), self._lookup
        made._late = self._late | changed
        if len(made._late) > max(_FEW, len(made._texts) // 100):
            made._start(made._texts)
        return made

    def _start(self, texts: Texts) -> None:
        self._texts, self._lookup = texts, _Lookup(texts)
        self._late: frozenset[int] = frozenset()


class _Lookup:
    """Which classes have which values; made when first asked for, the same by every thread."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._found: dict[str, dict[str, IntArray]] | None = None

    def names(self) -> Iterable[str]:
        return self._values()

    def matching(self, wanted: Filter) -> IntArray:
        values, found = self._values(), None
        for name, accepted in wanted.conditions:
            by_value = values.get(name, {})
            ids = [by_value[value] for value in accepted & by_value.keys()]
            some = np.unique(np.concatenate([np.empty(0, np.int64), *ids]))
            found = some if found is None else np.intersect1d(found, some, assume_unique=True)
        assert found is not None
        return found

    def _values(self) -> dict[str, dict[str, IntArray]]:
        if self._found is None:
            gathered: dict[str, dict[str, list[int]]] = {}
            for class_id, text in self._texts.items():
                for name, value in json.loads(text).items():
                    by_value = gathered.setdefault(name, {})
                    for each in written(value):
                        by_value.setdefault(each, []).append(class_id)
            self._found = {
                name: {value: np.array(ids, np.int64) for value, ids in by_value.items()}
                for name, by_value in gathered.items()
            }
        return self._found
