"""Why an index's file can't be used. The gallery answers each by making the index anew."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from ..errors import GalleryError


class Fault(StrEnum):
    """What is wrong with an index's file."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    FORMAT = "format"
    TRUNCATED = "truncated"
    DAMAGED = "damaged"
    STALE = "stale"


class IndexFileError(GalleryError):
    """An index's file can't be used: drop the index and make it anew from the database.

    Attributes:
        path: the file.
        fault: what is wrong with it.
    """

    def __init__(self, path: Path, fault: Fault, detail: str) -> None:
        super().__init__(f"{path}: {detail}")
        self.path = path
        self.fault = fault
