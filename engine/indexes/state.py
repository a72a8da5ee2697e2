"""What a search of the FAISS index reads: one immutable object, which each write swaps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..types import IntArray
from .fit import Fit
from .kept_sketch import KeptSketch
from .rows import Rows

if TYPE_CHECKING:
    from .sketch import Sketch  # imports FAISS, which small galleries never need

NO_ROWS: IntArray = np.empty(0, np.int64)


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
    sketch: Sketch | KeptSketch | None = None
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
        if not self.dead.size:
            return self.dead
        return self.dead[: np.searchsorted(self.dead, row)]
