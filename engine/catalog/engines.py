"""SQLAlchemy's engine for a SQLite file."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import QueuePool

from . import sqlite

WRITE = "onelook_write"
FOREIGN_KEYS = "onelook_foreign_keys"
"""Options of a connection, that say how its next transaction is begun."""


def file_engine(path: Path, *, mode: str, timeout: float) -> Engine:
    """An engine whose connections open the file, and begin as their options say."""
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite.connect(path, mode=mode, timeout=timeout),
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=-1,
        hide_parameters=True,
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if not options[FOREIGN_KEYS]:
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options[WRITE] else "BEGIN")

    @event.listens_for(engine, "checkout")
    def check_out(connection: sqlite.FileConnection, *_: object) -> None:
        if sqlite.outdated(path, connection):
            raise DisconnectionError

    return engine
