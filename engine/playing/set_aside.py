"""Pictures that must not count: the enrolled ones themselves, and those that taught something.

An enrolled picture is always recognised, so it shows nothing about new ones. What thresholds, a
searched space or a Siamese head were learned from can't show how well they work.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..catalog import Catalog
from ..decision.calibration import fingerprint
from .queries import Queries


def fingerprints(queries: Queries) -> frozenset[str]:
    """Those of the pictures' contents."""
    return frozenset(map(fingerprint, queries.content_hashes))


def without_seen(queries: Queries, seen: frozenset[str]) -> Queries:
    """Only the pictures whose fingerprints aren't among those."""
    return _only(queries, (fingerprint(digest) not in seen for digest in queries.content_hashes))


def without_enrolled(queries: Queries, catalog: Catalog) -> Queries:
    """Only the pictures that aren't enrolled themselves, under whatever label."""
    enrolled = enrolled_contents(queries, catalog)
    return _only(queries, (digest not in enrolled for digest in queries.content_hashes))


def enrolled_contents(queries: Queries, catalog: Catalog) -> set[str]:
    """The content hashes among those of the pictures that are enrolled."""
    found = catalog.ask(lambda read: read.examples.of_contents(sorted(set(queries.content_hashes))))
    return {example.content_hash for example in found}


def _only(queries: Queries, kept: Iterable[bool]) -> Queries:
    return queries.take([row for row, stays in enumerate(kept) if stays], rejects=queries.rejects)
