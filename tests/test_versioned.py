"""Versions of a table against plain dictionaries: the newest one, and every earlier one."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.versioned import IdTable, Overlaid, texts_by_id, texts_of_columns

IDS = st.lists(st.integers(0, 40), max_size=12, unique=True)
STEPS = st.lists(st.tuples(st.booleans(), IDS), max_size=12)
TEXTS = st.dictionaries(st.integers(0, 20), st.text(max_size=3))


def content(table: IdTable) -> dict[int, int]:
    ids = table.ids()
    return dict(zip(ids.tolist(), table.get(ids, -1).tolist(), strict=True))


@pytest.fixture(autouse=True, params=[0, 256], ids=["folded at once", "noted beside"])
def _smallest(request: pytest.FixtureRequest) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.versioned._worth_noting", lambda _size: request.param)
        patch.setattr("engine.versioned._SEGMENT", request.param or 4)
        yield


@given(IDS, STEPS)
def test_a_table_of_numbers_and_its_earlier_versions(
    first: list[int], steps: list[tuple[bool, list[int]]]
) -> None:
    model = {i: 7 * i for i in first}
    versions = [(IdTable(np.array(first, np.int64), 7 * np.array(first, np.int64)), model)]
    for number, (adding, ids) in enumerate(steps):
        table, model = versions[-1]
        given_ids = np.array(ids, np.int64)
        if adding:
            values = np.arange(len(ids)) + 100 * number
            table = table.updated(given_ids, values)
            model = model | dict(zip(ids, values.tolist(), strict=True))
        else:
            table = table.without(given_ids)
            model = {i: value for i, value in model.items() if i not in ids}
        versions.append((table, model))
    asked = np.arange(-2, 45)
    for table, model in versions:
        assert content(table) == model
        assert len(table) == len(model)
        assert table.ids().tolist() == sorted(model)
        assert table.get(asked, -1).tolist() == [model.get(int(i), -1) for i in asked]
        assert table.contains(asked).tolist() == [int(i) in model for i in asked]
        wanted = np.array([7, 14, 101, 202, 303])
        expected = sorted(i for i, value in model.items() if value in wanted)
        assert table.ids_of(wanted).tolist() == expected


@pytest.mark.parametrize("made", [Overlaid, texts_by_id])
@given(first=TEXTS, steps=STEPS)
def test_a_dictionary_and_its_earlier_versions(
    made: Callable[[dict[int, str]], Overlaid[str]],
    first: dict[int, str],
    steps: list[tuple[bool, list[int]]],
) -> None:
    versions = [(made(first), first)]
    for number, (adding, keys) in enumerate(steps):
        table, model = versions[-1]
        if adding:
            entries = {key: f"{key} {number}" for key in keys}
            versions.append((table.updated(entries), model | entries))
        else:
            kept = {key: value for key, value in model.items() if key not in keys}
            versions.append((table.updated({}, gone=keys), kept))
    for table, model in versions:
        assert dict(table) == dict(table.items()) == model
        assert len(table) == len(model)
        assert [table.get(key) for key in range(-1, 42)] == [model.get(k) for k in range(-1, 42)]


def test_the_next_version_of_a_dictionary_copies_what_is_near_the_change_only() -> None:
    whole = Overlaid(dict.fromkeys(range(10_000), ""))
    first = whole.updated(dict.fromkeys(range(20_000, 25_000), ""), gone=[17])
    second = first.updated({24_999: "changed"})
    assert second._base is whole._base
    copied = [s for number, s in second._segments.items() if s is not first._segments[number]]
    assert [24_999 in segment for segment in copied] == [True]
    assert (len(second), second[24_999], first[24_999]) == (14_999, "changed", "")
    assert 17 in whole
    assert 17 not in second


@given(TEXTS, st.randoms())
def test_texts_come_as_columns_in_any_order(texts: dict[int, str], random: Random) -> None:
    shuffled = list(texts.items())
    random.shuffle(shuffled)
    ids = np.array([i for i, _ in shuffled], np.int64)
    lengths = np.array([len(text) for _, text in shuffled], np.int64)
    made = texts_of_columns(ids, lengths, "".join(text for _, text in shuffled))
    assert dict(made) == texts
    assert len(made) == len(texts)


def test_what_is_gone_and_was_never_there_is_not_noted() -> None:
    table = Overlaid({1: "one"}).updated({2: "two"})
    assert table.updated({}, gone=[3, 4]) is table
    assert dict(table.updated({3: "three"}, gone=[1, 2, 4])) == {3: "three"}


def test_two_versions_made_of_one_do_not_see_each_other() -> None:
    table = IdTable(np.arange(3), np.arange(3)).updated(np.array([3]), np.array([30]))
    first = table.updated(np.array([4]), np.array([41]))
    second = table.updated(np.array([4]), np.array([42]))
    assert [int(t.get(np.array([4]), -1)[0]) for t in (table, first, second)] == [-1, 41, 42]


def test_a_table_keeps_rows_of_several_numbers_and_answers_in_the_shape_asked() -> None:
    table = IdTable(np.array([5, 2]), np.array([[0.5, 5.0], [0.2, 2.0]]))
    found = table.updated(np.array([9]), np.array([[0.9, 9.0]])).get(
        np.array([[2, 9], [5, 7]]), np.nan
    )
    expected = [[[0.2, 2.0], [0.9, 9.0]], [[0.5, 5.0], [np.nan, np.nan]]]
    np.testing.assert_array_equal(found, expected)


def test_appending_copies_nothing_that_stays() -> None:
    table = IdTable(np.arange(10_000), np.arange(10_000)).updated(np.array([10_000]), np.array([1]))
    later = table
    for number in range(10_001, 10_100):
        later = later.updated(np.array([number]), np.array([number]))
    assert np.shares_memory(table.ids(), later.ids())
    assert len(later) == 10_100
    assert len(table) == 10_001
