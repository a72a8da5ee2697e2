"""Export to and import from Parquet: labels, attributes, embeddings, kept pictures, the space.

One row an example, the pictures in id order and then the texts; a class without examples has a row
whose example columns are null, and so has each counterexample, which stands in a column of its own:
a reader that doesn't know that column sees one more row of the class.
The file's metadata names the space and carries the projection, so that an import yields the same
similarities to the last bit.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...catalog import Catalog
from ...errors import GalleryError
from ...slim import needing
from ...types import (
    Enrolment,
    FloatArray,
    KeepPictures,
    NewExample,
    Reject,
    Space,
    StoredLocalFeatures,
)
from ..following.loading import searched_space

METADATA_KEY = b"onelook"
FORMAT = 1
WITH_TEXTS = 2
"""The format of a file that holds texts, which readers of the first would take for pictures."""

PIN_SCALE = 1
BATCH = 1024
_OTHER = "counterexample"


@dataclass(frozen=True, slots=True)
class ExchangeHeader:
    """What an exported file says of its gallery.

    Attributes:
        space: the embeddings'.
        projection: its kind and `Projection.to_bytes`, or None for identity.
        siamese_head: `TrainedHead.to_bytes` of the searched space's head, or None.
        words: `(n, dim) float32`: what texts are measured against; none where none is enrolled.
        pins: whether its pinned thresholds are numbers from 0 to 1; those of former versions mean
            nothing any more.
    """

    space: Space
    keep_pictures: KeepPictures
    local_points: int
    target_fpir: float
    projection: bytes | None
    siamese_head: bytes | None
    words: FloatArray
    pins: bool


@dataclass(frozen=True, slots=True)
class ExportedClass:
    """A class as the file holds it."""

    label: str
    attributes: Mapping[str, Any]
    pinned_threshold: float | None


def write_parquet(catalog: Catalog, path: Path) -> int:
    """Write a gallery's content; how many examples that was.

    Raises:
        GalleryError: the file can't be written.
    """
    with needing("exporting a gallery"):
        import pyarrow  # heavy, and only here
        import pyarrow.parquet

    state = catalog.state()
    with catalog.whole() as whole:
        head = whole.siamese_head(searched_space(state))
        used = state.projection_id
        projection = None if used is None else whole.projection(used)
        texts = whole.texts(state.space)
    header = {
        "format": WITH_TEXTS if len(texts.ids) else FORMAT,
        "pin_scale": PIN_SCALE,
        "space": asdict(state.space),
        "keep_pictures": state.keep_pictures.value,
        "local_points": state.local_points,
        "target_fpir": state.target_fpir,
        "projection": None if projection is None else base64.b64encode(projection).decode(),
        "siamese_head": None if head is None else base64.b64encode(head).decode(),
        "words": base64.b64encode(texts.words.astype("<f4").tobytes()).decode(),
    }
    schema = _schema(pyarrow, state.space.dimension).with_metadata(
        {METADATA_KEY: json.dumps(header)}
    )
    written = 0
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))  # it holds pictures
        with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as writer:
            for rows in _rows(catalog, state.space):
                writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
                written += sum(row["source"] is not None for row in rows)
    except (OSError, pyarrow.ArrowException) as error:
        raise GalleryError(f"{path}: the export could not be written: {error}") from None
    return written


def read_header(path: Path) -> ExchangeHeader:
    """What an exported file says of its gallery.

    Raises:
        GalleryError: it is no file that `onelook export` wrote.
    """
    with needing("reading an exported gallery"):
        import pyarrow
        import pyarrow.parquet

    try:
        metadata = pyarrow.parquet.read_schema(path).metadata or {}
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise GalleryError(f"{path}: can't be read as Parquet: {error}") from None
    if METADATA_KEY not in metadata:
        raise GalleryError(
            f"{path}: expected a file written by `onelook export`, but it doesn't say which "
            "backbone its embeddings are of; enroll pictures with `onelook enroll`"
        )
    try:
        header = json.loads(metadata[METADATA_KEY])
        return _header(header, path)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise GalleryError(f"{path}: its header is damaged ({error!r}); export it anew") from None


def _header(header: dict[str, Any], path: Path) -> ExchangeHeader:
    if header["format"] not in (FORMAT, WITH_TEXTS):
        raise GalleryError(
            f"{path}: expected an export of format {FORMAT} or {WITH_TEXTS}, but got "
            f"{header['format']}; import it with a newer version of onelook"
        )
    projection, head = header["projection"], header.get("siamese_head")
    space = Space(**header["space"])
    words = np.frombuffer(base64.b64decode(header.get("words", "")), "<f4")
    return ExchangeHeader(
        space=space,
        keep_pictures=KeepPictures(header["keep_pictures"]),
        local_points=header.get("local_points", 0),
        target_fpir=header["target_fpir"],
        projection=None if projection is None else base64.b64decode(projection),
        siamese_head=None if head is None else base64.b64decode(head),
        words=words.reshape(-1, space.dimension).astype(np.float32),
        pins=header.get("pin_scale") == PIN_SCALE,
    )


def read_batches(
    path: Path,
) -> Iterator[tuple[list[ExportedClass], list[NewExample], list[NewExample]]]:
    """The classes, examples and counterexamples of an exported file, in batches.

    Raises:
        GalleryError: the file is damaged.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        for batch in pyarrow.parquet.ParquetFile(path).iter_batches(BATCH):
            yield _of_rows(batch.to_pylist())
    except (OSError, ValueError, KeyError, TypeError, pyarrow.ArrowException) as error:
        raise GalleryError(f"{path}: is damaged, and can't be read to its end: {error!r}") from None


def _of_rows(
    rows: list[dict[str, Any]],
) -> tuple[list[ExportedClass], list[NewExample], list[NewExample]]:
    classes = {
        row["label"]: ExportedClass(
            row["label"], json.loads(row["attributes"]), row["pinned_threshold"]
        )
        for row in rows
    }
    examples = [_example(row) for row in rows if row["source"] is not None]
    return list(classes.values()), examples, [_counterexample(r) for r in rows if r.get(_OTHER)]


def count_added(outcomes: list[Enrolment | Reject]) -> int:
    """How many examples a batch added."""
    return sum(isinstance(o, Enrolment) and o.changed for o in outcomes)


def _schema(pyarrow: Any, dimension: int) -> Any:
    return pyarrow.schema(
        [
            ("label", pyarrow.string()),
            ("attributes", pyarrow.string()),
            ("pinned_threshold", pyarrow.float64()),
            ("source", pyarrow.string()),
            ("content_hash", pyarrow.string()),
            ("width", pyarrow.int32()),
            ("height", pyarrow.int32()),
            ("warnings", pyarrow.list_(pyarrow.string())),
            ("embedding", pyarrow.list_(pyarrow.float32(), dimension)),
            ("picture", pyarrow.binary()),
            ("local_extractor", pyarrow.string()),
            ("local_features", pyarrow.binary()),
            ("text", pyarrow.string()),
            (
                _OTHER,
                pyarrow.struct(
                    [
                        ("source", pyarrow.string()),
                        ("content_hash", pyarrow.string()),
                        ("width", pyarrow.int32()),
                        ("height", pyarrow.int32()),
                        ("embedding", pyarrow.list_(pyarrow.float32())),
                        ("picture", pyarrow.binary()),
                    ]
                ),
            ),
        ]
    )


def _rows(catalog: Catalog, space: Space) -> Iterator[list[dict[str, Any]]]:
    classes = {record.id: record for record in catalog.ask(lambda read: read.classes.listed())}
    empty = [record for record in classes.values() if not record.examples]
    for batch in catalog.stream(lambda read: read.embeddings.stream(space.id, batch=BATCH)):
        with catalog.read() as reader:
            records = reader.examples.listed(ids=batch.ids.tolist())
            local = reader.local_features.of(batch.ids.tolist())
        yield [
            {
                **_class_columns(classes[record.class_id]),
                **_content_columns(record, vector),
                "warnings": list(record.warnings),
                "picture": catalog.picture(record.id),
                **_local_columns(local.get(record.id)),
            }
            for record, vector in zip(records, batch.vectors, strict=True)
        ]
    yield from _text_rows(catalog, space, classes)
    if empty:
        yield [{**_class_columns(record), "source": None} for record in empty]
    with catalog.read() as reader:
        others = reader.whole.counterexamples(space)
        named = {each.id: each for each in reader.counterexamples.listed(ids=others.ids.tolist())}
    for counterexample_id, vector in zip(others.ids.tolist(), others.vectors, strict=True):
        record = named[counterexample_id]
        if record.class_id not in classes:  # made meanwhile
            continue
        with catalog.read() as reader:
            picture = reader.counterexamples.picture(counterexample_id)
        told = {**_content_columns(record, vector), "picture": picture}
        yield [{**_class_columns(classes[record.class_id]), "source": None, _OTHER: told}]


def _text_rows(
    catalog: Catalog, space: Space, classes: Mapping[int, Any]
) -> Iterator[list[dict[str, Any]]]:
    with catalog.read() as reader:
        texts = reader.whole.texts(space)
        records = reader.examples.listed(ids=texts.ids.tolist())
    rows = [
        {
            **_class_columns(classes[record.class_id]),
            **_content_columns(record, vector),
            "warnings": list(record.warnings),
            "text": record.text,
        }
        for record, vector in zip(records, texts.vectors, strict=True)
        if record.class_id in classes  # else made meanwhile
    ]
    if rows:
        yield rows


def _content_columns(record: Any, vector: FloatArray) -> dict[str, Any]:
    """What an example and a counterexample have in common."""
    return {
        "source": record.source,
        "content_hash": record.content_hash,
        "width": record.width,
        "height": record.height,
        "embedding": vector,
    }


def _local_columns(stored: StoredLocalFeatures | None) -> dict[str, Any]:
    if stored is None:
        return {}
    return {"local_extractor": stored.extractor, "local_features": stored.data}


def _class_columns(record: Any) -> dict[str, Any]:
    return {
        "label": record.label,
        "attributes": json.dumps(dict(record.attributes)),
        "pinned_threshold": record.pinned_threshold,
    }


def _counterexample(row: Mapping[str, Any]) -> NewExample:
    other = row[_OTHER]
    return NewExample(
        label=row["label"],
        source=other["source"],
        content_hash=other["content_hash"],
        width=other["width"],
        height=other["height"],
        vector=np.array(other["embedding"], np.float32),
        picture=other["picture"],
    )


def _example(row: Mapping[str, Any]) -> NewExample:
    local = row.get("local_features")
    return NewExample(
        label=row["label"],
        source=row["source"],
        content_hash=row["content_hash"],
        width=row["width"],
        height=row["height"],
        vector=np.array(row["embedding"], np.float32),
        picture=row["picture"],
        attributes=json.loads(row["attributes"]),
        warnings=tuple(row["warnings"]),
        local_features=None
        if local is None
        else StoredLocalFeatures(row["local_extractor"], local),
        text=row.get("text"),
    )
