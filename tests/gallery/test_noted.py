"""Ids that are noted in a bit each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.gallery.parts.noted import PAGE, NotedIds

IDS = st.sets(st.integers(1, 3 * PAGE) | st.integers(1, 1 << 62))


@given(noted=IDS, others=IDS)
def test_what_was_noted_is_in_and_nothing_else(noted: set[int], others: set[int]) -> None:
    ids = NotedIds()
    ids.update(sorted(noted)[::2])
    ids.update(noted)
    asked = noted | others
    asked |= {each + near for each in noted for near in (-1, 1, PAGE)}
    assert {each for each in asked if each in ids} == noted
