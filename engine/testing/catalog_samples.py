"""What catalogs are filled with in tests: the picture of each number, the same every time."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np

from ..catalog import Catalog
from ..types import FloatArray, NewExample, Space

DIMENSION = 4
SPACE = Space("fake", "a" * 64, "b" * 64, DIMENSION)
OTHER_SPACE = Space("other", "c" * 64, "b" * 64, 2)


def direction(number: int, dimension: int = DIMENSION) -> FloatArray:
    """A unit vector for each number, the same every time, `(dimension,) float32`."""
    vector = np.random.default_rng(number).standard_normal(dimension)
    unit: FloatArray = (vector / np.linalg.norm(vector)).astype(np.float32)
    return unit


def content_hash(number: int) -> str:
    """The hash of the picture of that number."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def new_example(number: int, label: str = "cup", **fields: Any) -> NewExample:
    """The example made from the picture of that number."""
    example = NewExample(
        label=label,
        source=f"{number}.png",
        content_hash=content_hash(number),
        width=10 + number,
        height=20,
        vector=direction(number),
        picture=f"picture {number}".encode(),
    )
    return replace(example, **fields)


def enroll(catalog: Catalog, *examples: NewExample) -> list[int]:
    """Add examples in one transaction; return their ids."""
    with catalog.write() as transaction:
        return transaction.examples.add_all(examples)


def contents(catalog: Catalog) -> dict[str, set[str]]:
    """Each class's content hashes, by label."""
    held: dict[str, set[str]] = {
        record.label: set() for record in catalog.ask(lambda read: read.classes.listed())
    }
    for example in catalog.ask(lambda read: read.examples.listed()):
        held[example.label].add(example.content_hash)
    return held
