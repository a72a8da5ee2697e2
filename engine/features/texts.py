"""A text -> all that is compared of it, and what texts are measured against."""

from __future__ import annotations

import hashlib

from ..texts import checked_text
from ..types import FloatArray, NewExample
from .embedder import Embedder

SOURCE = "<text>"

WORDS = (
    *("person", "face", "hand", "dog", "cat", "bird", "horse", "fish", "insect", "tree", "flower"),
    *("leaf", "fruit", "vegetable", "bread", "meal", "drink", "bottle", "box", "bag", "paper"),
    *("book", "sign", "poster", "painting", "drawing", "logo", "card", "coin", "toy", "ball"),
    *("tool", "machine", "wheel", "car", "bicycle", "boat", "aeroplane", "train", "road", "bridge"),
    *("building", "house", "door", "window", "room", "chair", "table", "bed", "lamp", "clock"),
    *("computer", "telephone", "screen", "camera", "shoe", "shirt", "hat", "jewel", "stone"),
    *("mountain", "sky", "sea", "field"),
)
"""Everyday words: what a picture is as similar to as to a text that doesn't tell what it shows."""


def text_example(embedder: Embedder, label: str, text: str) -> NewExample:
    """What a gallery enrolls of a text.

    Raises:
        TextError: it is no text that could name a thing, or the backbone knows pictures only.
    """
    text = checked_text(text)
    return NewExample(
        label=label,
        source=SOURCE,
        content_hash=hashlib.sha256(b"\0" + text.encode()).hexdigest(),
        width=0,
        height=0,
        vector=embedder.embed_texts([text])[0],
        space_id=embedder.space.id,
        text=text,
    )


def words_of(embedder: Embedder) -> FloatArray:
    """`(len(WORDS), dim) float32`, unit rows."""
    return embedder.embed_texts(WORDS)
