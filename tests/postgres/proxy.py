"""Stands between a client and the server and cuts the connection at a chosen moment."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path

CUT_BEFORE, CUT_AFTER = "before", "after"


class CuttingProxy:
    """Passes everything on; when told to, cuts the next connection that commits a write.

    Args:
        folder: the server's socket folder.
        own: the folder of the proxy's own socket.

    Attributes:
        cut: whether the next commit of a write is cut off before or after it reaches the server.
        cuts: how many were cut.
        refusing: whether new connections are closed at once, as if the server were away.
    """

    def __init__(self, folder: Path, own: Path) -> None:
        self.folder = own
        self._target = str(folder / ".s.PGSQL.5432")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(own / ".s.PGSQL.5432"))
        self._listener.listen()
        self._open: list[socket.socket] = []
        self.cut: str | None = None
        self.cuts = 0
        self.refusing = False
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        self.drop_all()

    def drop_all(self) -> None:
        """Cut every connection that is open now."""
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._open.clear()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.refusing:
                    client.close()
                    continue
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._target)
                self._open += [client, server]
                threading.Thread(target=self._up, args=(client, server), daemon=True).start()
                threading.Thread(target=self._down, args=(server, client), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        writing = False
        with suppress(OSError):
            while data := client.recv(1 << 16):
                if b"BEGIN" in data:
                    writing = b"READ COMMITTED" in data  # as only writers ask
                if self.cut is not None and writing and b"COMMIT\0" in data:
                    how, self.cut = self.cut, None
                    self.cuts += 1
                    client.shutdown(socket.SHUT_RDWR)  # the client hears no answer
                    if how == CUT_AFTER:
                        server.sendall(data)
                    server.shutdown(socket.SHUT_WR)
                    return
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _down(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                with suppress(OSError):  # the server must be read, lest it waits for a reader
                    client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)
