"""What tables and annotations list: a row is one picture, or a part of one, and its class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..boxes import Box

_SHOWN = 100


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One picture that a manifest lists.

    Attributes:
        path: from the manifest's own folder, or absolute.
        box: the part that shows the class; None for all of it.
    """

    path: str
    label: str
    attributes: Mapping[str, Any]
    box: Box | None = None


def shown(value: object) -> str:
    """A value as it is quoted in a message, of bounded length."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)"
