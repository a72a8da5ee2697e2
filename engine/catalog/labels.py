"""What a label may be, the unique name of a class, and what is kept of a source's name."""

from __future__ import annotations

import hashlib
import unicodedata

from ..errors import LabelError

MAX_LENGTH = 500

MAX_SOURCE = 4096
"""Characters of a source that are kept; no path is longer."""

_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Shown as nothing, though their categories are those of letters, marks and symbols."""

_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They turn the text around them, so that a label could look like another one."""

# Control characters, lone surrogates, and the line and paragraph separators: none can be shown
# on one line, and a lone surrogate can't even be stored.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


def normalised_label(label: str) -> str:
    """Return `label` in Unicode NFC, without white space at its ends.

    Raises:
        LabelError: it is no text, empty, longer than 500 characters, shows nothing, or holds a
            control character, a line separator, a lone surrogate or a direction override.
    """
    if not isinstance(label, str):
        raise LabelError(f"a label must be text, but got {type(label).__name__}: {label!r:.80}")
    normal = known_label(label)
    if not normal:
        raise LabelError(f"a label must not be empty, but got {label!r}; give the class a name")
    if len(normal) > MAX_LENGTH:
        raise LabelError(
            f"a label may have {MAX_LENGTH} characters, but {normal[:40]!r}... has {len(normal)}; "
            "shorten it, and keep the rest as an attribute"
        )
    if normal.isprintable() and _visible(normal[0]):  # nothing refused is printable
        return normal
    for position, character in enumerate(normal):
        if unicodedata.category(character) in _REFUSED_CATEGORIES:
            raise LabelError(
                f"the label {normal[:80]!r} holds U+{ord(character):04X} at position {position}, "
                "a control character, line separator or lone surrogate; remove it"
            )
        if character in _DIRECTIONS:
            raise LabelError(
                f"the label {normal[:80]!a} holds U+{ord(character):04X} at position "
                f"{position}, which turns the direction of what is shown; remove it"
            )
    if not any(map(_visible, normal)):
        raise LabelError(
            f"a label must show something, but {normal[:80]!a} holds invisible characters "
            "only; give the class a name"
        )
    return normal


def bounded_source(source: str) -> str:
    """A source's text as it is kept: one that is very long by its ends and its hash."""
    if len(source) <= MAX_SOURCE:
        return source
    digest = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{source[:200]}…{digest}…{source[-200:]}"


def names_file(source: str) -> bool:
    """Whether a source names a file; `<bytes>` and the like name nothing that can come again."""
    return not source.startswith("<")


def known_label(label: str) -> str:
    """What a class that is there already may be called by: `label` in NFC, its ends stripped."""
    return unicodedata.normalize("NFC", label).strip()


def storable(text: str) -> bool:
    """Whether a database can hold a text as it is."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def _visible(character: str) -> bool:
    if character in _INVISIBLE or "\ufe00" <= character <= "\ufe0f":
        return False
    return unicodedata.category(character) not in ("Cf", "Zs") and not (
        "\U000e0100" <= character <= "\U000e01ef"  # they choose a form of what they follow
    )
