"""An index in the gallery's database, where all processes that use the gallery share it."""

from __future__ import annotations

from dataclasses import dataclass

from ...catalog import Catalog, Commit, GalleryState
from ...indexes.pgvector_index import Changes, PgvectorIndex
from ...projections import Projection
from ...types import ChangeKind, FloatArray, IntArray, Space
from .index_in_memory import examples_in


@dataclass(frozen=True, slots=True)
class CatalogSource:
    """A catalog's vectors in the searched space, for an index to follow."""

    catalog: Catalog
    space_id: str
    projection: Projection

    def generation(self) -> int:
        return self.catalog.generation()

    def changes_since(self, generation: int) -> Changes | None:
        with self.catalog.read() as reader:
            changes = reader.log.since(generation)
            now = reader.state().generation
        if changes is None:
            return None
        added, removed = (examples_in(changes, k) for k in (ChangeKind.ADD, ChangeKind.REMOVE))
        return Changes(now, added, removed)

    def vectors(self, ids: IntArray) -> tuple[IntArray, FloatArray]:
        found = self.catalog.ask(lambda read: read.embeddings.of(self.space_id, ids.tolist()))
        return found.ids, self.projection.apply(found.vectors)

    def vectors_after(self, example_id: int, count: int) -> tuple[IntArray, FloatArray]:
        with self.catalog.read() as reader:
            batch = reader.embeddings.after(self.space_id, example_id, count)
        return batch.ids, self.projection.apply(batch.vectors)


class IndexInDatabase:
    """pgvector, in the gallery's database; see `KeptIndex`. Nothing is kept here.

    Raises, from `open`:
        GalleryError: the catalog is a file, or pgvector can't be used; says what to do.
        ReadOnlyError: there is no index yet, and this process may not make one.
    """

    engine = "pgvector"
    index: PgvectorIndex

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self._made_at: int | None = None

    def open(
        self, catalog: Catalog, state: GalleryState, projection: Projection, *, anew: bool
    ) -> None:
        self.index = PgvectorIndex(
            projection.dimension,
            catalog.index_transaction,
            space=state.projection_id or state.space.id,
        )
        source = CatalogSource(catalog, state.space.id, projection)
        just_made, self._made_at = self._made_at, None  # by opening the gallery
        if anew and just_made != catalog.generation():
            self.index.rebuild(source)
            return
        self.index.follow(source)
        if self.index.made:
            self._made_at = catalog.generation()

    def follow(
        self,
        catalog: Catalog,
        space: Space,
        projection: Projection,
        added: IntArray,  # noqa: ARG002 -- the table has a generation of its own
        removed: IntArray,  # noqa: ARG002
    ) -> None:
        self.index.follow(CatalogSource(catalog, space.id, projection), make=False)

    @property
    def usable(self) -> bool:
        """Whether the table is there still: others may do without it."""
        return self.index.exists()

    def save_if_worthwhile(self, commit: Commit, space_id: str) -> None:
        pass

    def discard(self) -> None:
        pass
