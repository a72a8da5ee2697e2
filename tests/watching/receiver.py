"""A web server that a test's webhook calls."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """What came, and what is answered: each of `answers` once, then 204.

    Attributes:
        url: where it listens.
        calls: headers and body of every call.
        open: while it isn't set, calls wait for their answer.
    """

    def __init__(self, url: str, answers: Sequence[int]) -> None:
        self.url = url
        self.answers = list(answers)
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.open = threading.Event()
        self.open.set()


@contextmanager
def receiving(*answers: int) -> Iterator[Receiver]:
    """A server on a free port, in a thread."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.calls.append((dict(self.headers), body))
            receiver.open.wait(60)
            self.send_response(receiver.answers.pop(0) if receiver.answers else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_address[1]}/seen", answers)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield receiver
        finally:
            receiver.open.set()
            server.shutdown()
            thread.join()
