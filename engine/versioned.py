"""Tables whose next version shares all but the change with the one before.

A gallery may hold a million classes, and every change of it makes a new version of what decisions
read, while others go on reading the version before. So nothing is copied that stays: new ids, which
ascend, are appended behind what a version sees; what changes or goes is noted beside the table,
and folded in when so much has gathered that looking there would cost more than folding. Of what is
no number, the neighbours of what changes are copied.

Thread safety: a version never changes, so any number of threads read it. The next version of a
table is made by one thread at a time.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from .packed import Items, PackedTexts
from .types import BoolArray, IntArray

V = TypeVar("V")
_SMALLEST = 256
_GROWTH = 1.5
_SEGMENT = 1024


@dataclass(slots=True, eq=False)
class _Run:
    """Ascending ids and their values, with room behind them.

    Rows below `filled` never change; a version that sees all of them may fill more.
    """

    ids: IntArray
    values: npt.NDArray[Any]
    filled: int


class IdTable:
    """Numbers by id, `(...)` of them for each: an immutable version. The module tells the rest."""

    __slots__ = ("_late_ids", "_late_there", "_late_values", "_run", "_size", "_used")

    def __init__(self, ids: IntArray, values: npt.NDArray[Any]) -> None:
        """`ids (n,) int64`, distinct, in any order; `values (n, ...)`, a row for each."""
        if ids.size > 1 and not (ids[1:] > ids[:-1]).all():
            order = np.argsort(ids, kind="stable")
            ids, values = ids[order], values[order]
        self._start(_Run(ids, values, ids.size), ids.size)

    def __len__(self) -> int:
        return self._size

    def get(self, ids: IntArray, missing: float) -> npt.NDArray[Any]:
        """The values of `ids`, any shape: `(*ids.shape, ...)`; `missing` where there is none."""
        asked = ids.ravel()
        run = self._run
        places, hits = _look_up(run.ids[: self._used], asked)
        if np.count_nonzero(hits) == hits.size:
            found = run.values[places]
        else:
            found = np.full((asked.size, *run.values.shape[1:]), missing, run.values.dtype)
            found[hits] = run.values[places[hits]]
        if self._late_ids.size:
            places, hits = _look_up(self._late_ids, asked)
            there = self._late_there[places[hits]]
            late = self._late_values[places[hits]]
            late[~there] = missing
            found[hits] = late
        return found.reshape(*ids.shape, *run.values.shape[1:])

    def contains(self, ids: IntArray) -> BoolArray:
        """Which of `ids (n,)` have values: `(n,) bool`."""
        _, there = _look_up(self._run.ids[: self._used], ids)
        if self._late_ids.size:
            places, hits = _look_up(self._late_ids, ids)
            there[hits] = self._late_there[places[hits]]
        return there

    def ids(self) -> IntArray:
        """Every id that has values, ascending."""
        return self._items()[0]

    def ids_of(self, values: IntArray) -> IntArray:
        """The ids whose value, a whole number, is one of those; ascending."""
        found = self._run.ids[: self._used][np.isin(self._run.values[: self._used], values)]
        if not self._late_ids.size:
            return found
        late = self._late_ids[self._late_there & np.isin(self._late_values, values)]
        _, changed = _look_up(self._late_ids, found)
        return np.sort(np.concatenate([found[~changed], late]))

    def updated(self, ids: IntArray, values: npt.NDArray[Any]) -> IdTable:
        """The version in which `ids (n,)`, distinct, have those `values (n, ...)`."""
        if not ids.size:
            return self
        last = self._run.ids[self._used - 1] if self._used else -1
        fresh = ids > last
        made = self._with_late(ids[~fresh], values[~fresh], there=True)
        return made._appended(ids[fresh], values[fresh])

    def without(self, ids: IntArray) -> IdTable:
        """The version in which `ids (n,)` have no values; those that had none don't matter."""
        gone = np.unique(ids[self.contains(ids)])
        return self._with_late(
            gone, np.zeros((gone.size, *self._run.values.shape[1:])), there=False
        )

    def _start(self, run: _Run, used: int) -> None:
        self._run, self._used, self._size = run, used, used
        self._late_ids: IntArray = run.ids[:0]
        self._late_values: npt.NDArray[Any] = run.values[:0]
        self._late_there: BoolArray = np.empty(0, np.bool_)

    def _copy(self) -> IdTable:
        made = object.__new__(IdTable)
        for name in IdTable.__slots__:
            setattr(made, name, getattr(self, name))
        return made

    def _appended(self, ids: IntArray, values: npt.NDArray[Any]) -> IdTable:
        """The version with ids that are greater than any that this one has seen."""
        if not ids.size:
            return self
        order = np.argsort(ids, kind="stable")
        run, used = self._run, self._used + ids.size
        if run.filled != self._used or used > run.ids.size:
            capacity = max(_SMALLEST, math.ceil(_GROWTH * used))
            room = np.empty(capacity, np.int64)
            room_of_values = np.empty((capacity, *run.values.shape[1:]), run.values.dtype)
            room[: self._used] = run.ids[: self._used]
            room_of_values[: self._used] = run.values[: self._used]
            run = _Run(room, room_of_values, self._used)
        run.ids[self._used : used] = ids[order]
        run.values[self._used : used] = values[order]
        run.filled = used
        made = self._copy()
        made._run, made._used, made._size = run, used, self._size + ids.size
        return made

    def _with_late(self, ids: IntArray, values: npt.NDArray[Any], *, there: bool) -> IdTable:
        """The version in which ids that this one has seen have other values, or none."""
        if not ids.size:
            return self
        held = int(self.contains(ids).sum())
        _, replaced = _look_up(np.sort(ids), self._late_ids)
        late = np.concatenate([self._late_ids[~replaced], ids])
        order = np.argsort(late, kind="stable")
        made = self._copy()
        made._late_ids = late[order]
        made._late_values = np.concatenate(
            [self._late_values[~replaced], values.astype(self._run.values.dtype)]
        )[order]
        made._late_there = np.concatenate(
            [self._late_there[~replaced], np.full(ids.size, there, np.bool_)]
        )[order]
        made._size = self._size + (ids.size - held if there else -held)
        return made._folded() if late.size > _worth_noting(self._used) else made

    def _folded(self) -> IdTable:
        return IdTable(*self._items())

    def _items(self) -> tuple[IntArray, npt.NDArray[Any]]:
        ids, values = self._run.ids[: self._used], self._run.values[: self._used]
        if not self._late_ids.size:
            return ids, values
        _, changed = _look_up(self._late_ids, ids)
        there = self._late_there
        ids = np.concatenate([ids[~changed], self._late_ids[there]])
        values = np.concatenate([values[~changed], self._late_values[there]])
        order = np.argsort(ids, kind="stable")
        return ids[order], values[order]


class Overlaid(Mapping[int, V]):
    """A dictionary by id as an immutable version: what it was made of, overlaid with changes.

    The changes are whole segments of neighbouring ids, of which the next version copies those that
    change again, and no more, however many there are.
    """

    __slots__ = ("_base", "_keep", "_segments", "_size")

    def __init__(self, entries: Mapping[int, V]) -> None:
        self._base: dict[int, V] = dict(entries)
        self._segments: dict[int, Mapping[int, V]] = {}
        self._keep: Callable[[dict[int, V]], Mapping[int, V]] = dict
        self._size = len(self._base)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, key: int) -> V:
        return self._segments.get(key // _SEGMENT, self._base)[key]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, int) and key in self._segments.get(key // _SEGMENT, self._base)

    def get(self, key: int, default: Any = None) -> Any:
        return self._segments.get(key // _SEGMENT, self._base).get(key, default)

    def __iter__(self) -> Iterator[int]:
        segments = self._segments
        yield from (key for key in self._base if key // _SEGMENT not in segments)
        for segment in segments.values():
            yield from segment

    def items(self) -> ItemsView[int, V]:
        return Items(self, self._pairs)

    def _pairs(self) -> Iterator[tuple[int, V]]:
        segments = self._segments
        yield from (pair for pair in self._base.items() if pair[0] // _SEGMENT not in segments)
        for segment in segments.values():
            yield from segment.items()

    def updated(self, entries: Mapping[int, V], gone: Iterable[int] = ()) -> Overlaid[V]:
        """The version with those entries, and without what is gone; what wasn't there may be."""
        fresh: dict[int, dict[int, V]] = {}
        for key, value in entries.items():
            if key not in self or self[key] != value:
                self._segment(fresh, key)[key] = value
        for key in gone:
            if key in fresh.get(key // _SEGMENT, self):
                self._segment(fresh, key).pop(key, None)
        if not fresh:
            return self
        kept = {number: self._keep(segment) for number, segment in fresh.items()}
        made: Overlaid[V] = Overlaid({})
        made._base, made._keep = self._base, self._keep
        made._segments = {**self._segments, **kept}
        made._size = self._size + sum(
            len(segment) - len(self._entries(number)) for number, segment in fresh.items()
        )
        return made

    def _segment(self, fresh: dict[int, dict[int, V]], key: int) -> dict[int, V]:
        """The copy of an id's segment that is being changed."""
        number = key // _SEGMENT
        if number not in fresh:
            fresh[number] = dict(self._entries(number).items())
        return fresh[number]

    def _entries(self, number: int) -> Mapping[int, V]:
        """What a segment holds."""
        segment = self._segments.get(number)
        if segment is None and self._base:
            base, first = self._base, number * _SEGMENT
            segment = {key: base[key] for key in range(first, first + _SEGMENT) if key in base}
        return segment or {}


def texts_by_id(texts: Mapping[int, str]) -> Overlaid[str]:
    """A version of a dictionary of texts, which are held packed: see `engine.packed`."""
    ids = np.fromiter(texts, np.int64, len(texts))
    lengths = np.fromiter(map(len, texts.values()), np.int64, len(texts))
    return texts_of_columns(ids, lengths, "".join(texts.values()))


def texts_of_columns(ids: IntArray, lengths: IntArray, text: str) -> Overlaid[str]:
    """The same of columns, which may come in any order but are fastest by id.

    Args:
        ids: `(n,) int64`, distinct.
        lengths: `(n,) int64`, of the texts, in characters.
        text: they themselves, one behind the other.
    """
    ends = np.concatenate([[0], np.cumsum(lengths)])
    if (ids[1:] < ids[:-1]).any():
        order = np.argsort(ids)
        text = "".join(text[ends[place] : ends[place + 1]] for place in order.tolist())
        return texts_of_columns(ids[order], lengths[order], text)
    numbers = ids // _SEGMENT
    heads = np.flatnonzero(np.diff(numbers, prepend=-1))
    made: Overlaid[str] = Overlaid({})
    made._keep, made._size = PackedTexts, ids.size
    for head, end in itertools.pairwise([*heads.tolist(), ids.size]):
        letters = text[ends[head] : ends[end]]
        made._segments[int(numbers[head])] = PackedTexts.of(
            ids[head:end], lengths[head:end], letters
        )
    return made


def _look_up(ascending: IntArray, ids: IntArray) -> tuple[IntArray, BoolArray]:
    """Where `ids (n,)` stand among ascending ones, and which of them do; `(n,)` each.

    A place says nothing of an id that doesn't stand there.
    """
    if not ascending.size:
        return np.zeros(ids.size, np.int64), np.zeros(ids.size, np.bool_)
    first, count = ascending[0], ascending.size
    if ascending[-1] - first == count - 1:  # one after the other, as ids mostly are
        places = ids - first
        hits = places.view(np.uint64) < count  # negative ones are the greatest of all
        return places, hits
    places = np.searchsorted(ascending, ids)
    places[places == count] = 0
    return places, ascending[places] == ids


def _worth_noting(size: int) -> int:
    """So many changes are noted beside a table of that size before they are folded in.

    Noting one costs as much as there are, folding as much as the table is large: about the square
    root of its size makes both alike.
    """
    return max(_SMALLEST, math.isqrt(2 * size))
