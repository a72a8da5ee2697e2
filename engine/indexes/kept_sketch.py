"""A sketch as it comes from a file, which becomes FAISS's when searches have become worth that.

Importing FAISS takes about as long as comparing a query with every one of three million vectors. So
searches are exact until they have compared that many; meanwhile nobody knows how many will follow,
and a process that answers a single query never pays for more. Then a thread takes the sketch up,
while searches go on.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from ..forking import in_forked_child
from ..types import ByteArray
from .fit import Fit

if TYPE_CHECKING:
    from .sketch import Sketch

LOGGER = logging.getLogger(__name__)

WORTH = 3_000_000
"""So many vectors compared with queries take as long as taking the sketch up."""


class KeptSketch:
    """The codes of a sketch, serialised; any number of threads use it.

    Args:
        data: what `Sketch.to_bytes` gave.
        rows: how many rows it covers.
    """

    def __init__(self, data: ByteArray, fit: Fit, rows: int) -> None:
        self.fit = fit
        self._data: ByteArray | None = data
        self._rows = rows
        self._made: Sketch | None = None
        self._compared = 0
        self._making = threading.Lock()
        self._asked = False
        in_forked_child(self._renew)

    def __len__(self) -> int:
        return self._rows

    def unpacked(self) -> Sketch | None:
        """The sketch itself; None where this FAISS can't read it, which the log says once."""
        with self._making:
            if self._data is not None:
                from .sketch import Sketch  # imports FAISS

                data, self._data = self._data, None
                try:
                    made = Sketch.from_bytes(data, self.fit)
                    if len(made) != self._rows:
                        raise ValueError(f"expected codes of {self._rows} rows, got {len(made)}")
                    self._made = made
                except ValueError as error:
                    LOGGER.warning("searching exactly, which takes longer: %s", error)
            return self._made

    def at_hand(self, queries: int) -> Sketch | None:
        """The sketch, if it is there for a search by that many queries."""
        if self._made is None and not self._asked:
            self._compared += queries * self._rows
            if self._compared >= WORTH:
                self._asked = True
                threading.Thread(target=self.unpacked, name="onelook-sketch").start()
        return self._made

    def _renew(self) -> None:
        """A forked child has no thread that takes it up."""
        self._making, self._asked = threading.Lock(), False
