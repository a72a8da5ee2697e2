"""A pretrained network being trained further: some of its stages frozen, its norms at rest."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ..errors import TrainingError

_NORMS = (nn.modules.batchnorm._BatchNorm,)


class PartlyFrozen(nn.Module):
    """A network some of whose parameters stay as they are.

    Batch norms keep the statistics they were pretrained with: those of a small labelled set are
    worse, and would make a picture's embedding depend on its batch.

    Args:
        module: maps `(n, 3, S, S) float32` to `(n, dim)`.
        frozen: prefixes of the names of parameters to freeze, such as `conv_stem` or `blocks.0`.

    Raises:
        TrainingError: a prefix names no parameter, or nothing is left to train.
    """

    def __init__(self, module: nn.Module, frozen: Sequence[str] = ()) -> None:
        super().__init__()
        self.module = module
        names = [name for name, _ in module.named_parameters()]
        for prefix in frozen:
            if not any(_within(name, prefix) for name in names):
                raise TrainingError(
                    f"expected the name of a stage to freeze ({', '.join(stages(module))}, or "
                    f"one within them), but got {prefix!r}"
                )
        for name, parameter in module.named_parameters():
            parameter.requires_grad_(not any(_within(name, prefix) for prefix in frozen))
        if not any(parameter.requires_grad for parameter in module.parameters()):
            raise TrainingError("expected a stage left to train, but all are frozen; freeze fewer")

    def forward(self, images: Tensor) -> Tensor:
        embeddings: Tensor = self.module(images)
        return embeddings

    def train(self, mode: bool = True) -> PartlyFrozen:
        super().train(mode)
        for part in self.modules():
            if isinstance(part, _NORMS):
                part.eval()
        return self


def stages(module: nn.Module) -> list[str]:
    """The names of a network's outermost parts that have parameters."""
    return [name for name, part in module.named_children() if any(True for _ in part.parameters())]


def _within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")
