"""Making what was written outlast a crash of the machine, where the system can."""

from __future__ import annotations

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make renames inside a folder durable; Windows opens no folders, so there it does nothing.

    Raises:
        OSError: the disk refuses.
    """
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
