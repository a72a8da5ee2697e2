"""Where a request really comes from, when proxies stand between: its sender, its scheme, its path.

A proxy on this machine connects from this machine, whoever asked it. So a request that bears the
marks of a proxy is not this machine's own, and what it says of its sender is believed only of the
proxies that the operator names (`--trusted-proxy`). Old HTTP is such a mark too: proxies still
speak it by default, and add nothing else.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from starlette.types import Scope

from .options import Network, ServerOptions

_MARKS = frozenset(
    {
        b"forwarded",
        b"via",
        b"client-ip",
        b"true-client-ip",
        b"cf-connecting-ip",
        b"fastly-client-ip",
        b"x-client-ip",
        b"x-cluster-client-ip",
        b"x-real-ip",
        b"x-envoy-external-address",
        b"x-original-forwarded-for",
        b"x-original-host",
        b"x-original-uri",
        b"x-original-url",
        b"x-rewrite-url",
        b"x-proxyuser-ip",
    }
)
_IPV6_NETWORK = 64


def arrived(scope: Scope, options: ServerOptions) -> Scope:
    """A request's scope with the real sender, scheme, host and path, and whether it is local.

    `onelook.local` says that a program of this machine sent it, if the service listens on this
    machine's own address; `onelook.host` is the name under which its sender called.
    """
    scope = dict(scope)
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    marked = scope.get("http_version") == "1.0" or any(map(_is_mark, (name for name, _ in headers)))
    scope["onelook.local"] = not marked
    scope["onelook.host"] = _last(headers, b"host")
    sender = scope.get("client")
    if marked and sender is not None and _trusted(sender[0], options.proxy_networks):
        _believe(scope, headers, options.proxy_networks)
    return _placed(scope, options.root_path)


def caller_of(address: str) -> str:
    """What is counted as one caller: an IPv4 address, or the network that an IPv6 one is from."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((int(found), _IPV6_NETWORK), strict=False))
    return address


def _is_mark(name: bytes) -> bool:
    return name in _MARKS or name.startswith(b"x-forwarded")


def _believe(
    scope: Scope, headers: Sequence[tuple[bytes, bytes]], networks: Sequence[Network]
) -> None:
    """Take from a trusted proxy's headers who sent the request, how, and to which name."""
    # Each proxy adds whom it was called by to the end; what stands before is anybody's claim.
    chain = [part.strip() for part in _joined(headers, b"x-forwarded-for").split(",")]
    strangers = [address for address in chain if address and not _trusted(address, networks)]
    senders = strangers[-1:] or chain[:1]
    if senders[0]:
        scope["client"] = (senders[0], 0)
        scope["onelook.local"] = not strangers and _loopback(senders[0])
    scheme = _joined(headers, b"x-forwarded-proto").rpartition(",")[2].strip().lower()
    if scheme in ("http", "https"):
        scope["scheme"] = scheme
    host = _joined(headers, b"x-forwarded-host").rpartition(",")[2].strip()
    if host:
        scope["onelook.host"] = host


def _placed(scope: Scope, root_path: str) -> Scope:
    """The scope with the prefix in its path, whether or not a proxy has taken that off."""
    if root_path:
        scope["root_path"] = root_path
        path = scope["path"]
        if path != root_path and not path.startswith(root_path + "/"):
            scope["path"] = root_path + path
    return scope


def _trusted(address: str, networks: Sequence[Network]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in network for network in networks if network.version == found.version)


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _joined(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> str:
    return ",".join(value.decode("latin-1") for key, value in headers if key == name)


def _last(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in headers[::-1] if key == name), "")
