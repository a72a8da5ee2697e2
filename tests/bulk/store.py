"""A server that speaks S3, in a thread."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock
from urllib.parse import quote

import boto3
import moto.settings
from moto.core.base_backend import BackendDict
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.server import ThreadedMotoServer

KEY, SECRET = "testing", "s3cret"
BUCKET = "shop"


class Store:
    """A running server with one bucket."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )
        self._client.create_bucket(Bucket=BUCKET)

    def put(self, key: str, data: bytes) -> None:
        self._client.put_object(Bucket=BUCKET, Key=key, Body=data)

    def remove(self, key: str) -> None:
        self._client.delete_object(Bucket=BUCKET, Key=key)

    def url(self, path: str, *, bucket: str = BUCKET) -> str:
        """The address of an object or a prefix, credentials included."""
        scheme, endpoint = self._endpoint.split("://")
        return (
            f"s3://{KEY}:{SECRET}@{bucket}/{path}"
            f"?region=us-east-1&scheme={scheme}&endpoint_override={quote(endpoint)}"
        )

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """The server refuses everybody meanwhile."""
        with mock.patch.object(moto.settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0):
            yield

    @contextmanager
    def failing(self, times: int) -> Iterator[list[str]]:
        """The server fails that often meanwhile, whatever it is asked; what those requests were."""
        failed: list[str] = []
        answer = DomainDispatcherApplication.__call__

        def failing(app: Any, environ: Any, start: Any) -> Any:
            if len(failed) >= times:
                return answer(app, environ, start)
            failed.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
            start("503 Slow Down", [("Content-Length", "0")])
            return []

        with mock.patch.object(DomainDispatcherApplication, "__call__", failing):
            yield failed


@contextmanager
def running_store() -> Iterator[Store]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield Store(f"http://{host}:{port}")
    finally:
        server.stop()
        BackendDict.reset()  # what was stored is the process's, and would be the next server's too
