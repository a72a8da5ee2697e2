"""The sample catalog: 180 things drawn by one hand, and pictures by another hand to recognise.

Every picture is a 128 × 128 palette PNG on white. A file's stem is its label (`hot dog.png`). The
two hands are EmojiOne and Noto Emoji; their licences are in `LICENSES.md` beside this file.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def catalog() -> Path:
    """Return the folder to enroll: 180 pictures, one a class, drawn by EmojiOne."""
    return _folder("catalog")


def queries() -> Path:
    """Return the folder of the same 180 things drawn by Noto Emoji, under the same file names."""
    return _folder("queries")


def strangers() -> Path:
    """Return the folder of 60 other things drawn by Noto Emoji: none of them is in the catalog."""
    return _folder("strangers")


def _folder(name: str) -> Path:
    return Path(str(resources.files(__name__).joinpath(name)))
