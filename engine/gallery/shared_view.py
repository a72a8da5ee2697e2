"""A view whose index lies in the database, where all processes that use the gallery share it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.catalog import Catalog
from engine.gallery.tables import Tables, searched_space
from engine.gallery.view import View, load_projection
from engine.indexes.pgvector_index import Changes, PgvectorIndex
from engine.projections import Projection
from engine.types import Change, ChangeKind, FloatArray, IntArray


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
            changes = reader.changes_since(generation)
            now = reader.state().generation
        if changes is None:
            return None
        return Changes(now, _ids(changes, ChangeKind.ADD), _ids(changes, ChangeKind.REMOVE))

    def vectors(self, ids: IntArray) -> tuple[IntArray, FloatArray]:
        found = self.catalog.vectors(self.space_id, ids.tolist())
        return found.ids, self.projection.apply(found.vectors)

    def vectors_after(self, example_id: int, count: int) -> tuple[IntArray, FloatArray]:
        with self.catalog.read() as reader:
            batch = reader.vectors_after(self.space_id, example_id, count)
        return batch.ids, self.projection.apply(batch.vectors)


class SharedView(View):
    """A view that searches in the database; of the vectors it holds the cohort's only."""

    index: PgvectorIndex

    @classmethod
    def open(cls, catalog: Catalog, *, rebuild: bool = False) -> SharedView:
        """Copy a catalog's classes into memory, and see to the index in its database.

        Raises:
            GalleryError: the catalog is a file, or pgvector can't be used; says what to do.
            ReadOnlyError: there is no index yet, and this process may not make one.
        """
        state = catalog.state()
        projection = load_projection(catalog, state)
        index = PgvectorIndex(
            projection.dimension, catalog.index_transaction, space=searched_space(state)
        )
        source = CatalogSource(catalog, state.space.id, projection)
        if rebuild:
            index.rebuild(source)
        else:
            index.follow(source)
        view = cls(Tables.read(catalog, state), state, projection, index, state.generation)
        return view if view.follow(catalog) else cls.open(catalog)

    def follow(self, catalog: Catalog) -> bool:
        """As `View.follow`; False too where the table is gone, which isn't for a view to mend."""
        return self.index.exists() and super().follow(catalog)

    def _update_index(self, catalog: Catalog, added: IntArray, removed: IntArray) -> None:  # noqa: ARG002
        source = CatalogSource(catalog, self.state.space.id, self.projection)
        self.index.follow(source, make=False)


def _ids(changes: list[Change], kind: ChangeKind) -> IntArray:
    ids = {c.example_id for c in changes if c.kind is kind and c.example_id is not None}
    return np.array(sorted(ids), np.int64)
