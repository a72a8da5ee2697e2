"""Ids that are noted one after the other, millions of them perhaps, in a bit each."""

from __future__ import annotations

from collections.abc import Iterable

PAGE = 1 << 16


class NotedIds:
    """A set of ids that only grows; a set of Python's takes seventy bytes for each."""

    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}

    def update(self, ids: Iterable[int]) -> None:
        """Note those as well."""
        for each in ids:
            page, place = divmod(each, PAGE)
            if page not in self._pages:
                self._pages[page] = bytearray(PAGE // 8)
            self._pages[page][place >> 3] |= 1 << (place & 7)

    def __contains__(self, each: object) -> bool:
        if not isinstance(each, int):
            return False
        page, place = divmod(each, PAGE)
        bits = self._pages.get(page)
        return bits is not None and bool(bits[place >> 3] >> (place & 7) & 1)
