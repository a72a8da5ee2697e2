"""What a family provides: a network that is named but not loaded yet."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ..errors import BackboneUnavailableError
from ..types import FloatArray, Space
from .base import knows_pictures_only
from .preprocessing import Preprocessing

if TYPE_CHECKING:
    from torch import nn

    from .exports import Export


@dataclass(frozen=True)
class Network:
    """A loaded network without its classification head.

    Attributes:
        architecture: the library and model that the weights were loaded into.
        module: maps `(n, 3, S, S) float32`, normalised, to `(n, dim) float32`; in evaluation mode.
        preprocessing: what it expects.
        dimension: dim.
    """

    architecture: str
    module: nn.Module
    preprocessing: Preprocessing
    dimension: int


TextEncoder = Callable[[Sequence[str]], FloatArray]
"""Maps n texts, n at least 1, to `(n, dim) float32`; thread-safe."""


class Pretrained(ABC):
    """A network that is named but not loaded yet. Making one loads no heavy library.

    Attributes:
        name: what loads it again, from any working directory.
        checkpoint: the file that the user gave for the weights, or None for the published ones.
        knows_texts: whether it was trained on pictures with their captions; see `text_encoder`.
    """

    name: str
    checkpoint: Path | None
    knows_texts: ClassVar[bool] = False

    @abstractmethod
    def weights(self) -> Path:
        """The weights' file, fetched if need be.

        Raises:
            BackboneError: there is no such network.
            BackboneUnavailableError: the file isn't there and can't be fetched.
        """

    @abstractmethod
    def network(self, weights: Path) -> Network:
        """Builds the network on the CPU and loads the weights, never by unpickling objects.

        Raises:
            BackboneError: the file doesn't hold this network's weights.
        """

    def text_encoder(self, device: str) -> TextEncoder:  # noqa: ARG002
        """Loads the network's half for texts.

        Args:
            device: where torch runs it.

        Raises:
            TextError: it has none.
            BackboneError: it can't be loaded.
        """
        raise knows_pictures_only(self.name)

    def known_weights(self) -> Path | None:
        """The weights' file if it can be told without loading a heavy library, else None.

        Raises:
            BackboneUnavailableError: the checkpoint that was given isn't there.
        """
        return None if self.checkpoint is None else checkpoint_file(self.name, self.checkpoint)

    def shipped(self) -> tuple[Export, Path] | None:
        """The exported network that comes with the package, for a network that has one."""
        return None


def space_of(name: str, network: Network, weights_file_hash: str) -> Space:
    """The embedding space of a loaded network.

    Its weights' hash is taken over the file's hash and the architecture, since one file may fit two
    architectures (OpenCLIP's ViT-B-32 and ViT-B-32-quickgelu, for one) that give other embeddings.
    """
    identity = f"{network.architecture}\n{weights_file_hash}"
    return Space(
        backbone=name,
        weights_hash=hashlib.sha256(identity.encode()).hexdigest(),
        preprocessing_hash=network.preprocessing.hash,
        dimension=network.dimension,
    )


def file_hash(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checkpoint_file(name: str, checkpoint: Path) -> Path:
    """The checkpoint, if it is a file.

    Raises:
        BackboneUnavailableError: it is not.
    """
    if not checkpoint.is_file():
        raise BackboneUnavailableError(
            f"{name}: expected a checkpoint file at {checkpoint} but there is none"
        )
    return checkpoint
