"""Enrolling a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..catalog import normalised_label
from ..errors import DuplicateImageError
from ..features import Embedder, text_example, words_of
from ..gallery import Gallery
from ..types import Enrolment, Reject


def enroll_text(
    gallery: Gallery,
    embedder: Embedder,
    label: str,
    text: str,
    *,
    attributes: Mapping[str, Any] | None = None,
    allow_duplicates: bool = False,
    class_id: int | None = None,
) -> Enrolment:
    """Enroll a text as an example; before the first one, the words that texts are measured against.

    Args:
        class_id: the class that it goes to, whatever it is called by then; the label doesn't count.

    Raises:
        TextError: the text is none, or the backbone knows pictures only.
        LabelError: the label can't be one.
        DuplicateImageError: another class holds the very same text.
        ClassNotFoundError: there is no class of that id.
    """
    if class_id is None:
        label = normalised_label(label)
    example = replace(text_example(embedder, label, text), attributes=attributes or {})
    if not len(gallery.snapshot().texts.words):
        gallery.spaces.set_words(embedder.space, words_of(embedder))
    [outcome] = gallery.examples.enroll(
        [example], allow_duplicates=allow_duplicates, class_id=class_id
    )
    if isinstance(outcome, Reject):
        raise DuplicateImageError(outcome.reason)
    return outcome
