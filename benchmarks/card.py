"""A card: the forward pass alone, decoding alone, prepared arrays, and enrolment end to end.

    python -m benchmarks.card [--device cuda] [--pictures 8000]

The forward pass, by batch and precision, on pictures that lie on the card already; decoding
photographs of half a megapixel with all that an enrolled picture needs, by threads and by
processes; embedding prepared arrays; enrolling. Runs on the CPU as well (`--device cpu`), to be
tried out. Prints a table, writes JSON to `bench-results/`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.enrolment_speed import onelook
from benchmarks.measuring import RESULTS, Target, seconds_of, targets_table, write_results
from benchmarks.photographs import many_photographs
from engine.backbones import DEFAULT_BACKBONE, load_backbone
from engine.backbones.devices import is_card
from engine.backbones.names import named
from engine.backbones.runtimes.torch import InHalf, Normalised
from engine.bulk.decoding import loading
from engine.bulk.sources import item_of
from engine.cores import available_cores
from engine.features import CARD_BATCH_SIZE, Embedder, FeatureExtractor, work_ahead
from engine.types import KeepPictures

BATCHES = (32, CARD_BATCH_SIZE)
SECONDS = 3.0
PREPARED = 32
"""Batches of prepared arrays."""


def forward(device: str, seconds: float) -> dict[str, float]:
    """Pictures a second through the network alone, by batch and precision."""
    pretrained = named(DEFAULT_BACKBONE)
    found = {}
    on_card = is_card(device)
    for precision in ("float32", "float16") if on_card else ("float32",):
        network = pretrained.network(pretrained.weights())
        bare = InHalf(network.module) if precision == "float16" else network.module
        module = Normalised(bare, network.preprocessing).eval().to(device)
        module = module.to(memory_format=torch.channels_last)
        side = network.preprocessing.image_size
        for batch in BATCHES if on_card else BATCHES[:1]:
            pixels = torch.randint(0, 256, (batch, side, side, 3), dtype=torch.uint8, device=device)

            def run(module: Any = module, pixels: Any = pixels) -> None:
                with torch.inference_mode():
                    module(pixels)
                if on_card:
                    torch.cuda.synchronize(device)

            found[f"{precision}, batch of {batch}"] = batch * rate(run, seconds)
    return found


def decoded(paths: list[Path], workers: int, *, processes: bool) -> float:
    """Pictures a second, decoded and with all that is done before embedding."""
    extractor = FeatureExtractor(Embedder(load_backbone(device="cpu", threads=1)))
    listed = [(item_of("decoded", path, {}), []) for path in paths]
    batches = [listed[start : start + 64] for start in range(0, len(listed), 64)]
    with loading(extractor, KeepPictures.BOUNDED, 0, processes=processes) as load:
        first = len(listed) // 4 if processes else 0
        done, since, started = 0, 0, time.perf_counter()
        for batch in work_ahead(batches, load, workers=workers):
            done += len(batch)
            if done <= first:  # the processes start meanwhile
                since, started = done, time.perf_counter()
        return (done - since) / (time.perf_counter() - started)


def rate(run: Callable[[], Any], seconds: float) -> float:
    """Calls a second, after one that doesn't count."""
    run()
    calls, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        run()
        calls += 1
    return calls / (time.perf_counter() - started)


def prepared_arrays(device: str) -> float:
    """Pictures a second, embedded from arrays that are prepared already."""
    backbone = load_backbone(device=device)
    embedder, side = Embedder(backbone), backbone.preprocessing.image_size
    count = PREPARED * embedder.bulk_size
    arrays = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)
    embedder.embed_prepared(arrays[: 2 * embedder.bulk_size])
    return count / min(seconds_of(lambda: embedder.embed_prepared(arrays)) for _ in range(2))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--pictures", type=int, default=8000)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each forward pass")
    arguments = parser.parse_args()
    device, cores = arguments.device, available_cores()
    with tempfile.TemporaryDirectory(prefix="onelook-card-") as name:
        folder = Path(name)
        paths = many_photographs(folder / "pictures", arguments.pictures, 816, 612)
        passes = forward(device, arguments.seconds)
        decodes = {
            "1 thread": decoded(paths[:: 2 * cores], 1, processes=False),
            f"{cores} threads": decoded(paths[::4], cores, processes=False),
            f"{cores} processes": decoded(paths, cores, processes=True),
        }
        arrays = prepared_arrays(device)
        enrolled = len(paths) / onelook(folder, folder / "pictures", device=device)
    best, by_processes = max(passes.values()), max(decodes.values())
    rows = {
        **{f"forward pass alone, {name}": figure for name, figure in passes.items()},
        "prepared arrays, embedded": arrays,
        **{f"decoding alone, {name}": figure for name, figure in decodes.items()},
        "enrolment": enrolled,
    }
    targets = [
        Target("prepared arrays / the forward pass", arrays / best, 0.8),
        Target("enrolment / the slower of both", enrolled / min(best, by_processes), 0.8),
    ]
    place = torch.cuda.get_device_name(device) if is_card(device) else "no card"
    print(f"{place}, {cores} cores; pictures a second")
    for name, figure in rows.items():
        print(f"{name:50}{figure:10,.0f}")
    print(f"\n{targets_table(targets)}")
    write_results("card", {"device": place, "pictures_a_second": rows}, targets)
    print(RESULTS / "card.json")


if __name__ == "__main__":
    main()
