"""Fetching weights, from a hub that the test runs itself."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import pytest

from engine.backbones.hub import hub_file, url_file
from engine.errors import BackboneUnavailableError

COMMIT = "1" * 40
FILES = {"/someone/model/resolve/main/weights.bin": b"these are weights"}


class Hub(BaseHTTPRequestHandler):
    """As much of the Hugging Face hub as a download needs."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self.wfile.write(self._answer())

    def _answer(self) -> bytes:
        body = FILES.get(self.path, b"")
        self.send_response(200 if body or self.path == "/" else 404)
        if not body:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return body

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    yield address
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.usefixtures("hub")
def test_the_first_file_that_the_repository_has_is_fetched_once_and_then_cached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = ("weights.safetensors", "weights.bin")
    path = hub_file("some:name", "someone/model", wanted)
    assert path.read_bytes() == b"these are weights"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    assert hub_file("some:name", "someone/model", wanted) == path


@pytest.mark.usefixtures("hub")
def test_a_repository_without_any_of_the_files_is_said_so() -> None:
    with pytest.raises(BackboneUnavailableError, match="has none of these files") as caught:
        hub_file("some:name", "someone/model", ("other.bin",))
    assert "someone/model (other.bin)" in str(caught.value)


def test_working_offline_by_wish_is_said_so(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BackboneUnavailableError, match="HF_HUB_OFFLINE is set"):
        hub_file("some:name", "someone/model", ("weights.bin",))


def test_a_download_by_address_is_wrapped_the_same_way(hub: str, tmp_path: Path) -> None:
    assert url_file("some:name", f"{hub}/", lambda: str(tmp_path)) == tmp_path

    def broken() -> str:
        raise RuntimeError("checksum\ndoes not match")

    with pytest.raises(BackboneUnavailableError, match="failed: checksum does not match"):
        url_file("some:name", f"{hub}/file", broken)
    with pytest.raises(BackboneUnavailableError, match="can't be reached"):
        url_file("some:name", "http://127.0.0.1:9/file", broken)
