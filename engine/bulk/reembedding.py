"""Embeds the kept pictures of a gallery with another backbone, and moves the gallery to it.

Every batch is committed beside the present vectors, so that a run that was interrupted goes on
where it stopped, and the gallery can be used meanwhile. What other processes enroll until the move
is embedded before it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from ..errors import GalleryError, ImageError, SpaceMismatchError, TextError
from ..features import (
    FeatureExtractor,
    PreparedPicture,
    embeddings_of,
    words_of,
    work_ahead,
)
from ..gallery import Gallery
from ..types import FloatArray, Space

BATCH = 128
"""Pictures embedded and committed at a time."""


@dataclass(frozen=True, slots=True)
class ReembeddingReport:
    """What moving a gallery did.

    Attributes:
        left, backbone: the names of the backbones before and now.
        space: id of the space now.
        embedded: pictures embedded by this run.
        reduced: those of them that are smaller copies of what was enrolled.
        suspended_pins: thresholds set by hand that don't hold in the new space.
        suspended_counterexamples: those whose pictures weren't kept, so that no decision goes by
            them in the new space.
        seconds: how long it took.
    """

    left: str
    backbone: str
    space: str
    embedded: int
    reduced: int
    suspended_pins: int
    seconds: float
    suspended_counterexamples: int = 0


def reembed_gallery(
    gallery: Gallery,
    space: Space,
    extractor: Callable[[], FeatureExtractor],
    *,
    progress: Callable[[int], None] = lambda _done: None,
) -> ReembeddingReport:
    """Move a gallery to another space.

    Args:
        extractor: gives the space's; asked only if there is something to embed.
        progress: called with the number of examples found to be embedded since its last call.

    Raises:
        GalleryError: it is in that space already, or pictures were not kept or can't be read, or
            texts are enrolled and the space's backbone knows pictures only; says which. Nothing is
            changed then.
        SpaceMismatchError: the extractor is of another space.
    """
    started, before = time.monotonic(), gallery.catalog.state().space
    if before.id == space.id:
        raise GalleryError(
            f"{gallery.location}: is of {space.backbone!r} already (space {space.id}); "
            "nothing was changed"
        )
    pins = len(gallery.snapshot().pins)
    waiting = _pictured(gallery, space)
    progress(gallery.catalog.counts().examples - len(waiting))
    embedded = reduced = 0
    _embed_texts(gallery, space, extractor)
    _embed_counterexamples(gallery, space, extractor)
    while True:
        for first in range(0, len(waiting), BATCH):
            ids = waiting[first : first + BATCH]
            reduced += _embed(gallery, space, extractor(), ids)
            embedded += len(ids)
            progress(len(ids))
        if gallery.spaces.move_to(space):
            break
        waiting = _pictured(gallery, space)
        _embed_texts(gallery, space, extractor)
    return ReembeddingReport(
        left=before.backbone,
        backbone=space.backbone,
        space=space.id,
        embedded=embedded,
        reduced=reduced,
        suspended_pins=max(0, pins - len(gallery.snapshot().pins)),
        seconds=time.monotonic() - started,
        suspended_counterexamples=len(gallery.counterexamples.lacking(space)[1]),
    )


def _pictured(gallery: Gallery, space: Space) -> list[int]:
    """The examples to be embedded. Raises GalleryError if one has no kept picture."""
    waiting, bare = gallery.catalog.ask(lambda read: read.embeddings.lacking(space.id))
    if bare:
        [example] = gallery.catalog.ask(lambda read: read.examples.listed(ids=bare[:1]))
        raise GalleryError(
            f"{gallery.location}: the pictures of {len(bare):,} of "
            f"{gallery.catalog.counts().examples:,} examples were not kept, the first being "
            f"{example.label!r} from {example.source}, so they can't be embedded anew; nothing was "
            "changed. Enroll them into a new gallery with --backbone, or remove those examples"
        )
    return waiting


def _embed_texts(gallery: Gallery, space: Space, extractor: Callable[[], FeatureExtractor]) -> None:
    """Embed the texts, and what they are measured against. Raises GalleryError if that can't be."""
    waiting = gallery.catalog.ask(lambda read: read.embeddings.lacking_texts(space.id))
    if not waiting:
        return
    loaded = extractor()
    _require_space(gallery, space, loaded)
    try:
        vectors = loaded.embedder.embed_texts(list(waiting.values()))
    except TextError as error:
        raise GalleryError(
            f"{gallery.location}: {len(waiting):,} of its examples are texts, the first being "
            f"{next(iter(waiting.values()))!r:.80}, which can't be embedded anew: {error}; nothing "
            "was changed. Remove those examples first, or choose another backbone"
        ) from error
    with gallery.catalog.whole() as whole:
        words = whole.texts(space).words
    gallery.spaces.put_embeddings(space, list(waiting), vectors)
    if not len(words):
        gallery.spaces.set_words(space, words_of(loaded.embedder))


def _embed_counterexamples(
    gallery: Gallery, space: Space, extractor: Callable[[], FeatureExtractor]
) -> None:
    """Embed those whose pictures are kept; one that can't be read is passed over, and suspended."""
    waiting, _ = gallery.counterexamples.lacking(space)
    vectors: dict[int, FloatArray] = {}
    for counterexample_id in waiting:
        picture = gallery.counterexamples.picture(counterexample_id)
        if picture is None:  # taken back meanwhile
            continue
        with suppress(ImageError):
            prepared = extractor().prepare_query(picture)
            [found] = extractor().features([prepared])
            vectors[counterexample_id] = found.embedding
    if vectors:
        gallery.counterexamples.put_vectors(space, vectors)


def _embed(gallery: Gallery, space: Space, extractor: FeatureExtractor, ids: list[int]) -> int:
    """Embed examples' kept pictures and keep the vectors; how many pictures are reduced copies."""
    _require_space(gallery, space, extractor)
    with gallery.catalog.read() as reader:
        examples = reader.examples.listed(ids=ids)
        pictures = [reader.examples.picture(example.id) for example in examples]

    def decode(row: int) -> PreparedPicture | None:
        example, picture = examples[row], pictures[row]
        if picture is None:  # removed meanwhile
            return None
        try:
            return extractor.prepare_query(picture)
        except ImageError as error:
            raise GalleryError(
                f"{gallery.location}: the kept picture of example {example.id} "
                f"({example.label!r} from {example.source}) can't be read: {error.reason}; "
                "nothing was changed. Remove the example, or enroll its picture again"
            ) from None

    [copies] = work_ahead([range(len(examples))], decode)
    found = [(e, copy) for e, copy in zip(examples, copies, strict=True) if copy is not None]
    embedded = extractor.features([copy for _, copy in found])
    vectors = embeddings_of(embedded, space.dimension)
    gallery.spaces.put_embeddings(space, [example.id for example, _ in found], vectors)
    return sum(
        max(copy.facts.width, copy.facts.height) < max(example.width, example.height)
        for example, copy in found
    )


def _require_space(gallery: Gallery, space: Space, extractor: FeatureExtractor) -> None:
    if extractor.space.id != space.id:
        raise SpaceMismatchError(
            f"{gallery.location}: was of {space.backbone!r} in the space {space.id}, but what is "
            f"loaded by that name now is of the space {extractor.space.id}: its weights or its "
            "preprocessing have changed. Move to it with `onelook reembed --backbone` instead"
        )
