"""Examples: what is enrolled, from where, and the pictures that were kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, select, update

from ..errors import (
    ClassNotFoundError,
    ExampleNotFoundError,
    LabelError,
    SpaceMismatchError,
)
from ..types import ChangeKind, ExampleRecord, NewExample, Space
from .classes import ClassReading, ClassWriting
from .labels import bounded_source, names_file, normalised_label
from .local_features import LocalFeatureWriting
from .log import NewCommit
from .models import ClassRow, EmbeddingRow, ExampleRow, PictureRow
from .session import Session, can_be_id, chunks
from .spaces import SpaceReading
from .vectors import check_vectors, encode_vectors

# A class's id and a content hash: the same picture is one example of a class.
_Key = tuple[int, str]

_EXAMPLES = (
    select(
        ExampleRow.id,
        ExampleRow.class_id,
        ClassRow.label,
        ExampleRow.source,
        ExampleRow.content_hash,
        ExampleRow.width,
        ExampleRow.height,
        ExampleRow.created_at,
        ExampleRow.warnings,
        ExampleRow.origin,
        ExampleRow.text,
    )
    .join(ClassRow, ClassRow.id == ExampleRow.class_id)
    .order_by(ExampleRow.id)
)


class ExampleReading:
    """Questions about examples, answered in id order. Ids that are not there are left out."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def listed(
        self, class_id: int | None = None, ids: Iterable[int] | None = None
    ) -> list[ExampleRecord]:
        """The examples of a class, or of the given ids, or both, or all."""
        if class_id is not None and not can_be_id(class_id):
            return []
        query = _EXAMPLES if class_id is None else _EXAMPLES.where(ExampleRow.class_id == class_id)
        return [_record(row) for row in self._session.of_ids(query, ExampleRow.id, ids)]

    def stream(self, *, origin: str | None = None, after_id: int = 0) -> Iterator[ExampleRecord]:
        """Every example, streamed; given an `origin`, those that came from that bulk source."""
        query = _EXAMPLES.where(ExampleRow.id > after_id)
        if origin is not None:
            query = query.where(ExampleRow.origin == origin)
        for row in self._session.stream(query):
            yield _record(row)

    def origins(self) -> list[str]:
        """The bulk sources that list examples, as text, in order."""
        query = select(ExampleRow.origin).where(ExampleRow.origin.is_not(None)).distinct()
        return sorted(self._session.execute(query).scalars())

    def of_content(self, content_hash: str) -> list[ExampleRecord]:
        """The examples made from exactly that content."""
        return self.of_contents([content_hash])

    def of_contents(self, content_hashes: Iterable[str]) -> list[ExampleRecord]:
        """The examples made from exactly those contents."""
        return [
            _record(row)
            for chunk in chunks(content_hashes)
            for row in self._session.execute(_EXAMPLES.where(ExampleRow.content_hash.in_(chunk)))
        ]

    def of_sources(self, sources: Iterable[str]) -> list[ExampleRecord]:
        """The examples made from those sources."""
        return [
            _record(row)
            for chunk in chunks(map(bounded_source, sources))
            for row in self._session.execute(_EXAMPLES.where(ExampleRow.source.in_(chunk)))
        ]

    def known_sources(
        self, sources: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], list[tuple[int, str]]]:
        """What is enrolled from those labels and sources: ids and content hashes.

        Keyed as asked, in whatever form the label was given.
        """
        asked: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for label, source in dict.fromkeys(sources):
            with suppress(LabelError):  # nothing is enrolled under a label that can't be one
                key = normalised_label(label), bounded_source(source)
                asked.setdefault(key, []).append((label, source))
        found: dict[tuple[str, str], list[tuple[int, str]]] = {}
        columns = select(ClassRow.label, ExampleRow.source, ExampleRow.id, ExampleRow.content_hash)
        query = columns.join(ClassRow, ClassRow.id == ExampleRow.class_id).order_by(ExampleRow.id)
        named = {key: each for key, each in asked.items() if names_file(key[1])}
        others = {key: each for key, each in asked.items() if key not in named}
        # What names no file may be the source of every example, so those are found by their class.
        for part, column, place in ((named, ExampleRow.source, 1), (others, ClassRow.label, 0)):
            for chunk in chunks(key[place] for key in part):
                for row in self._session.execute(query.where(column.in_(chunk))):
                    for key in part.get((row[0], row[1]), ()):
                        found.setdefault(key, []).append((row[2], row[3]))
        return found

    def picture(self, example_id: int) -> bytes | None:
        """The kept copy of an example's picture, encoded, if one was kept."""
        if not can_be_id(example_id):
            return None
        query = select(PictureRow.data).where(PictureRow.example_id == example_id)
        picture: bytes | None = self._session.execute(query).scalar_one_or_none()
        return picture


class ExampleWriting:
    """Changes of examples."""

    def __init__(self, session: Session, commit: NewCommit) -> None:
        self._session, self._commit = session, commit

    def add(self, example: NewExample, class_id: int) -> ExampleRecord:
        """Add an example to a class; see `add_all`."""
        [record] = ExampleReading(self._session).listed(ids=self.add_all([example], [class_id]))
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
        space = SpaceReading(self._session).active()
        names = [example.source for example in examples]
        require_space(examples, space)
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
        LocalFeatureWriting(self._session, self._commit).insert(
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
            query = select(ExampleRow.id, ExampleRow.class_id, ExampleRow.text)
            found = list(self._session.execute(query.where(ExampleRow.id.in_(chunk))))
            class_ids = {row[0]: row[1] for row in found}
            texts = {row[0] for row in found if row[2] is not None}
            for example_id in chunk:
                if example_id not in class_ids:
                    raise _no_example(example_id)
                self._commit.example(
                    ChangeKind.REMOVE, class_ids[example_id], example_id, text=example_id in texts
                )
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
        ids = ClassWriting(self._session, self._commit).ensure_all(attributes)
        return [ids[label] for label in labels]

    def _known(self, class_ids: Sequence[int]) -> Sequence[int]:
        missing = sorted(set(class_ids) - ClassReading(self._session).labels(class_ids).keys())
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
                    "text": example.text,
                }
                for (class_id, content_hash), example in examples
            ],
        )
        ids: dict[_Key, int] = {}
        for (key, example), example_id in zip(examples, made.scalars().all(), strict=True):
            ids[key] = example_id
            self._commit.example(ChangeKind.ADD, key[0], example_id, text=example.text is not None)
        return ids


def _record(row: Row[*tuple[Any, ...]]) -> ExampleRecord:
    return ExampleRecord(
        id=row.id,
        class_id=row.class_id,
        label=row.label,
        source=row.source,
        content_hash=row.content_hash,
        width=row.width,
        height=row.height,
        created_at=row.created_at,
        warnings=tuple(row.warnings),
        origin=row.origin,
        text=row.text,
    )


def require_space(examples: Sequence[NewExample], space: Space) -> None:
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
