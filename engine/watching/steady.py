"""From many looks at one scene to the moments at which the answer changes."""

from __future__ import annotations

LOOKS = 3


class SteadyAnswer:
    """Says when an answer is new: it came so many looks in a row, and isn't what was said last."""

    def __init__(self, looks: int = LOOKS) -> None:
        self._looks = looks
        self._last: str | None = None
        self._in_a_row = 0
        self._said: list[str | None] = []

    def changed(self, label: str | None) -> bool:
        """Take in the answer of another look, None for unknown; whether it is to be told."""
        self._in_a_row = self._in_a_row + 1 if label == self._last else 1
        self._last = label
        if self._in_a_row < self._looks or self._said == [label]:
            return False
        self._said = [label]
        return True
