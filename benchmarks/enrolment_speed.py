"""Bulk enrolment end to end: against what the cores could do, and against what users write.

What users write by hand keeps no local features and calibrates nothing; so does the enrolment that
is compared with it. What a gallery does by default stands beside.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.measuring import Target, all_core_seconds, core_seconds_of, seconds_of
from benchmarks.photographs import photographs
from engine import sample
from engine.backbones import load_backbone
from engine.bulk.decoding import FEWEST_WORKERS
from engine.bulk.following import listing_of
from engine.bulk.pipeline import BulkOptions, enroll_items
from engine.bulk.sources import items, origin
from engine.cores import available_cores, thread_limit
from engine.features import Embedder, FeatureExtractor, stored_local_features
from engine.gallery import Gallery
from engine.images import load_image
from engine.recognizer import Recognizer
from engine.settings import AUTO_POINTS
from engine.types import KeepPictures, NewExample

MEASURED = 24
"""Pictures of which the core-seconds of each stage are taken."""
LISTING = listing_of(None, None)
FEWEST = {"large": 64, "medium": 300, "small": 800}
"""Fewer would tell of a run's start and end: the first batch and the last write overlap nothing."""


def catalogs(folder: Path, share: float) -> dict[str, list[Path]]:
    """Three kinds of pictures; a share of 1 makes what takes about a minute each."""
    return {
        "12-megapixel photographs": photographs(
            folder / "large", max(FEWEST["large"], int(200 * share)), 4000, 3000
        ),
        "0.5-megapixel photographs": photographs(
            folder / "medium", max(FEWEST["medium"], int(2000 * share)), 816, 612
        ),
        "icons of 160 pixels": icons(folder / "small", max(FEWEST["small"], int(4000 * share))),
    }


def icons(folder: Path, count: int) -> list[Path]:
    """The sample catalog over and over, each time turned a little."""
    folder.mkdir(parents=True)
    paths = []
    sources = cycle(sorted(sample.catalog().glob("*.png")))
    for number, source in enumerate(islice(sources, count)):
        with Image.open(source) as picture:
            turned = (
                picture.convert("RGB")
                .resize((160, 160))
                .rotate(number * 0.01, fillcolor=(255, 255, 255), resample=Image.Resampling.BICUBIC)
            )
        paths.append(folder / f"icon {number:06}.png")
        turned.save(paths[-1], compress_level=1)
    return paths


def stages(folder: Path, paths: list[Path]) -> dict[str, float]:
    """Core-milliseconds a picture of each stage, on one thread, as bulk enrolment does them."""
    backbone = load_backbone(threads=1)
    embedder = Embedder(backbone)
    hint = backbone.preprocessing.decode_short_side
    some = paths[:MEASURED]
    images = [load_image(path, min_side_hint=hint) for path in some]
    prepared = [backbone.prepare(image.pixels) for image in images]
    extractor, keep = FeatureExtractor(embedder), KeepPictures.BOUNDED
    loaded = [extractor.prepare_example(path, keep) for path in some]
    examples = [
        features.example(path.stem, str(path))
        for path, features in zip(some, extractor.features(loaded), strict=True)
    ]

    def written() -> None:
        place = folder / "written.gallery"
        with Gallery.create(place, space=backbone.space) as gallery:
            taken["write"] = min(
                core_seconds_of(partial(gallery.enroll, renamed(examples, turn), listing=LISTING))
                for turn in range(4)
            )
        shutil.rmtree(place)

    measured: dict[str, Callable[[], Any]] = {
        "decode": lambda: [load_image(path, min_side_hint=hint) for path in some],
        "resize": lambda: [backbone.prepare(image.pixels) for image in images],
        "warn": lambda: [image.warnings() for image in images],
        "keep": lambda: [image.bounded_picture() for image in images],
        "points": lambda: [stored_local_features(image, AUTO_POINTS) for image in images],
        "embed": lambda: embedder.embed_prepared(prepared),
        "loader": lambda: [extractor.prepare_example(path, keep) for path in some],
    }
    taken = {name: min(core_seconds_of(run) for _ in range(3)) for name, run in measured.items()}
    written()
    return {name: 1000 * seconds / len(some) for name, seconds in taken.items()}


def renamed(examples: list[NewExample], turn: int) -> list[NewExample]:
    """The same pictures as other classes' examples, of other contents."""
    return [
        replace(each, label=f"{each.label} {turn}", content_hash=f"{turn}{each.content_hash[1:]}")
        for each in examples
    ]


def compared(folder: Path, paths: list[Path], *, by_hand: int) -> dict[str, Any]:
    """The bound, Onelook, and what users write (on `by_hand` pictures), in two turns, by the clock
    and by the processor: milliseconds a picture, the least."""
    from benchmarks.by_hand import AfternoonScript, Loop, MetricLearning

    found = stages(folder, paths)
    bound = found["loader"] + found["embed"] + found["write"]
    some = paths[:by_hand]
    others: dict[str, Loop | MetricLearning] = {
        "the loop by hand": Loop(),
        "timm and FAISS, batched": AfternoonScript(),
        "pytorch-metric-learning": MetricLearning(),
    }
    for other in others.values():
        other.enroll(some[:2])
    ways: dict[str, tuple[Callable[[], float], int]] = {
        "Onelook": (lambda: onelook(folder, paths[0].parent), len(paths)),
        **{
            name: (partial(seconds_of, partial(other.enroll, some)), len(some))
            for name, other in others.items()
        },
    }
    taken: dict[str, float] = {}
    cores: dict[str, float] = {}
    for _ in range(2):
        for name, (way, count) in ways.items():
            before = all_core_seconds()
            seconds = way()
            used = all_core_seconds() - before
            taken[name] = min(taken.get(name, np.inf), 1000 * seconds / count)
            cores[name] = min(cores.get(name, np.inf), 1000 * used / count)
    taken["Onelook, by default"] = 1000 * by_default(folder, paths[0].parent) / len(paths)
    return {
        "stages_core_ms": found,
        "bound_ms": bound / available_cores(),
        "ms_a_picture": taken,
        "core_ms_a_picture": cores,
        "count": len(paths),
    }


def onelook(
    folder: Path, source: Path, *, default: bool = False, device: str | None = None
) -> float:
    """Seconds to enroll a folder's pictures into a new gallery, the network being loaded."""
    place = folder / "made.gallery"
    shutil.rmtree(place, ignore_errors=True)
    points = AUTO_POINTS if default else 0
    with Recognizer.open(place, create=True, local_features=points, device=device) as recognizer:
        recognizer.embedder.embed([Image.new("RGB", (300, 300), (90, 20, 20))])
        if default:
            taken = seconds_of(lambda: recognizer.enroll_catalog(source))
        else:
            taken = enrolling(recognizer, source)
    shutil.rmtree(place)
    return taken


BY_DEFAULT = """
import sys
from pathlib import Path
from benchmarks.enrolment_speed import onelook
folder, source = map(Path, sys.argv[1:])
print(onelook(folder, source, default=True))
"""


def by_default(folder: Path, source: Path) -> float:
    """`onelook` with all that a gallery does, in a process of its own: one of the peers changes
    FAISS's classes for all who share the process."""
    command = [sys.executable, "-c", BY_DEFAULT, str(folder), str(source)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def enrolling(recognizer: Recognizer, source: Path) -> float:
    """Seconds to enroll a folder, calibrating on its pictures alone."""
    threads = thread_limit()
    options = BulkOptions(
        origin=origin(source), workers=threads, processes=threads >= FEWEST_WORKERS
    )
    gallery, extractor = recognizer.gallery, recognizer.features
    return seconds_of(lambda: enroll_items(gallery, extractor, items(source), options))


def targets(results: dict[str, dict[str, Any]]) -> list[Target]:
    """For each kind of picture: near the bound, and ahead of what users write."""
    found = []
    for kind, result in results.items():
        ways = result["ms_a_picture"]
        ours = ways["Onelook"]
        peer = min(ways["timm and FAISS, batched"], ways["pytorch-metric-learning"])
        found += [
            Target(f"{kind}: enrolled / the cores' bound", result["bound_ms"] / ours, 0.9),
            Target(f"{kind}: the same by processor time", share_by_cores(result), 0.9),
            Target(f"{kind}: against the loop by hand", ways["the loop by hand"] / ours, 3.0),
            Target(f"{kind}: against the best peer's bulk path", peer / ours, 3.0),
        ]
    return found


def share_by_cores(result: dict[str, Any]) -> float:
    """The bound's processor time of what was used, which other processes disturb less."""
    used: float = result["core_ms_a_picture"]["Onelook"]
    bound: float = result["bound_ms"] * available_cores()
    return bound / used


def table(results: dict[str, dict[str, Any]]) -> str:
    """As text."""
    lines = []
    for kind, result in results.items():
        parts = result["stages_core_ms"]
        lines += [
            f"{kind} ({result['count']:,}): core-milliseconds a picture on one thread: decode and "
            f"hash {parts['decode']:.1f}, resize {parts['resize']:.1f}, warn {parts['warn']:.1f}, "
            f"keep {parts['keep']:.1f} (these together {parts['loader']:.1f}), embed "
            f"{parts['embed']:.1f}, write {parts['write']:.1f}; local features, by default, "
            f"{parts['points']:.1f}",
            f"    {'the cores bound it to':30}{1000 / result['bound_ms']:8.1f} pictures/s"
            f"{result['bound_ms'] * available_cores():8.1f} core-ms",
        ]
        for way, taken in result["ms_a_picture"].items():
            cores = result["core_ms_a_picture"].get(way)
            told = "" if cores is None else f"{cores:8.1f} core-ms"
            lines.append(f"    {way:30}{1000 / taken:8.1f} pictures/s{told}")
    return "\n".join(lines)
