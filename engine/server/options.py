"""How the service runs, and its limits."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import SettingsError

MEBIBYTE = 2**20
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What may be chosen about a running service.

    Attributes:
        host, port: where it listens.
        token_required: refuse requests without a token even if none was ever made.
        tls_cert, tls_key: PEM files; both or neither.
        trusted_proxies: addresses or networks of proxies whose word about senders is believed.
        root_path: the path below which a proxy shows the service, such as `/onelook`.
        keep_unknown: how many queries called unknown are kept for review; 0 keeps none.
        rate: requests a second that one token, or one address without, may make; 0 is no limit.
        max_body_bytes: of a request.
        max_held_bytes: of the bodies, files for jobs aside, and of the answers that are held at a
            time for all who call.
        max_upload_bytes: of a request that brings files to a job.
        max_expanded_bytes: what the files of a job may take, unpacked.
        max_files: how many files a job may hold.
        max_uploads: how many requests may bring files to jobs at a time.
        max_jobs: how many jobs may be unfinished; more are refused.
        max_pictures: how many pictures one recognition request may hold.
        max_image_bytes, max_image_pixels: of one picture.
        max_request_pixels: of the pictures of one request, decoded.
        max_waiting_pixels: of the pictures of all requests that wait to be decoded; more requests
            are refused.
        max_decoding_pixels: of the pictures that are decoded at a time.
        queue: pictures that may wait to be recognised; more are refused.
        queue_seconds: how long one may wait.
        max_batch: pictures embedded at once.
        max_connections: how many may be open; fewer where the process may open few files. Half of
            them may have a request in work.
        header_seconds: how long a request's headers may take, from the connection's beginning or
            the first byte on.
        rest_seconds: how long a connection may rest between requests; longer than clients keep one,
            so that they end it, and none sends a request as it is closed.
        body_seconds, body_rate: a body may be waited for that long, and a second more for each
            `body_rate` bytes that have come.
        send_seconds: how long an answer may not be taken.
        drain_seconds: how long the service goes on after it was asked to stop, so that whoever
            is calling it notices.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token_required: bool = False
    tls_cert: Path | None = None
    tls_key: Path | None = None
    trusted_proxies: tuple[str, ...] = ()
    root_path: str = ""
    keep_unknown: int = 0
    rate: float = 200.0
    max_body_bytes: int = 64 * MEBIBYTE
    max_held_bytes: int = 512 * MEBIBYTE
    max_upload_bytes: int = 1024 * MEBIBYTE
    max_expanded_bytes: int = 4096 * MEBIBYTE
    max_files: int = 100_000
    max_uploads: int = 4
    max_jobs: int = 20
    max_pictures: int = 64
    max_image_bytes: int = 32 * MEBIBYTE
    max_image_pixels: int = 50_000_000
    max_request_pixels: int = 400_000_000
    max_waiting_pixels: int = 1_000_000_000
    max_decoding_pixels: int = 60_000_000
    queue: int = 256
    queue_seconds: float = 10.0
    max_batch: int = 32
    max_connections: int = 1000
    header_seconds: float = 10.0
    rest_seconds: int = 30
    body_seconds: float = 10.0
    body_rate: int = 4096
    send_seconds: float = 30.0
    drain_seconds: float = 0.5
    proxy_networks: tuple[Network, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise SettingsError(
                "expected a TLS certificate and its key, but got only one of them; give both "
                "--tls-cert and --tls-key"
            )
        if self.keep_unknown < 0:
            raise SettingsError(f"expected keep_unknown of 0 or more, but got {self.keep_unknown}")
        object.__setattr__(self, "proxy_networks", tuple(map(_network, self.trusted_proxies)))
        object.__setattr__(self, "root_path", _root(self.root_path))
        if self.rate < 0:
            raise SettingsError(f"expected a rate of 0 or more, but got {self.rate}")

    @property
    def loopback(self) -> bool:
        """Whether only programs of this machine can reach the service."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def address(self) -> str:
        """What a browser on this machine is told to open."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}/"

    @property
    def tls(self) -> bool:
        """Whether the service speaks HTTPS."""
        return self.tls_cert is not None


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise SettingsError(
            f"expected an address or a network such as 127.0.0.1 or 10.0.0.0/8 as trusted proxy, "
            f"but got {text!r}"
        ) from None


def _root(text: str) -> str:
    """A path prefix with a slash before and none behind, or nothing."""
    path = text.strip("/")
    if any(part in ("", ".", "..") for part in path.split("/")) and path:
        raise SettingsError(f"expected a path such as /onelook as root path, but got {text!r}")
    if not path.isascii() or any(mark in path for mark in "?#%\\\"'<> "):
        raise SettingsError(f"expected a plain path such as /onelook as root path, got {text!r}")
    return f"/{path}" if path else ""
