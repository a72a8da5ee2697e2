"""What a user writes without Onelook: three ways from pictures to a searchable index.

All use the same network as Onelook with the transform that its authors publish, and run it with
torch, as these libraries do. None keeps pictures, remembers anything on disk, or says *unknown*.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from engine.backbones.names import named
from engine.cores import available_cores
from engine.types import FloatArray

BATCH = 32
NEIGHBOURS = 5


def pretrained_module() -> nn.Module:
    """EfficientNet-Lite0 without its head, as timm gives it: `(n, 3, 224, 224)` -> `(n, 1280)`."""
    pretrained = named("efficientnet-lite0")
    return pretrained.network(pretrained.weights()).module.eval()


def published_transform() -> Callable[[Image.Image], torch.Tensor]:
    """From torchvision, as timm's `create_transform` puts it together for this network."""
    bicubic = transforms.InterpolationMode.BICUBIC
    composed: Callable[[Image.Image], torch.Tensor] = transforms.Compose(
        [
            transforms.Resize(256, interpolation=bicubic),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        ]
    )
    return composed


class Pictures(Dataset[Any]):
    """Paths as a torch dataset of `(picture, number)`."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._transform = published_transform()

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        with Image.open(self._paths[number]) as picture:
            return self._transform(picture.convert("RGB")), number


class Loop:
    """The loop that everyone writes first: one picture after the other."""

    def __init__(self) -> None:
        self._module = pretrained_module()
        self._index = faiss.IndexFlatIP(1280)

    def enroll(self, paths: Sequence[Path]) -> None:
        pictures = Pictures(paths)
        for number in range(len(pictures)):
            self._index.add(self._embedded(pictures[number][0][None]))

    def nearest(self, path: Path) -> int:
        picture, _ = Pictures([path])[0]
        _, found = self._index.search(self._embedded(picture[None]), NEIGHBOURS)
        return int(found[0, 0])

    def _embedded(self, batch: torch.Tensor) -> FloatArray:
        with torch.no_grad():
            features = self._module(batch).numpy()
        unit: FloatArray = features / np.linalg.norm(features, axis=1, keepdims=True)
        return unit


class AfternoonScript(Loop):
    """timm and FAISS by a good engineer: workers decode, batches are embedded, channels last."""

    def __init__(self) -> None:
        super().__init__()
        self._module = self._module.to(memory_format=torch.channels_last)

    def enroll(self, paths: Sequence[Path]) -> None:
        for batch, _ in DataLoader(Pictures(paths), BATCH, num_workers=available_cores()):
            self._index.add(self._embedded(batch))

    def nearest_many(self, paths: Sequence[Path]) -> list[int]:
        rows: list[int] = []
        for batch, _ in DataLoader(Pictures(paths), BATCH, num_workers=available_cores()):
            rows += self._index.search(self._embedded(batch), NEIGHBOURS)[1][:, 0].tolist()
        return rows

    def _embedded(self, batch: torch.Tensor) -> FloatArray:
        with torch.inference_mode():
            features = self._module(batch.to(memory_format=torch.channels_last)).numpy()
        unit: FloatArray = features / np.linalg.norm(features, axis=1, keepdims=True)
        return unit


class MetricLearning:
    """pytorch-metric-learning's `InferenceModel`, by its own public functions."""

    def __init__(self) -> None:
        from pytorch_metric_learning.utils.inference import InferenceModel

        self._model = InferenceModel(pretrained_module())

    def enroll(self, paths: Sequence[Path]) -> None:
        self._model.train_knn(Pictures(paths), batch_size=BATCH)

    def nearest(self, path: Path) -> int:
        picture, _ = Pictures([path])[0]
        _, found = self._model.get_nearest_neighbors(picture[None], NEIGHBOURS)
        return int(found[0, 0])

    def nearest_many(self, paths: Sequence[Path]) -> list[int]:
        rows: list[int] = []
        pictures = Pictures(paths)
        for start in range(0, len(paths), BATCH):
            batch = [pictures[n][0] for n in range(start, min(start + BATCH, len(paths)))]
            _, found = self._model.get_nearest_neighbors(torch.stack(batch), NEIGHBOURS)
            rows += found[:, 0].tolist()
        return rows
