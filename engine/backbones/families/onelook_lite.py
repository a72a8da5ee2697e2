"""`onelook-lite0`: the default network, this project's own, shipped with the package.

    weights/onelook-lite0.safetensors   its tensors, half precision, without a head
    weights/onelook-lite0.onnx          the same network as ONNX Runtime runs it, of one export
    weights/onelook-lite0.json          its space, its preprocessing, and both files' SHA-256

It is EfficientNet-Lite0, with weights between ImageNet's and those that came of training on
pictures paired with synthetic photographs of themselves. It sees nearly all of a picture and pools
by the root mean square; `docs/model-card.md` tells all of it.
`benchmarks/network.py` writes these files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import BackboneError, BackboneUnavailableError
from ..exports import Export, parsed_export
from ..preprocessing import Preprocessing
from ..pretrained import Network, Pretrained, file_hash

if TYPE_CHECKING:
    import torch

NAME = "onelook-lite0"
FOLDER = Path(__file__).parents[1] / "weights"
ARCHITECTURE = "timm tf_efficientnet_lite0, root mean square pooling"
PREPROCESSING = Preprocessing(image_size=224, resize=224, fit="between")
DIMENSION = 1280


def assembled(tensors: Mapping[str, torch.Tensor]) -> Network:
    """The network with those tensors, of any precision.

    Raises:
        RuntimeError: they are another network's.
    """
    import timm

    from .pooling import RootMeanSquare

    module: Any = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=0)
    module.load_state_dict({name: value.float() for name, value in tensors.items()})
    module.global_pool = RootMeanSquare()
    return Network(ARCHITECTURE, module.eval(), PREPROCESSING, DIMENSION)


@dataclass(frozen=True)
class OnelookLite(Pretrained):
    """The network in a folder of those three files; the package's own by default."""

    name: str = NAME
    checkpoint: Path | None = None
    folder: Path = FOLDER

    def weights(self) -> Path:
        path = self._file("safetensors")
        if not path.is_file():
            raise BackboneUnavailableError(
                f"{self.name}: expected its weights at {path}, where the package carries them; "
                "install onelook again"
            )
        return path

    def known_weights(self) -> Path:
        return self.weights()

    def network(self, weights: Path) -> Network:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        self._require_intact(weights)
        try:
            return assembled(load_file(weights))
        except (SafetensorError, RuntimeError, OSError) as error:
            raise BackboneError(
                f"{self.name}: {weights} does not hold its weights: {error}"
            ) from error

    def shipped(self) -> tuple[Export, Path] | None:
        """What is known of the exported network that comes with it, and that file, if intact."""
        path = self._file("onnx")
        if not path.is_file() or file_hash(path) != self._record["network_sha256"]:
            return None
        return parsed_export(self._record), path

    def _require_intact(self, weights: Path) -> None:
        expected, got = self._record["weights"]["sha256"], file_hash(weights)
        if got != expected:
            raise BackboneError(
                f"{self.name}: expected {weights} to have the SHA-256 {expected} but it has {got}; "
                "the file is damaged: install onelook again"
            )

    @cached_property
    def _record(self) -> dict[str, Any]:
        path = self._file("json")
        try:
            record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            parsed_export(record)
            return {**record, "network_sha256": str(record["network_sha256"])}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BackboneUnavailableError(
                f"{self.name}: expected its description at {path}, but it can't be read "
                f"({error}); install onelook again"
            ) from error

    def _file(self, suffix: str) -> Path:
        return self.folder / f"{self.name}.{suffix}"
