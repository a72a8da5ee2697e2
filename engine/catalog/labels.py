"""What a label may be: the unique name of a class."""

from __future__ import annotations

import unicodedata

from engine.errors import LabelError

MAX_LENGTH = 500

# Control characters, lone surrogates, and the line and paragraph separators: none can be shown
# on one line, and a lone surrogate can't even be stored.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


def normalised_label(label: str) -> str:
    """Return `label` in Unicode NFC, without white space at its ends.

    Raises:
        LabelError: it is no text, empty, longer than 500 characters, or holds a control
            character, a line separator or a lone surrogate.
    """
    if not isinstance(label, str):
        raise LabelError(f"a label must be text, but got {type(label).__name__}: {label!r}")
    normal = unicodedata.normalize("NFC", label).strip()
    if not normal:
        raise LabelError(f"a label must not be empty, but got {label!r}; give the class a name")
    if len(normal) > MAX_LENGTH:
        raise LabelError(
            f"a label may have {MAX_LENGTH} characters, but {normal[:40]!r}... has {len(normal)}; "
            "shorten it, and keep the rest as an attribute"
        )
    if normal.isprintable():  # nothing refused is printable; most labels end here
        return normal
    for position, character in enumerate(normal):
        if unicodedata.category(character) in _REFUSED_CATEGORIES:
            raise LabelError(
                f"the label {normal[:80]!r} holds U+{ord(character):04X} at position {position}, "
                "a control character, line separator or lone surrogate; remove it"
            )
    return normal
