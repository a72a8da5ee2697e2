"""What every catalog must do with vectors."""

from __future__ import annotations

import numpy as np
import pytest

from ..catalog import Catalog
from ..errors import GalleryError, SpaceMismatchError
from ..types import ChangeKind, FloatArray
from .catalog_samples import (
    DIMENSION,
    OTHER_SPACE,
    SPACE,
    direction,
    enroll,
    new_example,
)


class VectorContract:
    """Storing, streaming and refusing vectors; moving to another space."""

    def test_vectors_come_back_bit_for_bit_in_id_order(self, catalog: Catalog) -> None:
        ids = enroll(catalog, *(new_example(n) for n in range(5)))
        batch = catalog.ask(lambda read: read.embeddings.of(SPACE.id, [ids[3], ids[1], 999]))
        assert batch.ids.tolist() == [ids[1], ids[3]]
        assert batch.vectors.dtype == np.float32
        np.testing.assert_array_equal(batch.vectors, [direction(1), direction(3)])
        assert catalog.ask(lambda read: read.embeddings.of(SPACE.id, [])).vectors.shape == (
            0,
            DIMENSION,
        )

    def test_vectors_are_streamed_in_batches(self, catalog: Catalog) -> None:
        ids = enroll(catalog, *(new_example(n, f"c{n % 2}") for n in range(5)))
        batches = list(catalog.stream(lambda read: read.embeddings.stream(SPACE.id, batch=2)))
        assert [len(batch.ids) for batch in batches] == [2, 2, 1]
        assert np.concatenate([batch.ids for batch in batches]).tolist() == ids
        class_ids = np.concatenate([batch.class_ids for batch in batches])
        assert class_ids.tolist() == catalog.ask(lambda read: read.whole.examples())[1].tolist()
        vectors = np.concatenate([batch.vectors for batch in batches])
        np.testing.assert_array_equal(vectors, [direction(n) for n in range(5)])
        [rest] = catalog.stream(lambda read: read.embeddings.stream(SPACE.id, after_id=ids[2]))
        assert rest.ids.tolist() == ids[3:]

    def test_a_stream_does_not_see_what_is_written_meanwhile(self, catalog: Catalog) -> None:
        ids = enroll(catalog, *(new_example(n) for n in range(4)))
        stream = catalog.stream(lambda read: read.embeddings.stream(SPACE.id, batch=1))
        seen = next(stream).ids.tolist()
        with catalog.write() as transaction:
            transaction.examples.remove(ids[2])
            transaction.examples.add_all([new_example(9)])
        seen += [i for batch in stream for i in batch.ids.tolist()]
        assert seen == ids

    @pytest.mark.parametrize(
        ("vector", "error", "message"),
        [
            (np.ones(3, np.float32), SpaceMismatchError, "vector of 4 numbers"),
            (np.ones((1, 4), np.float32), SpaceMismatchError, "vector of 4 numbers"),
            (np.ones(4, np.float32), GalleryError, "length is 2"),
            (np.array([1, np.nan, 0, 0], np.float32), GalleryError, "length is nan"),
            (np.array([np.inf, 0, 0, 0], np.float32), GalleryError, "length is inf"),
        ],
    )
    def test_a_vector_that_can_not_be_compared_is_refused(
        self, catalog: Catalog, vector: FloatArray, error: type[GalleryError], message: str
    ) -> None:
        with pytest.raises(error, match=message):
            enroll(catalog, new_example(1), new_example(2, vector=vector, source="bad.png"))
        assert catalog.counts().examples == 0
        assert catalog.generation() == 0

    def test_vectors_of_an_unknown_space_are_refused(self, catalog: Catalog) -> None:
        with pytest.raises(SpaceMismatchError, match="no embeddings of the space"):
            catalog.ask(lambda read: read.embeddings.of("0" * 16, [1]))
        with pytest.raises(SpaceMismatchError, match="no embeddings of the space"):
            next(catalog.stream(lambda read: read.embeddings.stream("0" * 16)))

    def test_a_gallery_moves_to_another_space_when_every_example_is_embedded(
        self, catalog: Catalog
    ) -> None:
        ids = enroll(catalog, new_example(1), new_example(2))
        vectors = np.stack([direction(n, 2) for n in (1, 2)])
        with catalog.write() as transaction:
            transaction.spaces.add(OTHER_SPACE)
            transaction.embeddings.put(OTHER_SPACE.id, ids[:1], vectors[:1])
            with pytest.raises(SpaceMismatchError, match="1 examples have no embedding"):
                transaction.spaces.activate(OTHER_SPACE.id)
            with pytest.raises(SpaceMismatchError, match="active space"):
                transaction.spaces.drop(SPACE.id)
        with catalog.write() as transaction:
            transaction.embeddings.put(OTHER_SPACE.id, ids, vectors)
            transaction.spaces.activate(OTHER_SPACE.id)
            transaction.spaces.drop(SPACE.id)
        assert catalog.state().space == OTHER_SPACE
        np.testing.assert_array_equal(
            catalog.ask(lambda read: read.embeddings.of(OTHER_SPACE.id, ids)).vectors, vectors
        )
        with pytest.raises(SpaceMismatchError):
            catalog.ask(lambda read: read.embeddings.of(SPACE.id, ids))
        changes = catalog.ask(lambda read: read.log.since(1))
        assert changes is not None
        assert [change.kind for change in changes] == [ChangeKind.SPACE]

    def test_sums_of_queries_are_kept_by_space_and_erased(self, catalog: Catalog) -> None:
        store, before = catalog.service.query_sums, catalog.generation()
        store.update(SPACE.id, lambda former: b"first" if former is None else b"wrong")
        store.update(SPACE.id, lambda former: (former or b"") + b" more")
        assert store.read(SPACE.id) == b"first more"
        assert store.read(OTHER_SPACE.id) is None
        store.forget()
        assert store.read(SPACE.id) is None
        assert catalog.generation() == before
