"""PostgreSQL servers: how they are reached, and what puts writes in order and makes them certain.

Any number of processes and machines share a database. A writer holds an advisory lock of its
gallery's schema for as long as its transaction lasts, so writes happen one after another, as they
do in a file; readers see one committed state and wait for nobody. `?schema=` is set once for each
connection; a pooler that deals out connections by the transaction takes the user's own
`search_path` instead.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event, text
from sqlalchemy.exc import DBAPIError, NoSuchModuleError

from ..errors import GalleryError, GalleryNotFoundError, StorageError
from .whole import PlainSession

CONNECT_TIMEOUT = 10
"""Seconds to wait for a connection, where the URL doesn't say."""

RECOVERY_SECONDS = 60.0
"""How long a server may be away before the fate of an interrupted commit is given up on."""

IDLE_LIMIT = "5min"
"""After which a writer that has fallen silent loses its lock."""

CATALOG_LOCK, INDEX_LOCK = "onelook", "onelook index"
"""What writers of a schema's catalog, and of an index kept beside it, wait for each other by."""

SCHEMA = "schema"

_SECRETS = ("password", "sslpassword")
_LOCK = text(
    "SELECT CAST(pg_current_xact_id() AS text) FROM pg_advisory_xact_lock(hashtextextended("
    "CAST(:lock AS text) || ' ' || coalesce(CAST(:schema AS text), current_schema()), 0))"
)
_LIMITS = text(
    "SELECT set_config('lock_timeout', :lock, true), "
    "set_config('idle_in_transaction_session_timeout', :idle, true)"
)
_FATE = text("SELECT pg_xact_status(CAST(:transaction AS xid8))")


def server_url(url: URL) -> URL:
    """The URL with its driver named.

    Raises:
        GalleryNotFoundError: it is of another kind of server than PostgreSQL.
    """
    if url.get_backend_name() != "postgresql":
        raise GalleryNotFoundError(
            f"{masked(url)}: expected a folder or a PostgreSQL database, but got "
            f"{url.get_backend_name()}; give a URL such as postgresql+psycopg://user@host/database"
        )
    return url.set(drivername="postgresql+psycopg")


def masked(url: URL | str) -> str:
    """A URL for people to read, without its passwords."""
    if isinstance(url, str):
        hidden = re.sub(r"(://[^/?#]*?:).*@", r"\1***@", url)
        return re.sub(rf"({'|'.join(_SECRETS)})=[^&]*", r"\1=***", hidden)
    secrets = [name for name in _SECRETS if name in url.query]
    return url.difference_update_query(secrets).render_as_string(hide_password=True)


class Server:
    """A PostgreSQL database, or the part of one that `?schema=` names.

    Attributes:
        schema: the schema given, or None for the one that the server has this user work in.
    """

    def __init__(self, url: URL) -> None:
        schema = url.query.get(SCHEMA)
        self.schema = schema if isinstance(schema, str) and schema else None
        self.name = masked(url)
        arguments: dict[str, Any] = {
            "application_name": "onelook",
            "connect_timeout": CONNECT_TIMEOUT,
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        }
        bare = url.difference_update_query([SCHEMA])
        try:
            self.engine = create_engine(
                bare,
                connect_args={k: v for k, v in arguments.items() if k not in bare.query},
                pool_pre_ping=True,
                pool_size=5,
                max_overflow=20,
                hide_parameters=True,
            )
        except (ModuleNotFoundError, NoSuchModuleError) as error:
            raise GalleryError(
                f"{self.name}: a PostgreSQL gallery needs the package psycopg ({error}); "
                "install it with `pip install onelook[postgres]`"
            ) from None
        if self.schema is not None:
            event.listen(self.engine, "connect", self._search_only_the_schema, insert=True)

    @contextmanager
    def transaction(
        self, connection: Connection, *, write: bool, timeout: float, lock: str = CATALOG_LOCK
    ) -> Iterator[None]:
        """One transaction; a commit whose answer was lost is looked up, so its fate is known.

        Args:
            lock: which writers it waits for.
            timeout: seconds to wait for another writer.
        """
        # A server shows other transactions' commits unless told not to; a writer has locked them
        # out, and must see what they wrote while it waited.
        connection.execution_options(
            isolation_level="READ COMMITTED" if write else "REPEATABLE READ"
        )
        transaction = connection.begin()
        number: str | None = None
        try:
            if write:
                number = self._lock(connection, lock, timeout)
            yield
        except BaseException:
            with suppress(DBAPIError):  # the connection may be what was lost
                transaction.rollback()
            raise
        try:
            transaction.commit()
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            # What was only read is here; what was written may have been committed.
            if number is not None and not self._was_committed(number):
                raise

    def has_table(self, session: PlainSession, table: str) -> bool:
        """Whether the schema itself, not another one that is searched too, has a table."""
        [[found]] = session.rows(
            "SELECT EXISTS (SELECT FROM pg_tables WHERE tablename = :table AND "
            "schemaname = coalesce(CAST(:schema AS text), current_schema()))",
            table=table,
            schema=self.schema,
        )
        return bool(found)

    def make_schema(self, connection: Connection) -> None:
        """Make the schema that the URL names, if it isn't there."""
        if self.schema is not None:
            connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {_quoted(self.schema)}")

    def _lock(self, connection: Connection, lock: str, timeout: float) -> str:
        """Wait for the write lock; returns the transaction's number."""
        limits = {"lock": f"{max(1, int(timeout * 1000))}ms", "idle": IDLE_LIMIT}
        connection.execute(_LIMITS, limits)
        number: str = connection.execute(_LOCK, {"lock": lock, "schema": self.schema}).scalar_one()
        return number

    def _was_committed(self, number: str) -> bool:
        """Whether a transaction whose connection was lost while it committed did commit."""
        end = time.monotonic() + RECOVERY_SECONDS
        while True:
            with suppress(DBAPIError), self.engine.connect() as connection:
                fate = connection.execute(_FATE, {"transaction": number}).scalar()
                if fate in ("committed", "aborted"):
                    return bool(fate == "committed")
            if time.monotonic() >= end:
                raise StorageError(
                    f"{self.name}: the connection was lost while a change was committed, and the "
                    "server did not come back to tell whether it was; look before trying again"
                )
            time.sleep(0.2)

    def _search_only_the_schema(self, connection: Any, _record: object) -> None:
        assert self.schema is not None
        autocommit, connection.autocommit = connection.autocommit, True
        connection.execute(f"SET search_path TO {_quoted(self.schema)}")
        connection.autocommit = autocommit


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
