"""The demonstration: the sample catalog enrolled, queries and strangers recognised."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine import sample
from engine.contact_sheet import Tile, contact_sheet
from engine.recognizer import Recognizer
from engine.types import Decision

SHOWN = 24


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demonstration found.

    Attributes:
        classes: how many were enrolled.
        enroll_seconds: how long that took.
        known, strangers: the decisions, in the order of the files.
        query_milliseconds: for one query, decoding to decision; the median.
    """

    classes: int
    enroll_seconds: float
    known: tuple[Decision, ...]
    strangers: tuple[Decision, ...]
    query_milliseconds: float

    @property
    def top1(self) -> int:
        """Queries whose nearest class is theirs."""
        return sum(d.candidates[0].label == truth(d) for d in self.known)

    @property
    def accepted(self) -> int:
        """Queries given their right label."""
        return sum(d.label == truth(d) for d in self.known)

    @property
    def mistaken(self) -> int:
        """Queries given a wrong label."""
        return sum(d.label is not None and d.label != truth(d) for d in self.known)

    @property
    def refused(self) -> int:
        """Strangers called unknown."""
        return sum(d.label is None for d in self.strangers)


def truth(decision: Decision) -> str:
    """What a sample query shows: its file's stem."""
    return Path(decision.source).stem


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
    times = sorted(times + more)
    result = DemoResult(
        classes=report.added,
        enroll_seconds=report.seconds,
        known=known,
        strangers=strangers,
        query_milliseconds=1000 * times[len(times) // 2],
    )
    progress("drawing the contact sheet")
    contact_sheet(
        _tiles(result), sheet, title="Onelook: queries, decisions, nearest catalog picture"
    )
    return result


def _recognize(recognizer: Recognizer, folder: Path) -> tuple[tuple[Decision, ...], list[float]]:
    decisions, times = [], []
    for path in sorted(folder.glob("*.png")):
        started = time.perf_counter()
        decisions.append(recognizer.recognize(path))
        times.append(time.perf_counter() - started)
    return tuple(decisions), times


def _tiles(result: DemoResult) -> list[Tile]:
    """Every so many queries, and every so many strangers: a fair sample, not the best ones."""
    strangers = SHOWN // 3
    return [
        Tile(
            query=Path(decision.source),
            nearest=sample.catalog() / f"{decision.candidates[0].label}.png",
            answer=decision.label,
            truth=truth(decision) if stranger is False else None,
            score=decision.score or 0.0,
            threshold=decision.threshold or 0.0,
        )
        for stranger, decisions, count in (
            (False, result.known, SHOWN - strangers),
            (True, result.strangers, strangers),
        )
        for decision in decisions[:: max(1, len(decisions) // count)][:count]
    ]
