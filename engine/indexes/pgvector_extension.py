"""The server's pgvector extension: where its types are, and what to do where it is missing."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from ..errors import GalleryError, ReadOnlyError, StorageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

LEAST_VERSION = (0, 8)
"""The first that goes on searching where removed vectors were found."""

CREATE = "CREATE EXTENSION vector SCHEMA public"


class Transaction(Protocol):
    """Opens a transaction; of those with `write` there is one at a time, for all processes."""

    def __call__(self, *, write: bool = False) -> AbstractContextManager[Connection]: ...


def schema_of_types(transaction: Transaction) -> str:
    """The schema that pgvector's types are in, quoted; the extension is created if it may be.

    Raises:
        GalleryError: it isn't installed, is too old, or may not be created by this user.
    """
    found = _extension(transaction)
    if found is None:
        _create(transaction)
        found = _extension(transaction)
    assert found is not None, "it was created just now"
    schema, version = found
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < LEAST_VERSION:
        raise GalleryError(
            f"expected pgvector {'.'.join(map(str, LEAST_VERSION))} or newer but got {version}; "
            "have an administrator install it and run `ALTER EXTENSION vector UPDATE` in this "
            "database, or use the index `faiss`"
        )
    return '"' + schema.replace('"', '""') + '"'


def _extension(transaction: Transaction) -> tuple[str, str] | None:
    with transaction() as connection:
        row = connection.exec_driver_sql(
            "SELECT nspname, extversion FROM pg_extension JOIN pg_namespace ns "
            "ON ns.oid = extnamespace WHERE extname = 'vector'"
        ).one_or_none()
    return None if row is None else (row[0], row[1])


def _create(transaction: Transaction) -> None:
    with transaction() as connection:
        query = "SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'"
        if not connection.exec_driver_sql(query).scalar_one():
            raise GalleryError(
                "expected a PostgreSQL server with pgvector, but it isn't installed there; have "
                "it installed (a package such as postgresql-18-pgvector, or the container image "
                f"pgvector/pgvector), then have an administrator run `{CREATE}` in this database; "
                "or use the index `faiss`"
            )
    try:
        with transaction(write=True) as connection:
            connection.exec_driver_sql(CREATE.replace("EXTENSION", "EXTENSION IF NOT EXISTS"))
    except (ReadOnlyError, StorageError) as error:
        raise GalleryError(
            "expected the extension pgvector in this database, but it isn't there, and this user "
            f"can't create it; have an administrator run `{CREATE}` in this database, or use the "
            f"index `faiss` ({error})"
        ) from error
