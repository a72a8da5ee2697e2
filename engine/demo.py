"""The demonstration: a catalog enrolled; drawings, photographs and strangers recognised."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from . import sample
from .contact_sheet import Tile, contact_sheet
from .recognizer import Recognizer
from .types import ByteArray, Decision

DRAWINGS, PHOTOGRAPHS, STRANGERS = 8, 12, 8
"""How many of each the sheet shows."""

EVERY = 8
"""Of so many classes one is photographed."""

SIDE = 480
"""Of a photograph, in pixels."""

STRENGTH = 0.5
"""Photographed with care. At 1, as people photograph, 9 of 23 got their label instead of all."""


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demonstration found.

    Attributes:
        classes: how many were enrolled.
        enroll_seconds: how long that took.
        known, strangers: the decisions on drawings, in the order of the files.
        photographs: the decisions on synthetic photographs of catalog pictures.
        query_milliseconds: for one query, decoding to decision; the median.
    """

    classes: int
    enroll_seconds: float
    known: tuple[Decision, ...]
    strangers: tuple[Decision, ...]
    photographs: tuple[Decision, ...]
    query_milliseconds: float

    @property
    def top1(self) -> int:
        """Queries whose nearest class is theirs."""
        return sum(d.candidates[0].label == truth(d) for d in self.known)

    @property
    def accepted(self) -> int:
        """Queries given their right label."""
        return right(self.known)

    @property
    def mistaken(self) -> int:
        """Queries given a wrong label."""
        return wrong(self.known)

    @property
    def photographs_accepted(self) -> int:
        """Photographs given their right label."""
        return right(self.photographs)

    @property
    def photographs_mistaken(self) -> int:
        """Photographs given a wrong label."""
        return wrong(self.photographs)

    @property
    def outlined(self) -> int:
        """Photographs given their right label in which the thing was found, not only recognised."""
        return sum(d.label == truth(d) and d.location is not None for d in self.photographs)

    @property
    def refused(self) -> int:
        """Strangers called unknown."""
        return sum(d.label is None for d in self.strangers)


def truth(decision: Decision) -> str:
    """What a query of the demonstration shows: its file's stem."""
    return Path(decision.source).stem


def right(decisions: Iterable[Decision]) -> int:
    """How many queries were given their label."""
    return sum(decision.label == truth(decision) for decision in decisions)


def wrong(decisions: Iterable[Decision]) -> int:
    """How many queries were given another's label."""
    return sum(d.label is not None and d.label != truth(d) for d in decisions)


def run_demo(
    sheet: Path,
    progress: Callable[[str], None],
    *,
    backbone: str | None = None,
    device: str | None = None,
    runtime: str | None = None,
) -> DemoResult:
    """Run it in a temporary gallery, and write the contact sheet.

    Args:
        sheet: the PNG to write; its folder is made if need be.
        progress: told what is being done.
        backbone, device, runtime: as for `Recognizer.open`.

    Raises:
        StorageError: the sheet can't be written.
        BackboneError: the backbone can't be loaded.
    """
    progress("loading the backbone")
    with (
        tempfile.TemporaryDirectory(prefix="onelook-demo-") as folder,
        Recognizer.open(
            Path(folder) / "demo.gallery",
            create=True,
            backbone=backbone,
            device=device,
            runtime=runtime,
        ) as recognizer,
    ):
        progress("enrolling the catalog")
        report = recognizer.enroll_catalog(sample.catalog())
        progress("recognising queries and strangers")
        known, times = _recognize(recognizer, sample.queries())
        strangers, more = _recognize(recognizer, sample.strangers())
        progress("photographing some of the catalog, synthetically, and recognising that")
        photographs, _ = _recognize(recognizer, _photographed(Path(folder) / "photographs"))
        times = sorted(times + more)
        result = DemoResult(
            classes=report.added,
            enroll_seconds=report.seconds,
            known=known,
            strangers=strangers,
            photographs=photographs,
            query_milliseconds=1000 * times[len(times) // 2],
        )
        progress("drawing the contact sheet")
        contact_sheet(
            _tiles(result),
            sheet,
            title="Onelook: synthetic photographs, another hand's drawings, strangers",
        )
    return result


def _photographed(folder: Path) -> Path:
    """Photographs of catalog pictures that were never taken, with strangers lying about."""
    from .synthesis import cut_out, synthesize

    folder.mkdir()
    about = [cut_out(_pixels(path)) for path in sorted(sample.strangers().glob("*.png"))[::4]]
    for number, path in enumerate(sorted(sample.catalog().glob("*.png"))[::EVERY]):
        photograph = synthesize(_pixels(path), number, others=about, strength=STRENGTH, size=SIDE)
        Image.fromarray(photograph.pixels).save(folder / path.name)
    return folder


def _pixels(path: Path) -> ByteArray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGBA"))


def _recognize(recognizer: Recognizer, folder: Path) -> tuple[tuple[Decision, ...], list[float]]:
    decisions, times = [], []
    for path in sorted(folder.glob("*.png")):
        started = time.perf_counter()
        decisions.append(recognizer.recognize(path))
        times.append(time.perf_counter() - started)
    return tuple(decisions), times


def _tiles(result: DemoResult) -> list[Tile]:
    """Every so many queries, and every so many strangers: a fair sample, not the best ones."""
    return [
        Tile(
            query=Path(decision.source),
            nearest=sample.catalog() / f"{decision.candidates[0].label}.png",
            answer=decision.label,
            truth=truth(decision) if stranger is False else None,
            score=decision.score or 0.0,
            threshold=decision.threshold or 0.0,
            outline=() if decision.location is None else decision.location.corners,
        )
        for stranger, decisions, count in (
            (False, result.photographs, PHOTOGRAPHS),
            (False, result.known, DRAWINGS),
            (True, result.strangers, STRANGERS),
        )
        for decision in decisions[:: max(1, len(decisions) // count)][:count]
    ]
