"""What a search of the FAISS index reads: one immutable object, which each write swaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.indexes.rows import Rows
from engine.types import IntArray

if TYPE_CHECKING:
    from engine.indexes.sketch import Sketch  # imports FAISS, which small galleries never need

NO_ROWS: IntArray = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Fit:
    """How a sketch was made, and how well it finds.

    Attributes:
        group: how many dimensions share four bits: 8, 4, 2 or 1.
        candidates: how many rows to compare exactly.
        recall: by k, the share of a sample's k nearest neighbours that were found so.
        rows: how many rows there were then.
    """

    group: int
    candidates: int
    recall: Mapping[int, float]
    rows: int

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Fit:
        """Read what `dataclasses.asdict` and JSON, whose keys are text, made of one."""
        recall = {int(k): share for k, share in data["recall"].items()}
        return cls(**{**data, "recall": recall})


@dataclass(frozen=True, slots=True)
class State:
    """An index between two writes.

    Attributes:
        rows: raw vectors, those of removed ids included.
        dead: ascending numbers of the rows whose ids were removed.
        sketch: finds candidates among the first rows; the others are compared exactly.
        refused: the fit of the last sketch that was too poor to use.
    """

    rows: Rows
    dead: IntArray = field(default_factory=lambda: NO_ROWS)
    sketch: Sketch | None = None
    refused: Fit | None = None

    @property
    def size(self) -> int:
        """How many rows count."""
        return len(self.rows) - len(self.dead)

    @property
    def covered(self) -> int:
        """How many rows the sketch covers, from the first on."""
        return 0 if self.sketch is None else len(self.sketch)

    def live(self) -> IntArray:
        """Numbers of the rows that count, ascending."""
        return np.delete(np.arange(len(self.rows)), self.dead)

    def dead_below(self, row: int) -> IntArray:
        """Those of `dead` before a row."""
        return self.dead[: np.searchsorted(self.dead, row)]
