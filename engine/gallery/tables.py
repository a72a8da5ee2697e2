"""What a view copies of its catalog besides the vectors.

Tables may be read a little ahead of each other, and of the generation that the view starts from:
following the log brings them together.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

from engine.catalog import Catalog, GalleryState, StatisticsTable
from engine.gallery.table import ExampleTable


@dataclass(frozen=True, slots=True)
class Tables:
    """A catalog's tables in one searched space.

    Attributes:
        generation: the catalog's when statistics and calibration were read.
        examples: the examples' classes and the classes' labels.
        statistics: the classes'.
        pins: thresholds set by the user, by class id.
        calibration, head: as the catalog keeps them, if it does.
    """

    generation: int
    examples: ExampleTable
    statistics: StatisticsTable
    pins: dict[int, float]
    calibration: bytes | None
    head: bytes | None

    @classmethod
    def read(cls, catalog: Catalog, state: GalleryState) -> Self:
        """Read them for the space that a gallery of that state searches."""
        space_id = searched_space(state)
        with ThreadPoolExecutor(1) as pool, catalog.read() as reader:
            examples = pool.submit(catalog.example_classes)
            labels = reader.labels()
            return cls(
                generation=reader.state().generation,
                examples=ExampleTable(*examples.result(), labels),
                statistics=reader.statistics_table(space_id),
                pins=reader.pins(searched_space=space_id),
                calibration=reader.calibration(space_id),
                head=reader.siamese_head(space_id),
            )


def searched_space(state: GalleryState) -> str:
    """The id of the space that is searched: the projection's, or without one the backbone's."""
    return state.projection_id or state.space.id
