"""A service over a gallery of the fake backbone, called in the process or over a socket."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from fastapi.testclient import TestClient
from PIL import Image
from playwright.sync_api import Browser, Page

from engine.recognizer import Recognizer
from engine.server.app import create_app
from engine.server.options import ServerOptions
from engine.server.tokens import Scope, create_token
from engine.testing.fake_backbone import FakeBackbone
from tests.server.browser import launched, tab

CLASSES = 30
SLOW_MACHINE = 60.0


def png(seed: int, size: int = 48) -> bytes:
    """A picture of four random colours, as a file; each seed's is its own."""
    colours = np.random.default_rng(seed).integers(0, 256, (2, 2, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    image = Image.fromarray(colours.repeat(size // 2, axis=0).repeat(size // 2, axis=1))
    image.save(buffer, "PNG")
    return buffer.getvalue()


@dataclass
class Running:
    """A service on a socket of its own."""

    url: str
    server: uvicorn.Server
    recognizer: Recognizer


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    """An empty gallery."""
    path = tmp_path / "shop.gallery"
    Recognizer.open(path, create=True, backbone=FakeBackbone()).close()
    return path


@pytest.fixture
def opened(gallery: Path) -> Iterator[Recognizer]:
    with Recognizer.open(gallery, backbone=FakeBackbone()) as recognizer:
        yield recognizer


@contextmanager
def client_of(recognizer: Recognizer, options: ServerOptions | None = None) -> Iterator[TestClient]:
    """Call a service in the process."""
    app = create_app(recognizer, options)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client(opened: Recognizer) -> Iterator[TestClient]:
    """A service that asks for no token."""
    with client_of(opened, ServerOptions(keep_unknown=50, rate=0)) as client:
        yield client


@pytest.fixture
def make_token(opened: Recognizer) -> Callable[[str], str]:
    """Make a token of a scope."""

    def make(scope: str) -> str:
        return create_token(opened.gallery.catalog.service.tokens, scope, Scope.named(scope))

    return make


@contextmanager
def running(recognizer: Recognizer, options: ServerOptions | None = None) -> Iterator[Running]:
    """A service on a free port, in a thread."""
    from engine.server.run import listen, server_of

    options = replace(options or ServerOptions(rate=0), port=0)
    listening = listen(options)
    port = listening.getsockname()[1]
    server = server_of(recognizer, options)
    thread = threading.Thread(target=lambda: server.run([listening]), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
        assert thread.is_alive(), "the server didn't start"
    try:
        yield Running(f"http://127.0.0.1:{port}", server, recognizer)
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


def seen(look: Callable[[], bool]) -> None:
    """Wait until something is seen; for how long is printed, for a busy machine proves nothing."""
    started = time.monotonic()
    while not look():
        assert time.monotonic() - started < SLOW_MACHINE
        time.sleep(0.02)
    print(f"seen after {time.monotonic() - started:.2f} s; a second is what is promised")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service of thirty classes that keeps unknown queries and asks for no token."""
    path = tmp_path_factory.mktemp("page") / "shop.gallery"
    with Recognizer.open(path, create=True, backbone=FakeBackbone()) as recognizer:
        fill(recognizer)
        with running(recognizer, ServerOptions(rate=0, keep_unknown=100)) as service:
            yield service


@pytest.fixture
def page(browser: Browser, shop: Running) -> Iterator[Page]:
    with tab(browser) as page:
        page.goto(shop.url)
        yield page


def fill(recognizer: Recognizer) -> None:
    recognizer.enroll_catalog([(f"thing {seed:02}", png(seed, 128)) for seed in range(CLASSES)])
