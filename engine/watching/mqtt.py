"""Events told to an MQTT broker: each a message of JSON on one topic, at least once (QoS 1)."""

from __future__ import annotations

import secrets
import ssl
import threading
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ..errors import SettingsError
from .telling import PATIENCE, Delivery, NotToldError

if TYPE_CHECKING:
    from paho.mqtt.client import Client

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_KEEP_ALIVE = 60
_MOST_BYTES = 65535
_FINAL = frozenset({"Unsupported protocol version", "Client identifier not valid"}) | frozenset(
    {"Bad user name or password", "Not authorized"}
)
"""What a broker says that won't let us in later either."""


class Mqtt:
    """The channel to a topic of a broker, by MQTT 3.1.1; it connects at the first event.

    A connection that broke is made anew at the next try, so that nothing waits in two places.

    Args:
        url: `mqtt://HOST[:PORT]/TOPIC`, or `mqtts://…` for TLS, by the system's certificates or
            those of `SSL_CERT_FILE`; it may hold a name and password.
        username, password: which are used rather than the URL's.

    Raises:
        SettingsError: the URL isn't written so, or the extra `mqtt` isn't installed.
    """

    def __init__(self, url: str, *, username: str = "", password: str = "") -> None:
        try:
            import paho.mqtt.client  # noqa: F401  an extra
        except ImportError as error:
            raise SettingsError(
                "to tell events by MQTT, run `pip install onelook[mqtt]`"
            ) from error
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS[parts.scheme]
            topic = unquote(parts.path.removeprefix("/"), errors="strict")
            address = bool(parts.hostname) and not parts.query and not parts.fragment
            fine = address and _may_be_published(topic)
        except (ValueError, KeyError):
            fine, topic, port = False, "", 0
        if not fine:
            raise SettingsError(
                "expected a broker and a topic such as mqtts://broker.local/shop/seen, without "
                f"wildcards, but got {_without_password(url)!r}"
            )
        self._host, self._port, self._topic = parts.hostname or "", port, topic
        self._tls = _tls() if parts.scheme == "mqtts" else None
        self._username = username or unquote(parts.username or "")
        self._password = password or unquote(parts.password or "")
        self._client: Client | None = None

    @property
    def place(self) -> str:
        scheme = "mqtt" if self._tls is None else "mqtts"
        return f"{scheme}://{self._host}:{self._port}/{self._topic}"

    def tell(self, delivery: Delivery) -> None:
        if self._client is None or not self._client.is_connected():
            self.close()
            self._client = self._connected()
        taken = self._client.publish(self._topic, delivery.body, qos=1)
        try:
            taken.wait_for_publish(PATIENCE)
        except (RuntimeError, ValueError) as error:  # it broke off meanwhile
            self.close()
            raise NotToldError(f"the connection broke: {error}") from error
        if not taken.is_published():
            self.close()
            raise NotToldError("the broker didn't acknowledge it")

    def close(self) -> None:
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
            self._client = None

    def _connected(self) -> Client:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"onelook-{secrets.token_hex(6)}",
            reconnect_on_failure=False,
        )
        client.connect_timeout = PATIENCE
        if self._username or self._password:
            client.username_pw_set(self._username, self._password)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        answered = threading.Event()
        answers: list[str] = []

        def answer(*said: object) -> None:
            answers.append(str(said[3]))
            answered.set()

        client.on_connect = answer
        client.on_disconnect = answer
        try:
            client.connect(self._host, self._port, _KEEP_ALIVE)
        except (OSError, ValueError) as error:
            raise NotToldError(f"{type(error).__name__}: {error}") from error
        client.loop_start()
        answered.wait(PATIENCE)
        if not client.is_connected():
            client.loop_stop()
            why = answers[0] if answers else "it didn't answer"
            raise NotToldError(f"the broker let nobody in: {why}", again=why not in _FINAL)
        return client


class _Socket(ssl.SSLSocket):
    """Closed when the handshake fails, which paho-mqtt leaves to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.sslsocket_class = _Socket
    return context


def _may_be_published(topic: str) -> bool:
    return (
        bool(topic)
        and not any(mark in topic for mark in "+#\0")
        and (len(topic.encode()) <= _MOST_BYTES)
    )


def _without_password(url: str) -> str:
    head, slashes, rest = url.partition("://")
    return f"{head}{slashes}{rest.rpartition('@')[2]}"
