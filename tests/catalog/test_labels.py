"""What a label may be."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalog import normalised_label
from engine.errors import LabelError


@pytest.mark.parametrize(
    ("given_label", "expected"),
    [
        ("polar bear", "polar bear"),
        ("  trimmed\t\n", "trimmed"),
        ("cafe\u0301", "caf\u00e9"),
        ("\u3000狐\u00a0", "狐"),
        ("two  spaces\u00a0inside", "two  spaces\u00a0inside"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("\u05d7\u05ea\u05d5\u05dc", "\u05d7\u05ea\u05d5\u05dc"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
        ("x" * 500, "x" * 500),
        ("  " + "x" * 500 + "  ", "x" * 500),
    ],
)
def test_a_label_is_composed_and_trimmed(given_label: str, expected: str) -> None:
    assert normalised_label(given_label) == expected


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("", "must not be empty"),
        (" \n\t ", "must not be empty"),
        ("a\x00b", r"U\+0000 at position 1"),
        ("a\nb", r"U\+000A at position 1"),
        ("\u200b\u2060", "must show something"),
        ("\u3164", "must show something"),
        ("\u2800\ufe0f", "must show something"),
        ("safe\u202egnp.exe", r"U\+202E at position 4"),
        ("\u2066cup\u2069", r"U\+2066 at position 0"),
        ("ab\x7fc", r"U\+007F at position 2"),
        ("a\x85b", r"U\+0085 at position 1"),
        ("a\u2028b", r"U\+2028 at position 1"),
        ("a\u2029b", r"U\+2029 at position 1"),
        ("a\udcffb", r"U\+DCFF at position 1"),
        ("x" * 501, "has 501"),
    ],
)
def test_a_label_that_is_not_one_line_of_text_is_refused(label: str, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        normalised_label(label)


def test_a_label_that_is_no_text_is_refused() -> None:
    with pytest.raises(LabelError, match="must be text, but got int: 7"):
        normalised_label(7)  # type: ignore[arg-type]


@given(st.text(alphabet=st.characters(), max_size=600))
def test_every_label_that_is_taken_is_normal_storable_and_stays_as_it_is(text: str) -> None:
    try:
        label = normalised_label(text)
    except LabelError:
        return
    assert normalised_label(label) == label
    assert 1 <= len(label) <= 500
    assert label == label.strip() == unicodedata.normalize("NFC", label)
    assert label.encode("utf-8")
    assert len(label.splitlines()) == 1
