"""What a Siamese head is trained on: several pictures of each of many classes.

Labelled pictures, where they are given, together with what is enrolled of their classes: so a
catalog picture meets pictures as they will be asked. Without them the gallery alone: the examples
of classes that have several, and augmented views of one kept picture of each class.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..catalog import normalised_label
from ..errors import LabelError, TrainingError
from ..features import Embedder
from ..gallery import Gallery
from ..images import load_image
from ..images.views import augmented_views
from ..playing.queries import Progress, Queries
from ..types import BoolArray, FloatArray, IntArray

MOST_CLASSES = 1000
"""Of a gallery alone, at most so many classes are augmented; more cost time and teach little."""

VIEWS = 5
_SEED = 3


@dataclass(frozen=True, slots=True, eq=False)
class HeadEvidence:
    """Pictures of classes that have two at least, enrolled ones first.

    Attributes:
        vectors: `(n, dim) float32`, unit rows of the searched space.
        classes: `(n,) int64`.
        real: `(n,) bool`: pictures, not views made of one.
        method: what they are, one phrase.
    """

    vectors: FloatArray
    classes: IntArray
    real: BoolArray
    method: str

    @property
    def class_count(self) -> int:
        """How many classes there are."""
        return int(np.unique(self.classes).size)

    def of_several(self) -> HeadEvidence:
        """Only the classes with two rows at least."""
        ids, counts = np.unique(self.classes, return_counts=True)
        kept = np.isin(self.classes, ids[counts > 1])
        return HeadEvidence(self.vectors[kept], self.classes[kept], self.real[kept], self.method)

    def of_real(self) -> HeadEvidence:
        """Only the classes with two real pictures at least, and only those pictures."""
        kept = self.real
        real = HeadEvidence(self.vectors[kept], self.classes[kept], self.real[kept], self.method)
        return real.of_several()


def labelled_evidence(gallery: Gallery, pictures: Queries) -> HeadEvidence:
    """Labelled pictures, and the enrolled examples of their classes.

    Copies count once, be they among the pictures or enrolled.

    Raises:
        TrainingError: no class has two pictures.
    """
    snapshot = gallery.snapshot()
    numbers: dict[str, int] = {}
    ids = {label: class_id for class_id, label in snapshot.labels.items()}
    enrolled = {
        (example.label, example.content_hash)
        for example in gallery.catalog.ask(
            lambda read: read.examples.of_contents(sorted(set(pictures.content_hashes)))
        )
    }
    rows: list[int] = []
    classes: list[int] = []
    for row, (item, digest) in enumerate(zip(pictures.items, pictures.content_hashes, strict=True)):
        try:
            label = normalised_label(item.label)
        except LabelError:
            continue
        number = numbers.setdefault(label, len(numbers))
        if (label, digest) not in enrolled:
            enrolled.add((label, digest))
            rows.append(row)
            classes.append(number)
    number_of = {ids[label]: number for label, number in numbers.items() if label in ids}
    examples, owners = snapshot.examples.examples_of(np.array(sorted(number_of), np.int64))
    catalog_side = snapshot.index.vectors(examples)
    own = np.array([number_of[int(owner)] for owner in owners], np.int64)
    evidence = HeadEvidence(
        np.concatenate(
            [catalog_side, snapshot.projection.apply_queries(pictures.embeddings[rows])]
        ),
        np.concatenate([own, np.array(classes, np.int64)]),
        np.ones(own.size + len(rows), np.bool_),
        "labelled pictures and enrolled ones" if own.size else "labelled pictures",
    ).of_several()
    if not evidence.class_count:
        most = Counter(item.label for item in pictures.items).most_common(1)
        raise TrainingError(
            "expected classes with 2 different pictures at least, which make a genuine pair, but "
            f"of {len(numbers)} classes none has (the most: {most[0][1] if most else 0}, enrolled "
            "pictures aside); add pictures, or give labels that are enrolled"
        )
    return evidence


def enrolled_evidence(
    gallery: Gallery, embedder: Embedder, progress: Progress = lambda _done: None
) -> HeadEvidence:
    """A gallery's own examples, and augmented views of kept pictures.

    Args:
        progress: called with the number of pictures dealt with since its last call.

    Raises:
        TrainingError: no pictures are kept and no class has two examples.
    """
    snapshot = gallery.snapshot()
    labels = np.array(sorted(snapshot.labels), np.int64)
    chosen = labels
    if labels.size > MOST_CLASSES:
        _, owners = snapshot.examples.examples_of(labels)
        ids, counts = np.unique(owners, return_counts=True)
        several = ids[counts > 1]
        order = np.random.default_rng(_SEED).permutation(np.setdiff1d(labels, several))
        chosen = np.sort(np.concatenate([several, order])[:MOST_CLASSES])
    examples, owners = snapshot.examples.examples_of(chosen)
    vectors = [snapshot.index.vectors(examples)] if examples.size else []
    classes, augmented = [owners], 0
    for first in np.flatnonzero(np.diff(owners, prepend=-1)):
        picture = gallery.catalog.picture(int(examples[first]))
        progress(1)
        if picture is None:
            continue
        made = _views(load_image(picture).pixels, int(examples[first]))
        vectors.append(snapshot.projection.apply(embedder.embed(made)))
        classes.append(np.full(len(made), owners[first]))
        augmented += len(made)
    everything = np.concatenate(classes)
    real = np.arange(everything.size) < owners.size
    evidence = HeadEvidence(
        np.concatenate(vectors) if vectors else np.empty((0, snapshot.index.dimension), np.float32),
        everything,
        real,
        "augmented views of enrolled pictures" if augmented else "enrolled pictures",
    ).of_several()
    if not evidence.class_count:
        raise TrainingError(
            f"{gallery.location}: expected kept pictures, or classes of 2 examples at least, but "
            "there are neither; enroll with --keep-pictures bounded, or give labelled pictures "
            "(--data)"
        )
    return evidence


def _views(picture: Image.Image, seed: int) -> list[Image.Image]:
    """Some of a picture's augmented views, others for each picture."""
    everything = list(augmented_views(picture))
    random = np.random.default_rng([_SEED, seed])
    chosen = random.choice(len(everything), min(VIEWS, len(everything)), replace=False)
    return [everything[number] for number in chosen]
