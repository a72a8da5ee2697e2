"""Text that is safe to print, and JSON that is safe to print and still reads well."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..types import Outlook, Region

# Control characters drive a terminal, line separators break lines, and bidirectional overrides
# make a name read as another. File names, and so messages, may hold all of them.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """`text` on one line, with whatever a terminal would obey written as an escape."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def json_line(value: dict[str, Any], *, ascii_only: bool = False) -> str:
    """`value` as JSON on one line; only what may harm a terminal, or all but ASCII, is escaped."""
    text = json.dumps(value, ensure_ascii=ascii_only, allow_nan=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """`1 picture`, `1,200 pictures`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def holdings(classes: int, examples: int) -> str:
    """`12 classes, 15 examples`."""
    return f"{counted(classes, 'class', 'classes')}, {counted(examples, 'example')}"


def outlook_lines(outlook: Outlook | None) -> list[str]:
    """What to expect of a gallery, and what is bad about that; none where nothing is known."""
    if outlook is None:
        return []
    return [f"expected: {outlook}", *(f"! {warning}" for warning in outlook.warnings)]


def figure(value: float | None) -> str:
    """A similarity or score with three digits, or a dash."""
    return "–" if value is None else f"{value:.3f}"


def sides(region: Region | None) -> str:
    """A region in whole pixels as `--box` takes it, or nothing."""
    return "" if region is None else ",".join(str(round(side)) for side in region)


def file_size(size: int) -> str:
    """`512 bytes`, `1.5 kB`, `2.0 MB`, `3,100.0 GB`."""
    if size < 1000:
        return counted(size, "byte")
    power = min((len(str(size)) - 1) // 3, 3)
    return f"{size / 1000**power:,.1f} {('kB', 'MB', 'GB')[power - 1]}"
