"""The `onelook` command: thin over the library, a file for each command or family of them.

Exit codes: 0 all went well, 1 failure, 2 wrong usage, 3 some pictures rejected, 130 interrupted.
Importing this loads nothing, and showing help loads no library but Typer.
"""

from __future__ import annotations

import gc

_OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""Importing makes so many objects, all to stay, that looking through them for garbage every 700
takes a seventh of a quick command's time."""


def main() -> None:
    """Run the command; the entry point of `onelook`."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    try:
        from .app import app

        app()
    except KeyboardInterrupt:  # while the command line was still being read
        raise SystemExit(130) from None
