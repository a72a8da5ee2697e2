"""Adding, moving and removing examples, with their vectors and pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from ..errors import ClassNotFoundError, ExampleNotFoundError, SpaceMismatchError
from ..types import ChangeKind, ExampleRecord, NewExample, Space
from .classes import ClassWriting
from .labels import bounded_source, normalised_label
from .local_features import LocalFeatureWriting
from .log import NewCommit
from .models import EmbeddingRow, ExampleRow, PictureRow
from .reading import CatalogReader
from .session import Session, can_be_id, chunks
from .vectors import check_vectors, encode_vectors

# A class's id and a content hash: the same picture is one example of a class.
_Key = tuple[int, str]


class ExampleWriting:
    """Changes of examples."""

    def __init__(
        self,
        session: Session,
        commit: NewCommit,
        reader: CatalogReader,
        classes: ClassWriting,
        local_features: LocalFeatureWriting,
    ) -> None:
        self._session, self._commit, self._reader = session, commit, reader
        self._classes, self._local_features = classes, local_features

    def add(self, example: NewExample, class_id: int) -> ExampleRecord:
        """Add an example to a class; see `add_all`."""
        [record] = self._reader.examples.listed(ids=self.add_all([example], [class_id]))
        return record

    def add_all(
        self,
        examples: Sequence[NewExample],
        class_ids: Sequence[int] | None = None,
    ) -> list[int]:
        """Add examples in the gallery's space; return their ids in the same order.

        Each goes to the class of `class_ids`, or else to that of its label, made if absent, whose
        attributes it updates. A picture that its class has already keeps its example and id.

        Raises:
            SpaceMismatchError: a vector is of another space than the gallery's.
            GalleryError: a vector is not finite or not of unit length.
            ClassNotFoundError: one of `class_ids` is not there.
        """
        if not examples:
            return []
        space = self._reader.state().space
        names = [example.source for example in examples]
        _require_space(examples, space)
        vectors = check_vectors([example.vector for example in examples], space, names)
        class_ids = self._classes_of(examples) if class_ids is None else self._known(class_ids)
        keys = list(zip(class_ids, (e.content_hash for e in examples), strict=True))
        ids = self._ids_of(keys)
        first = {key: i for i, key in reversed(list(enumerate(keys))) if key not in ids}
        fresh = sorted(first.values())
        if fresh:
            ids.update(self._insert([(keys[i], examples[i]) for i in fresh]))
            blobs = encode_vectors(vectors[fresh])
            rows: list[dict[str, Any]] = [
                {"example_id": ids[keys[i]], "space_id": space.id, "vector": blob}
                for i, blob in zip(fresh, blobs, strict=True)
            ]
            self._session.execute(insert(EmbeddingRow), rows)
            self._commit.touch(keys[i][0] for i in fresh)
        pictures = [
            {"example_id": ids[keys[i]], "bytes": examples[i].picture}
            for i in fresh
            if examples[i].picture is not None
        ]
        if pictures:
            self._session.execute(insert(PictureRow), pictures)
        self._local_features.insert(
            {
                ids[keys[i]]: local
                for i in fresh
                if (local := examples[i].local_features) is not None
            }
        )
        return [ids[key] for key in keys]

    def remove(self, example_id: int) -> None:
        """Remove an example, its picture and vectors; its class stays.

        Raises:
            ExampleNotFoundError: it is not there.
        """
        self.remove_all([example_id])

    def remove_all(self, example_ids: Iterable[int]) -> None:
        """`remove` for many at once."""
        wanted = list(example_ids)
        for example_id in wanted:
            if not can_be_id(example_id):
                raise _no_example(example_id)
        for chunk in chunks(wanted):
            query = select(ExampleRow.id, ExampleRow.class_id).where(ExampleRow.id.in_(chunk))
            found = self._session.execute(query)
            class_ids = {row[0]: row[1] for row in found}
            for example_id in chunk:
                if example_id not in class_ids:
                    raise _no_example(example_id)
                self._commit.record(ChangeKind.REMOVE, class_ids[example_id], example_id)
            self._session.execute(delete(ExampleRow).where(ExampleRow.id.in_(chunk)))
            self._commit.touch(class_ids.values())
            self._commit.removed = True

    def relocate(self, places: Mapping[int, tuple[str, str | None]]) -> None:
        """Note where examples are found from now on: source and origin by id."""
        if places:
            row = ExampleRow
            self._session.execute(
                update(row).where(row.id == bindparam("example")),
                [
                    {"example": example_id, "source": source, "origin": origin}
                    for example_id, (source, origin) in places.items()
                ],
            )

    def _classes_of(self, examples: Sequence[NewExample]) -> list[int]:
        labels = [normalised_label(example.label) for example in examples]
        attributes: dict[str, dict[str, Any]] = {}
        for label, example in zip(labels, examples, strict=True):
            attributes.setdefault(label, {}).update(example.attributes)
        ids = self._classes.ensure_all(attributes)
        return [ids[label] for label in labels]

    def _known(self, class_ids: Sequence[int]) -> Sequence[int]:
        missing = sorted(set(class_ids) - self._reader.classes.labels(class_ids).keys())
        if missing:
            raise ClassNotFoundError(f"there is no class with the id {missing[0]}")
        return class_ids

    def _ids_of(self, keys: Sequence[_Key]) -> dict[_Key, int]:
        """The ids of those of a class's pictures that are examples already."""
        wanted = set(keys)
        row = ExampleRow
        found: dict[_Key, int] = {}
        for chunk in chunks(content_hash for _, content_hash in keys):
            query = select(row.class_id, row.content_hash, row.id)
            for found_row in self._session.execute(query.where(row.content_hash.in_(chunk))):
                key = (found_row.class_id, found_row.content_hash)
                if key in wanted:
                    found[key] = found_row.id
        return found

    def _insert(self, examples: Sequence[tuple[_Key, NewExample]]) -> dict[_Key, int]:
        """Insert rows; ids grow in their order."""
        row = ExampleRow
        statement = insert(row).returning(row.id, sort_by_parameter_order=True)
        made = self._session.execute(
            statement,
            [
                {
                    "class_id": class_id,
                    "source": bounded_source(example.source),
                    "origin": example.origin,
                    "content_hash": content_hash,
                    "width": example.width,
                    "height": example.height,
                    "created_at": self._commit.now,
                    "warnings": list(example.warnings),
                }
                for (class_id, content_hash), example in examples
            ],
        )
        ids: dict[_Key, int] = {}
        for (key, _), example_id in zip(examples, made.scalars().all(), strict=True):
            ids[key] = example_id
            self._commit.record(ChangeKind.ADD, key[0], example_id)
        return ids


def _require_space(examples: Sequence[NewExample], space: Space) -> None:
    """Refuse vectors of a space that the gallery has left, of the same dimension perhaps."""
    for example in examples:
        if example.space_id not in (None, space.id):
            raise SpaceMismatchError(
                f"{example.source}: was embedded for the space {example.space_id}, but the gallery "
                f"is of {space.backbone!r} (space {space.id}): it was re-embedded meanwhile; open "
                "it again, and restart a service that has it open"
            )


def _no_example(example_id: int) -> ExampleNotFoundError:
    return ExampleNotFoundError(
        f"there is no example with the id {example_id}; list the class's examples"
    )
