"""Packed texts: a dictionary that takes little memory."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from engine.packed import PackedTexts
from engine.versioned import texts_by_id


@given(st.dictionaries(st.integers(0, 20), st.text(max_size=3)))
def test_packed_texts_are_a_dictionary_of_texts(texts: dict[int, str]) -> None:
    packed = PackedTexts(texts)
    assert dict(packed) == dict(packed.items()) == texts
    assert [packed.get(key) for key in range(-1, 22)] == [texts.get(k) for k in range(-1, 22)]
    assert "1" not in packed


def test_labels_take_little_more_memory_than_their_letters() -> None:
    labels = {i: f"class {i}" for i in range(1, 20_001)}
    tracemalloc.start()
    try:
        table = texts_by_id({})
        for first in range(1, 20_001, 400):
            table = table.updated({i: labels[i] for i in range(first, first + 400)})
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert dict(table) == labels
    assert held < 40 * len(labels)
