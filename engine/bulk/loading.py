"""One picture's way from its source to the backbone's input; runs in worker threads."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from engine.backbones import Backbone
from engine.bulk.sources import Item
from engine.errors import ImageError
from engine.images import ImageLimits, LoadedImage, content_hash, load_image
from engine.types import ByteArray, FloatArray, KeepPictures, NewExample, Reject


@dataclass(frozen=True, slots=True)
class Prepared:
    """A decoded picture, ready to be embedded.

    Attributes:
        pixels: `(S, S, 3) uint8`, the backbone's input before normalisation.
        picture: the encoded copy that the catalog keeps, or None.
        space_id: of the space that the backbone embeds it in.
    """

    item: Item
    content_hash: str
    width: int
    height: int
    pixels: ByteArray
    picture: bytes | None
    warnings: tuple[str, ...]
    space_id: str

    def example(self, vector: FloatArray, origin: str | None = None) -> NewExample:
        """What the gallery enrolls, with `vector (dim,) float32`, unit length."""
        return NewExample(
            label=self.item.label,
            source=self.item.source,
            content_hash=self.content_hash,
            width=self.width,
            height=self.height,
            vector=vector,
            picture=self.picture,
            attributes=self.item.attributes,
            warnings=self.warnings,
            origin=origin,
            space_id=self.space_id,
        )


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A picture that is enrolled already, byte for byte; it isn't even decoded."""

    item: Item
    example_id: int


@dataclass(frozen=True, slots=True)
class Loader:
    """Decodes pictures for one backbone; safe to share between threads."""

    backbone: Backbone
    limits: ImageLimits
    keep_pictures: KeepPictures

    def load(
        self, item: Item, enrolled: Collection[tuple[int, str]]
    ) -> Prepared | Unchanged | Reject:
        """Read, decode and resize one picture.

        Args:
            item: the picture.
            enrolled: `(example id, content hash)` of what its class holds from this source.
        """
        try:
            if enrolled:
                digest = content_hash(item.image, limits=self.limits)
                for example_id, known in enrolled:
                    if known == digest:
                        return Unchanged(item, example_id)
            return self.prepare(item)
        except ImageError as error:
            return Reject(item.source, error.reason)

    def prepare(self, item: Item) -> Prepared:
        """Decode one picture.

        Raises:
            ImageError: it can't be read, decoded or accepted.
        """
        hint = self.backbone.preprocessing.decode_short_side
        image = load_image(item.image, limits=self.limits, min_side_hint=hint)
        return Prepared(
            item=item,
            content_hash=image.content_hash,
            width=image.width,
            height=image.height,
            pixels=self.backbone.prepare(image.pixels),
            picture=self._copy(image),
            warnings=image.warnings(),
            space_id=self.backbone.space.id,
        )

    def _copy(self, image: LoadedImage) -> bytes | None:
        if self.keep_pictures is KeepPictures.NONE:
            return None
        if self.keep_pictures is KeepPictures.ORIGINAL and image.encoded is not None:
            return image.encoded
        return image.bounded_picture()
