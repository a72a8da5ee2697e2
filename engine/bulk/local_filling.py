"""Finds the local features of examples that have none, from their kept pictures.

For galleries that were made before local features were, or that are asked for another number of
points. Every batch is committed, so that a run that was interrupted goes on where it stopped, and
the gallery can be used meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..errors import ImageError
from ..features import stored_local_features, work_ahead
from ..gallery import Gallery
from ..images import ImageLimits, load_image
from ..types import Reject, StoredLocalFeatures

BATCH = 128


@dataclass(frozen=True, slots=True)
class FillingReport:
    """What filling a gallery did.

    Attributes:
        points: how many points of each picture are kept, at most.
        found: examples whose local features were found by this run.
        without: examples that have none, since their pictures weren't kept.
        rejects: kept pictures that can't be read.
    """

    points: int
    found: int
    without: int
    rejects: tuple[Reject, ...]


def fill_local_features(
    gallery: Gallery,
    points: int | None = None,
    *,
    progress: Callable[[int], None] = lambda _done: None,
) -> FillingReport:
    """Have the local features of every example whose picture is kept.

    Thresholds that rest on the gallery alone are made anew, since strangers are then judged by
    these features too; those that rest on pictures given once stay.

    Args:
        points: how many of each picture from now on, 0 for none; None leaves that as it is.
        progress: called with the number of examples dealt with since its last call.

    Raises:
        ReadOnlyError: the gallery was opened read-only.
    """
    if points is not None:
        gallery.local.set_points(points)
    kept = gallery.catalog.state().local_points
    waiting, bare = gallery.local.missing() if kept else ([], [])
    sources = {
        example.id: example.source
        for example in gallery.catalog.ask(lambda read: read.examples.listed(ids=waiting))
    }
    rejects: list[Reject] = []
    found = 0

    def find(example_id: int) -> StoredLocalFeatures | Reject | None:
        picture = gallery.catalog.picture(example_id)
        if picture is None:  # removed meanwhile
            return None
        record = gallery.catalog.ask(lambda read: read.examples.listed(ids=[example_id]))
        try:
            loaded = load_image(picture, limits=ImageLimits())
        except ImageError as error:
            return Reject(sources[example_id], error.reason)
        if not record:
            return None
        whole = replace(loaded, width=record[0].width, height=record[0].height)
        return stored_local_features(whole, kept)

    batches = [waiting[first : first + BATCH] for first in range(0, len(waiting), BATCH)]
    for ids, rows in zip(batches, work_ahead(batches, find), strict=True):
        rejects += [row for row in rows if isinstance(row, Reject)]
        entries = {
            example_id: row
            for example_id, row in zip(ids, rows, strict=True)
            if isinstance(row, StoredLocalFeatures)
        }
        gallery.local.put(entries)
        found += len(entries)
        progress(len(ids))
    if (found or points is not None) and gallery.snapshot().calibration.automatic:
        gallery.thresholds.calibrate()
    return FillingReport(kept, found, len(bare), tuple(rejects))
