"""Training the Siamese head on the embeddings of labelled pictures.

The head is a logistic regression on |a - b| (Koch et al. 2015), a convex problem: it is solved on
all pairs at once, so that the same pairs always give the same head.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as functional
from torch import Tensor

from ..decision.siamese import SiameseHead
from ..errors import TrainingError
from ..types import FloatArray, IntArray
from .pairs import RowPairs, draw_hard_pairs, draw_pairs
from .splits import split_by_class


def train_head(
    embeddings: FloatArray,
    labels: IntArray,
    *,
    pairs: int = 40_000,
    penalties: Sequence[float] = (0.01, 0.1, 1.0, 10.0),
    calibration_share: float = 0.25,
    seed: int = 0,
) -> SiameseHead:
    """Train on some of the classes, with hard impostors; choose and calibrate on the others.

    Hard impostors teach the head where classes are close, but make its probabilities too low for
    ordinary pairs; so its logits are rescaled on plain balanced pairs of classes it has not seen.

    Args:
        embeddings: `(n, dim) float32`, unit rows.
        labels: `(n,) int64`.
        pairs: how many to train on, one half genuine; the classes set aside give as many.
        penalties: see `fit_head`; tried from the highest down for as long as the calibrated head
            gets better on the classes set aside.
        calibration_share: of the classes, set aside.

    Raises:
        TrainingError: fewer than four classes, no two pictures of one class on either side, or
            embeddings that tell nothing about unseen classes.
    """
    split = split_by_class(labels, calibration_share, seed)
    own, own_labels = embeddings[split.training], labels[split.training]
    aside, aside_labels = embeddings[split.held_out], labels[split.held_out]
    training = draw_hard_pairs(own, own_labels, pairs, seed)
    judging = draw_pairs(aside_labels, pairs, seed + 1)
    best, least = None, math.inf
    for penalty in sorted(penalties, reverse=True):
        head = calibrate_head(fit_head(own, training, penalty), aside, judging)
        loss = cross_entropy(head, aside, judging)
        if loss > least:
            break
        best, least = head, loss
    assert best is not None
    return best


def fit_head(embeddings: FloatArray, pairs: RowPairs, penalty: float) -> SiameseHead:
    """The head of least mean binary cross-entropy over the pairs, regularised.

    Args:
        penalty: weight of half the squared distance of the weights from their mean, on
            |a - b| · √dim, whose components are of the order of 1. A high one makes all
            components count the same, which is the city-block distance; that is the safe thing to
            fall back on, since weights fitted to some classes mislead on others.
    """
    scale = math.sqrt(embeddings.shape[1])
    first, second = embeddings[pairs.first], embeddings[pairs.second]
    features = torch.from_numpy(np.abs(first - second) * np.float32(scale))
    solved = _minimise(features, pairs.genuine, penalty)
    return SiameseHead((solved[:-1] * scale).astype(np.float32), float(solved[-1]))


def calibrate_head(head: SiameseHead, embeddings: FloatArray, pairs: RowPairs) -> SiameseHead:
    """Rescale and shift the head's logits so that they are log-odds for these pairs (Platt 1999).

    The order in which it ranks pairs stays.

    Raises:
        TrainingError: the head ranks genuine pairs below impostors, so that no scale can help.
    """
    logits = head.logits(embeddings[pairs.first], embeddings[pairs.second])
    spread = float(logits.std()) or 1.0
    features = torch.from_numpy((logits[:, None] / spread).astype(np.float32))
    slope, shift = _minimise(features, pairs.genuine, 1e-6)
    slope = float(slope) / spread
    if slope <= 0:
        raise TrainingError(
            "expected a head that rates genuine pairs above impostors on classes it has not seen, "
            "but it rates them below; train on more classes and pictures"
        )
    return SiameseHead(
        (head.weights * np.float32(slope)).astype(np.float32), slope * head.bias + float(shift)
    )


def cross_entropy(head: SiameseHead, embeddings: FloatArray, pairs: RowPairs) -> float:
    """Mean binary cross-entropy of the head's probabilities over the pairs, in nats."""
    logits = head.logits(embeddings[pairs.first], embeddings[pairs.second])
    signed = np.where(pairs.genuine, -logits, logits)
    return float(np.logaddexp(0.0, signed).mean())


def _minimise(
    features: Tensor, genuine: npt.NDArray[np.bool_], penalty: float
) -> npt.NDArray[np.float64]:
    """Logistic regression by L-BFGS: `(dim + 1,)`, the weights and, last, the bias.

    The penalty draws the weights to their common mean, which is free.
    """
    targets = torch.from_numpy(genuine.astype(np.float32))
    parameters = torch.zeros(features.shape[1] + 1, requires_grad=True)
    solver = torch.optim.LBFGS(
        [parameters], max_iter=300, tolerance_grad=1e-6, line_search_fn="strong_wolfe"
    )

    def objective() -> Tensor:
        solver.zero_grad()
        logits = features @ parameters[:-1] + parameters[-1]
        value = functional.binary_cross_entropy_with_logits(logits, targets)
        weights = parameters[:-1]
        value = value + 0.5 * penalty * (weights - weights.mean()).square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    solver.step(objective)  # type: ignore[no-untyped-call]
    solved: npt.NDArray[np.float64] = parameters.detach().double().numpy()
    return solved
