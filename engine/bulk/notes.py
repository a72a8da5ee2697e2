"""What was noticed while a source was listed, beside the pictures that it lists."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

NAMED = 1000
"""Folders that are named at most; more would be no help."""


@dataclass(slots=True)
class ListingNotes:
    """Grows while a source is listed.

    Attributes:
        passed_over: files whose names don't end like a picture's, by their ending, in lower case.
        barren: folders that name a class and gave no picture.
        remarks: what was taken for what, and how to say otherwise; one sentence each.
    """

    passed_over: Counter[str] = field(default_factory=Counter)
    barren: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def name_barren(self, folder: str) -> None:
        """Note a folder that gave no picture."""
        if len(self.barren) < NAMED:
            self.barren.append(folder)
