"""A picture on its way: decoded and ready for the network, then with all that is compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..local import QueryView
from ..types import ByteArray, FloatArray, NewExample, StoredLocalFeatures


@dataclass(frozen=True, slots=True, eq=False)
class PictureFacts:
    """What is known of a picture before any network has seen it.

    Attributes:
        content_hash: SHA-256, hex; see `LoadedImage`.
        width, height: upright, as in the source; of a part of a picture, the part's.
        corner: the left and top of the part in its picture.
        warnings: what makes it a poor example, one sentence each; for examples only.
        picture: the encoded copy that the catalog keeps, or None; for examples only.
        local_features: what the catalog keeps of it, or None; for examples only.
    """

    content_hash: str
    width: int
    height: int
    warnings: tuple[str, ...] = ()
    picture: bytes | None = None
    local_features: StoredLocalFeatures | None = None
    corner: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class PreparedPicture:
    """A decoded picture, ready to be embedded; its full-size pixels are let go of, or held on to by
    its view as far as there is room.

    Attributes:
        pixels: `(S, S, 3) uint8`, the backbone's input before normalisation.
        view: for a closer look and local features; for queries only.
    """

    facts: PictureFacts
    pixels: ByteArray
    view: QueryView | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Everything of one picture that is compared later.

    Attributes:
        embedding: `(dim,) float32`, unit length, of the whole picture, before any projection.
        space_id: what the embedding may be compared with.
        view: for a closer look and local features; for queries only.
    """

    facts: PictureFacts
    embedding: FloatArray
    space_id: str
    view: QueryView | None = None

    def example(
        self,
        label: str,
        source: str,
        *,
        attributes: Mapping[str, Any] | None = None,
        origin: str | None = None,
    ) -> NewExample:
        """What a gallery enrolls."""
        return NewExample(
            label=label,
            source=source,
            content_hash=self.facts.content_hash,
            width=self.facts.width,
            height=self.facts.height,
            vector=self.embedding,
            picture=self.facts.picture,
            attributes=attributes or {},
            warnings=self.facts.warnings,
            origin=origin,
            space_id=self.space_id,
            local_features=self.facts.local_features,
        )


def embeddings_of(features: Sequence[Features], dimension: int) -> FloatArray:
    """`(n, dimension) float32`, unit rows."""
    if not features:
        return np.empty((0, dimension), np.float32)
    return np.stack([each.embedding for each in features])
