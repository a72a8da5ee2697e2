"""What torch runs with float16 weights gives the same features, or isn't run so."""

from __future__ import annotations

import dataclasses
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from engine.backbones.names import named
from engine.backbones.pretrained import Network
from engine.backbones.runtimes.torch import AT_ONCE, Normalised, TorchRuntime, _Card
from engine.testing.pictures import noise


@pytest.fixture(scope="module")
def network() -> Network:
    pretrained = named("onelook-lite0")
    return pretrained.network(pretrained.weights())


def test_half_of_the_precision_leaves_the_features_as_they_are(network: Network) -> None:
    pictures = np.stack([network.preprocessing.prepare(noise(300, 240, seed)) for seed in range(2)])
    exact = TorchRuntime(network, "cpu", threads=1)(pictures)
    halved = TorchRuntime(network, "cpu", threads=1, half=True)
    found = halved(pictures)
    assert {p.dtype for p in halved._module.parameters()} == {torch.float16}
    assert found.dtype == np.float32
    cosines = np.sum(found * exact, axis=1)
    cosines /= np.linalg.norm(found, axis=1) * np.linalg.norm(exact, axis=1)
    assert cosines.min() >= 0.9999
    assert {p.dtype for p in network.module.parameters()} == {torch.float32}


def test_a_network_whose_numbers_are_too_large_keeps_its_precision(
    network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    """65,504 is the largest number of float16."""

    class Large(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = nn.Parameter(torch.full((3, 4), 100_000.0))

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return pixels.mean(dim=(2, 3)) @ self.weights

    large = dataclasses.replace(network, module=Large(), dimension=4)
    with caplog.at_level(logging.WARNING):
        run = TorchRuntime(large, "cpu", half=True)
    assert "float32 weights" in caplog.text
    pictures = np.full((1, 224, 224, 3), 255, np.uint8)
    np.testing.assert_allclose(run(pictures), [[300_000] * 4], rtol=1e-4)


@pytest.mark.parametrize(("count", "given"), [(1, 32), (32, 32), (33, 256), (256, 256), (300, 512)])
def test_a_card_runs_batches_of_few_shapes_in_threads_of_its_own(
    network: Network, monkeypatch: pytest.MonkeyPatch, count: int, given: int
) -> None:
    """As a card would, on the CPU."""
    monkeypatch.setattr(torch.cuda, "synchronize", lambda _device: None)
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: f"a stream of {device}")
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda pixels: pixels)
    streams: dict[str, str] = {}
    monkeypatch.setattr(
        torch.cuda,
        "set_stream",
        lambda stream: streams.setdefault(threading.current_thread().name, stream),
    )
    seen = []

    class Mean(nn.Module):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            name = threading.current_thread().name
            seen.append((len(pixels), name, streams.get(name)))
            return pixels.mean(dim=(2, 3))

    module = Normalised(Mean(), network.preprocessing).eval()
    card = _Card("cpu")
    batch = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), np.uint8)
    with ThreadPoolExecutor(4) as callers:
        found = list(callers.map(lambda _: card.run(module, batch), range(8)))
    mean, std = (np.array(each) for each in (network.preprocessing.mean, network.preprocessing.std))
    expected = (batch.mean(axis=(1, 2)) / 255 - mean) / std
    for features in found:
        np.testing.assert_allclose(features, expected, atol=1e-5)
    assert {size for size, _, _ in seen} == {given}
    assert {name for _, name, _ in seen} <= {f"onelook-card_{n}" for n in range(AT_ONCE)}
    assert {stream for _, _, stream in seen} == {"a stream of cpu"}
