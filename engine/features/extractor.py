"""The one component that turns pictures into features."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from PIL import Image

from ..backbones import Backbone, load_backbone
from ..images import HeldPicture, ImageLimits, ImageSource, LoadedImage, load_image
from ..local import ENROLLED_LONG_SIDE, CodedFeatures, QueryView, default_extractor
from ..settings import Settings
from ..types import ByteArray, FloatArray, KeepPictures, Space, StoredLocalFeatures
from .closer import CloserLook
from .embedder import Embedder
from .picture import Features, PictureFacts, PreparedPicture, embeddings_of


@dataclass(frozen=True, slots=True)
class FeatureExtractor:
    """Pictures -> features, for one backbone. Thread-safe.

    Attributes:
        embedder: the backbone, in batches, checked and normalised.
        limits: what a picture may cost.
        closer: whether queries may be looked at more closely.
    """

    embedder: Embedder
    limits: ImageLimits = field(default_factory=ImageLimits)
    closer: bool = True

    @property
    def backbone(self) -> Backbone:
        """What computes the embeddings."""
        return self.embedder.backbone

    @property
    def space(self) -> Space:
        """What the embeddings may be compared with."""
        return self.embedder.space

    @property
    def batch_size(self) -> int:
        """How many pictures make a batch where somebody waits for each."""
        return self.embedder.batch_size

    @property
    def bulk_size(self) -> int:
        """How many where nobody does."""
        return self.embedder.bulk_size

    def prepare_query(self, image: ImageSource, *, local: bool | None = None) -> PreparedPicture:
        """Decode a picture that will be looked up.

        Args:
            local: whether its local features may be asked for; None where nothing but the embedding
                of the whole will be.

        Raises:
            ImageError: it can't be read, decoded or accepted.
        """
        loaded, pixels = self._load(image)
        size = loaded.width, loaded.height
        facts = PictureFacts(loaded.content_hash, *size, corner=loaded.corner)
        view = None if local is None else self.view_of(loaded.pixels, size, local=local)
        return PreparedPicture(facts, pixels, view)

    def view_of(
        self, picture: Image.Image, size: tuple[int, int], *, local: bool
    ) -> QueryView | None:
        """What more may be asked of a query; None if nothing.

        Args:
            picture: upright; it may be held on to.
            size: its width and height in its source.
            local: whether its local features may be asked for.
        """
        held = HeldPicture(picture)
        closer = CloserLook(held, size, self.embedder) if self.closer else None
        if local:
            return QueryView(held, size, closer=closer)
        return None if closer is None else QueryView.without_points(size, closer)

    def prepare_example(
        self, image: ImageSource, keep: KeepPictures, local_points: int = 0
    ) -> PreparedPicture:
        """Decode a picture that will be enrolled: with its warnings and the copy to keep.

        Args:
            local_points: how many points of local features are kept of it.

        Raises:
            ImageError: it can't be read, decoded or accepted.
        """
        loaded, pixels = self._load(image)
        facts = PictureFacts(
            content_hash=loaded.content_hash,
            width=loaded.width,
            height=loaded.height,
            warnings=loaded.warnings(),
            picture=_copy(loaded, keep),
            local_features=stored_local_features(loaded, local_points) if local_points else None,
        )
        return PreparedPicture(facts, pixels)

    def _load(self, image: ImageSource) -> tuple[LoadedImage, ByteArray]:
        """A picture, and what its network is given of it: `(S, S, 3) uint8`."""
        hint = self.backbone.preprocessing.decode_short_side
        loaded = load_image(image, limits=self.limits, min_side_hint=hint)
        return loaded, self.backbone.prepare(loaded.pixels)

    def features(self, prepared: Sequence[PreparedPicture]) -> list[Features]:
        """The features of prepared pictures, in order; the backbone is given batches.

        Raises:
            BackboneError: the backbone gave numbers that can't be normalised.
        """
        vectors = self.embedder.embed_prepared([each.pixels for each in prepared])
        return [
            Features(each.facts, vector, self.space.id, each.view)
            for each, vector in zip(prepared, vectors, strict=True)
        ]

    def embed(self, images: Iterable[ImageSource]) -> FloatArray:
        """`(n, dim) float32`, unit rows: the embeddings of pictures that will be looked up.

        Raises:
            ImageError: one of them can't be read or accepted.
        """
        found = self.features([self.prepare_query(image) for image in images])
        return embeddings_of(found, self.space.dimension)


def load_extractor(
    backbone: str | Backbone, settings: Settings, *, may_fetch: bool = True
) -> FeatureExtractor:
    """An extractor as the settings say; a backbone that is loaded already is taken as it is.

    Args:
        may_fetch: whether its weights may be fetched: where the user named it.

    Raises:
        BackboneError: the backbone can't be loaded.
    """
    if not isinstance(backbone, Backbone):
        backbone = load_backbone(
            backbone,
            device=settings.device,
            runtime=settings.runtime,
            threads=settings.threads,
            cache_dir=settings.cache_dir,
            may_fetch=may_fetch,
        )
    embedder = Embedder(backbone, settings.batch_size or None)
    return FeatureExtractor(embedder, limits_of(settings), settings.closer_look)


def limits_of(settings: Settings) -> ImageLimits:
    """What a picture may cost, as the settings say."""
    return ImageLimits(max_bytes=settings.max_image_bytes, max_pixels=settings.max_image_pixels)


def stored_local_features(image: LoadedImage, points: int) -> StoredLocalFeatures:
    """The local features that a gallery keeps of a picture."""
    extractor = default_extractor()
    found = extractor.extract(
        image.pixels,
        long_side=ENROLLED_LONG_SIDE,
        points=points,
        size=(image.width, image.height),
    )
    return StoredLocalFeatures(extractor.name, CodedFeatures.of(found).to_bytes())


def _copy(image: LoadedImage, keep: KeepPictures) -> bytes | None:
    """The encoded copy that a gallery keeps of a picture."""
    if keep is KeepPictures.NONE:
        return None
    if keep is KeepPictures.ORIGINAL and image.encoded is not None:
        return image.encoded
    return image.bounded_picture()
