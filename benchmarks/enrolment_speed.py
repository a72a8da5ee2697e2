"""Bulk enrolment end to end: against what the cores could do, and against what users write.

What users write by hand keeps no local features and calibrates nothing; so does the enrolment that
is compared with it. What a gallery does by default stands beside.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.measuring import Target, core_seconds_of, seconds_of
from benchmarks.photographs import photographs
from engine import sample
from engine.backbones import load_backbone
from engine.bulk.pipeline import BulkOptions, enroll_items
from engine.bulk.sources import items, origin
from engine.cores import available_cores, thread_limit
from engine.features import Embedder, FeatureExtractor, stored_local_features
from engine.images import load_image
from engine.recognizer import Recognizer
from engine.settings import AUTO_POINTS
from engine.types import KeepPictures

MEASURED = 64
"""Pictures of which the core-seconds of each stage are taken."""
FEWEST = {"large": 96, "medium": 400, "small": 1000}
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


def stages(paths: list[Path]) -> dict[str, float]:
    """Core-milliseconds a picture of each stage, on one thread, as bulk enrolment does them."""
    backbone = load_backbone(threads=1)
    embedder = Embedder(backbone)
    hint = backbone.preprocessing.decode_short_side
    some = paths[:MEASURED]
    images = [load_image(path, min_side_hint=hint) for path in some]
    prepared = [backbone.prepare(image.pixels) for image in images]
    extractor, keep = FeatureExtractor(embedder), KeepPictures.BOUNDED
    embedder.embed_prepared(prepared)

    def decoded(path: Path) -> Any:
        return backbone.prepare(load_image(path, min_side_hint=hint).pixels)

    measured: dict[str, Callable[[], Any]] = {
        "decode": lambda: [decoded(path) for path in some],
        "keep": lambda: [image.bounded_picture() for image in images],
        "points": lambda: [stored_local_features(image, AUTO_POINTS) for image in images],
        "embed": lambda: embedder.embed_prepared(prepared),
        "loader": lambda: [extractor.prepare_example(path, keep) for path in some],
    }
    return {
        name: 1000 * min(core_seconds_of(run) for _ in range(3)) / len(some)
        for name, run in measured.items()
    }


def compared(folder: Path, paths: list[Path], *, by_hand: int) -> dict[str, Any]:
    """Milliseconds a picture: the bound, Onelook, and what users write (on `by_hand` pictures)."""
    from benchmarks.by_hand import AfternoonScript, Loop, MetricLearning

    found = stages(paths)
    bound = (found["loader"] + found["embed"]) / available_cores()
    some = paths[:by_hand]
    ways: dict[str, float] = {}
    others: list[tuple[str, Loop | MetricLearning]] = [
        ("the loop by hand", Loop()),
        ("timm and FAISS, batched", AfternoonScript()),
        ("pytorch-metric-learning", MetricLearning()),
    ]
    ways["Onelook"] = 1000 * min(onelook(folder, paths) for _ in range(2)) / len(paths)
    ways["Onelook, by default"] = 1000 * onelook(folder, paths, default=True) / len(paths)
    for name, other in others:
        other.enroll(some[:2])
        ways[name] = 1000 * seconds_of(partial(other.enroll, some)) / len(some)
    return {"stages_core_ms": found, "bound_ms": bound, "ms_a_picture": ways, "count": len(paths)}


def onelook(folder: Path, paths: list[Path], *, default: bool = False) -> float:
    """Seconds to enroll a folder's pictures into a new gallery, the network being loaded."""
    place, source = folder / "made.gallery", paths[0].parent
    shutil.rmtree(place, ignore_errors=True)
    points = AUTO_POINTS if default else 0
    with Recognizer.open(place, create=True, local_features=points) as recognizer:
        recognizer.embedder.embed([Image.new("RGB", (300, 300), (90, 20, 20))])
        if default:
            taken = seconds_of(lambda: recognizer.enroll_catalog(source))
        else:
            taken = enrolling(recognizer, source)
    shutil.rmtree(place)
    return taken


def enrolling(recognizer: Recognizer, source: Path) -> float:
    """Seconds to enroll a folder, calibrating on its pictures alone."""
    options = BulkOptions(origin=origin(source), workers=thread_limit())
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
            Target(f"{kind}: against the loop by hand", ways["the loop by hand"] / ours, 4.0),
            Target(f"{kind}: against the best peer's bulk path", peer / ours, 3.0),
        ]
    return found


def table(results: dict[str, dict[str, Any]]) -> str:
    """As text."""
    lines = []
    for kind, result in results.items():
        parts = result["stages_core_ms"]
        lines += [
            f"{kind} ({result['count']:,}): core-milliseconds a picture: decode "
            f"{parts['decode']:.1f}, embed {parts['embed']:.1f}, keep {parts['keep']:.1f}; all "
            f"that is done before embedding (warnings and hash as well) {parts['loader']:.1f}; "
            f"local features, by default, {parts['points']:.1f}",
            f"    {'the cores bound it to':30}{1000 / result['bound_ms']:8.1f} pictures/s",
        ]
        for way, taken in result["ms_a_picture"].items():
            lines.append(f"    {way:30}{1000 / taken:8.1f} pictures/s")
    return "\n".join(lines)
