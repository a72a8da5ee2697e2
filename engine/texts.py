"""What callers may give in the place of a picture."""

from __future__ import annotations

import unicodedata

from .errors import SettingsError, TextError

LONGEST = 1000


def require_one(image: object, text: object, *, box: object = None) -> None:
    """Refuse a picture and a text together, neither of both, and a part of a text.

    Raises:
        SettingsError: so it is.
    """
    if (image is None) == (text is None):
        both = "both" if text is not None else "neither"
        raise SettingsError(f"expected a picture or a text, but got {both}")
    if text is not None and box is not None:
        raise SettingsError("expected a box with a picture, but got one with a text")


def checked_text(text: object) -> str:
    """A text with its blanks made plain.

    Raises:
        TextError: it is none, empty, too long, or holds control characters.
    """
    if not isinstance(text, str):
        raise TextError(f"expected a text such as 'a red mug', but got {text!r:.80}")
    plain = " ".join(unicodedata.normalize("NFC", text).split())
    if not plain or len(plain) > LONGEST or any(map(_is_odd, plain)):
        raise TextError(
            f"expected a text such as 'a red mug', of 1 to {LONGEST:,} characters without control "
            f"characters, but got {text!r:.80}"
        )
    return plain


def _is_odd(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs")
