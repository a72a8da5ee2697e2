"""How many milliseconds an embedding takes, by network, runtime, batch and threads."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.measuring import Target, percentiles
from engine.backbones import Backbone, load_backbone
from engine.backbones.load import export_backbone
from engine.backbones.names import named
from engine.backbones.runtimes.base import INPUT_NAME
from engine.backbones.runtimes.onnx import onnxruntime  # imported there, and silenced
from engine.cores import available_cores
from engine.types import ByteArray

Embed = Callable[[int], Any]
BATCHES = (1, 32)
TURNS = 3


def random_open_clip(folder: Path) -> str:
    """The name of an OpenCLIP ViT-B-32 of random weights, written as a local checkpoint."""
    import open_clip
    from safetensors.torch import save_file

    torch.manual_seed(0)
    path = folder / "vit-b-32.safetensors"
    weights = open_clip.create_model("ViT-B-32").state_dict()
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, path)
    return f"open_clip:ViT-B-32@{path}"


def by_runtime(name: str, *, seconds: float, cache: Path | None = None) -> list[dict[str, Any]]:
    """Milliseconds a picture of one network: each runtime, batch and number of threads.

    All take turns for about that many seconds a row. Plain torch is given normalised tensors;
    ONNX Runtime and channels-last torch, as Onelook runs them, normalise by themselves.
    """
    threads = sorted({1, available_cores()})
    exported = {
        n: load_backbone(name, threads=n, runtime="onnxruntime", cache_dir=cache) for n in threads
    }
    pretrained = named(name)
    network = pretrained.network(pretrained.weights())
    eager = network.module.eval()
    # A second module: channels-last would move the first one's weights.
    last = pretrained.network(pretrained.weights()).module.eval()
    last = last.to(memory_format=torch.channels_last)
    side = network.preprocessing.image_size
    rows = []
    for batch in BATCHES:
        pixels = np.random.default_rng(0).integers(0, 256, (batch, side, side, 3), np.uint8)
        ways: dict[tuple[str, int], Embed] = {}
        for n in threads:
            ways["torch eager", n] = _torch(eager, pixels, n, torch.contiguous_format)
            ways["torch channels-last", n] = _torch(last, pixels, n, torch.channels_last)
            ways["ONNX Runtime", n] = _exported(exported[n], pixels)
        for (runtime, n), taken in _in_turns(ways, seconds * len(ways)).items():
            rows.append(
                {
                    "network": name.partition("@")[0],
                    "runtime": runtime,
                    "batch": batch,
                    "threads": n,
                    "ms_a_picture": 1000 * median(taken) / batch,
                }
            )
    return rows


def under_load(*, seconds: float) -> list[dict[str, Any]]:
    """Single embeddings by the default network, idle and beside one busy process.

    With ONNX Runtime as Onelook sets it up (waiting threads sleep), as it comes (they spin), and
    with torch.
    """
    backbone = load_backbone()
    pretrained = named(backbone.name)
    spinning = onnxruntime.SessionOptions()
    spinning.intra_op_num_threads = available_cores()
    session = onnxruntime.InferenceSession(
        export_backbone(backbone.name), spinning, providers=["CPUExecutionProvider"]
    )
    side = backbone.preprocessing.image_size
    pixels = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), np.uint8)
    module = pretrained.network(pretrained.weights()).module.eval()
    # One after the other, not in turns: spinning threads would disturb whoever comes next.
    ways: dict[str, Embed] = {
        "ONNX Runtime, as Onelook runs it": lambda _: backbone.features(pixels),
        "ONNX Runtime, spinning": lambda _: session.run(None, {INPUT_NAME: pixels}),
        "torch eager": _torch(module, pixels, available_cores(), torch.contiguous_format),
    }
    rows: dict[str, dict[str, Any]] = {name: {"way": name} for name in ways}
    for name, way in ways.items():
        rows[name]["idle"] = percentiles(_repeated(way, seconds))
    with competitor():
        for name, way in ways.items():
            rows[name]["loaded"] = percentiles(_repeated(way, seconds))
    return list(rows.values())


@contextmanager
def competitor() -> Iterator[None]:
    """One process that keeps a core busy meanwhile."""
    process = multiprocessing.get_context("spawn").Process(target=_keep_busy, daemon=True)
    process.start()
    time.sleep(1)
    try:
        yield
    finally:
        process.kill()
        process.join()


def targets(rows: list[dict[str, Any]], loaded: list[dict[str, Any]]) -> list[Target]:
    """Lite0 and ViT-B/32 against torch with all threads, and how far a competitor slows us."""
    best: dict[tuple[str, str, int], float] = {}
    for row in rows:
        key = (row["network"], row["runtime"], row["batch"])
        if row["threads"] == available_cores():
            best[key] = row["ms_a_picture"]
    lite, clip = "efficientnet-lite0", "open_clip:ViT-B-32"
    wanted = [
        (lite, "torch channels-last", 32, 3.5),
        (lite, "torch eager", 32, 6.0),
        (lite, "torch eager", 1, 3.0),
        (clip, "torch eager", 32, 1.2),
        (clip, "torch eager", 1, 1.5),
    ]
    found = [
        Target(
            f"{network}, batch of {batch}: {runtime} / ONNX Runtime",
            best[network, runtime, batch] / best[network, "ONNX Runtime", batch],
            ratio,
        )
        for network, runtime, batch, ratio in wanted
        if (network, runtime, batch) in best
    ]
    ours = loaded[0]
    ratio = ours["loaded"]["p50"] / ours["idle"]["p50"]
    return [*found, Target("single query beside a busy process / idle", ratio, 2.0, at_most=True)]


def table(rows: list[dict[str, Any]], loaded: list[dict[str, Any]]) -> str:
    """Both as text."""
    lines = [f"{'network':20}{'runtime':21}{'batch':>6}{'threads':>9}{'ms a picture':>14}"]
    lines += [
        f"{row['network']:20}{row['runtime']:21}{row['batch']:>6}{row['threads']:>9}"
        f"{row['ms_a_picture']:14.1f}"
        for row in rows
    ]
    lines += ["", f"{'single, idle and beside a busy process':41}{'p50 ms':>9}{'p95 ms':>9}"
              f"{'p50 ms':>9}{'p95 ms':>9}"]  # fmt: skip
    for row in loaded:
        figures = [row[state][p] for state in ("idle", "loaded") for p in ("p50", "p95")]
        lines.append(f"{row['way']:41}" + "".join(f"{figure:9.1f}" for figure in figures))
    return "\n".join(lines)


def _exported(backbone: Backbone, pixels: ByteArray) -> Embed:
    return lambda _: backbone.features(pixels)


def _torch(
    module: nn.Module, pixels: ByteArray, threads: int, layout: torch.memory_format
) -> Embed:
    tensor = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    tensor = tensor.contiguous(memory_format=layout)

    def run(_: int) -> Any:
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        with torch.inference_mode():
            return module(tensor)

    return run


def _in_turns(ways: dict[tuple[str, int], Embed], seconds: float) -> dict[Any, list[float]]:
    """Seconds a call, in three turns of many calls each.

    Changing torch's threads with every call would cost more than the calls.
    """
    taken: dict[Any, list[float]] = {key: [] for key in ways}
    for _ in range(TURNS):
        for key, way in ways.items():
            taken[key] += _repeated(way, seconds / len(ways) / TURNS)
    return taken


def _repeated(way: Embed, seconds: float) -> list[float]:
    way(0)
    taken: list[float] = []
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline or not taken:
        started = time.perf_counter()
        way(0)
        taken.append(time.perf_counter() - started)
    return taken


def _keep_busy() -> None:
    while True:
        pass
