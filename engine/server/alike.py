"""Labels that are like what somebody typed: letters swapped, missing, doubled or wrong.

The distance is that of optimal string alignment (Damerau 1964; Boytsov 2011, section 2.2): the
fewest letters to be put in, left out or replaced, or neighbours to be swapped, none twice.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_COLUMNS = 32
_MANY = 3000
_WORDS = re.compile(r"[^\W_]+")


def folded(text: str) -> str:
    """A text without accents and the case of its letters."""
    apart = unicodedata.normalize("NFKD", text)
    return "".join(c for c in apart if not unicodedata.combining(c)).casefold()


def mistakes(length: int) -> int:
    """How many mistakes are forgiven in a word of so many letters."""
    return 0 if length < 3 else 1 if length < 6 else 2


class Vocabulary:
    """The words of texts, to find those texts again by words that are only like theirs."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Texts, folded."""
        self._rows: dict[str, list[int]] = {}
        for row, text in enumerate(texts):
            for word in set(_WORDS.findall(text)):
                self._rows.setdefault(word, []).append(row)
        self._words = list(self._rows)
        self._counts = _counts(self._words)
        self._first = np.array([word[:1] for word in self._words], np.str_)

    def alike(self, text: str) -> list[int]:
        """The rows of texts in which each word of `text` has one like it, the likest first.

        A word that begins like the one that was typed counts as if it ended there. Where very many
        words are made of such letters, the first one is held to be right, or swapped.
        """
        totals: dict[int, int] | None = None
        for word in _WORDS.findall(text):
            best: dict[int, int] = {}
            for found, distance in self._near(word):
                for row in self._rows[found]:
                    best[row] = min(distance, best.get(row, distance))
            if totals is None:
                totals = best
            else:
                totals = {row: totals[row] + best[row] for row in totals.keys() & best.keys()}
        return sorted(totals or (), key=lambda row: ((totals or {})[row], row))

    def _near(self, word: str) -> list[tuple[str, int]]:
        forgiven = mistakes(len(word))
        wanted = _counts([word])[0]
        missing = np.maximum(wanted, self._counts).sum(axis=1, dtype=np.int64)
        missing -= self._counts.sum(axis=1, dtype=np.int64)  # letters that a word lacks
        possible = np.flatnonzero(missing <= forgiven)
        if possible.size > _MANY:
            possible = possible[np.isin(self._first[possible], list(word[:2]))]
        found = []
        for index in possible.tolist():
            distance = distance_to_beginning(word, self._words[index])
            if distance <= forgiven:
                found.append((self._words[index], distance))
        return found


def distance_to_beginning(typed: str, word: str) -> int:
    """The least distance of `typed` to `word` or to a beginning of it."""
    before: list[int] = []
    last = list(range(len(word) + 1))
    for i, letter in enumerate(typed, 1):
        row = [i]
        for j, other in enumerate(word, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == word[j - 2] and typed[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return min(last)


def _counts(words: Sequence[str]) -> npt.NDArray[np.uint8]:
    """`(n, 32)`: how often each word has each letter; several letters share a column."""
    letters = np.frombuffer("".join(words).encode("utf-32-le"), np.uint32) % _COLUMNS
    rows = np.repeat(np.arange(len(words)), [len(word) for word in words])
    counts = np.bincount(rows * _COLUMNS + letters, minlength=len(words) * _COLUMNS)
    return np.minimum(counts, 255).astype(np.uint8).reshape(len(words), _COLUMNS)
