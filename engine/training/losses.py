"""The losses a network can be trained with, by name; all from pytorch-metric-learning.

Every one maps embeddings `(n, dim)` and labels `(n,)` to a scalar and normalises the embeddings
itself, so that what it separates is what cosine compares.
"""

from __future__ import annotations

from collections.abc import Callable

from pytorch_metric_learning import losses
from torch import Tensor, nn

from engine.errors import TrainingError

LOSSES: dict[str, Callable[[int, int], nn.Module]] = {
    "arcface": lambda classes, dim: losses.ArcFaceLoss(classes, dim, margin=17.0, scale=24.0),
    "cosface": lambda classes, dim: losses.CosFaceLoss(classes, dim, margin=0.2, scale=24.0),
    "softmax": lambda classes, dim: losses.NormalizedSoftmaxLoss(classes, dim, temperature=0.05),
    "proxy_anchor": lambda classes, dim: losses.ProxyAnchorLoss(classes, dim),
    "contrastive": lambda classes, dim: losses.SupConLoss(temperature=0.1),  # noqa: ARG005
    "multi_similarity": lambda classes, dim: losses.MultiSimilarityLoss(),  # noqa: ARG005
    "triplet": lambda classes, dim: losses.TripletMarginLoss(margin=0.1),  # noqa: ARG005
}


def build_loss(name: str, classes: int, dimension: int) -> nn.Module:
    """The loss of that name for labels `0 .. classes-1` and embeddings of that dimension.

    Raises:
        TrainingError: there is no such loss.
    """
    if name not in LOSSES:
        raise TrainingError(f"expected a loss among {', '.join(LOSSES)}, but got {name!r}")
    return LOSSES[name](classes, dimension)


class WeightedSum(nn.Module):
    """Several losses at once, each with its weight."""

    def __init__(self, terms: list[tuple[float, nn.Module]]) -> None:
        super().__init__()
        self.weights = [weight for weight, _ in terms]
        self.terms = nn.ModuleList([term for _, term in terms])

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Embeddings `(n, dim)`, labels `(n,)`; returns a scalar."""
        total = embeddings.new_zeros(())
        for weight, term in zip(self.weights, self.terms, strict=True):
            total = total + weight * term(embeddings, labels)
        return total
