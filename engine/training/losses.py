"""What a network is trained to lower: a picture and its photograph belong together."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor


@dataclass(frozen=True, slots=True)
class PairLoss:
    """InfoNCE both ways (van den Oord et al. 2018), and closeness to a teacher.

    A photograph should be nearer to its own picture than to the batch's others, and a picture to
    its own photograph; meanwhile what the teacher says of clean pictures, and of some photographs
    that changed little, should stay.

    Attributes:
        temperature: of the similarities.
        photograph_share: weight of finding the picture of a photograph, which is what a gallery
            does; finding the photograph of a picture has the rest.
        distillation: weight of one minus the cosine to the teacher.
    """

    temperature: float = 0.05
    photograph_share: float = 0.6
    distillation: float = 2.0

    def __call__(self, embeddings: Tensor, labels: Tensor, teacher: Tensor) -> Tensor:
        """The loss, a scalar.

        Args:
            embeddings: `(2n + r, dim) float32`, of any length: of n pictures, of a photograph of
                each in the same order, and of r further ones.
            labels: `(n,) int64`, the pictures' classes; those of the same class are not told apart.
            teacher: `(n + r, dim) float32`, unit rows, what the teacher says of the n pictures and
                of the r further ones.
        """
        count = len(labels)
        unit = functional.normalize(embeddings, dim=1)
        pictures, photographs = unit[:count], unit[count : 2 * count]
        similarities = photographs @ pictures.T / self.temperature
        same = labels[:, None] == labels[None]
        same.fill_diagonal_(False)
        similarities = similarities.masked_fill(same, -1e4)
        own = torch.arange(count, device=labels.device)
        of_photographs = functional.cross_entropy(similarities, own)
        of_pictures = functional.cross_entropy(similarities.T, own)
        kept = torch.cat([pictures, unit[2 * count :]])
        drift = 1 - (kept * teacher).sum(dim=1).mean()
        share = self.photograph_share
        return share * of_photographs + (1 - share) * of_pictures + self.distillation * drift
