"""An MQTT broker that a test's events go to, and whoever listens there."""

from __future__ import annotations

import json
import queue
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

USER, PASSWORD = "till", "open: se§ame"
_PATIENCE = 60.0


def free_port() -> int:
    """A port that nobody listened at a moment ago."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@contextmanager
def brokering(
    folder: Path,
    *,
    port: int | None = None,
    locked: bool = False,
    certificate: tuple[Path, Path] | None = None,
) -> Iterator[int]:
    """A broker in a process of its own, until killed at the end; its port.

    Args:
        port: where it listens.
        locked: it lets in `USER` with `PASSWORD` only.
        certificate: and its key, for TLS.
    """
    port = port or free_port()
    listener: dict[str, Any] = {"type": "tcp", "bind": f"127.0.0.1:{port}"}
    if certificate is not None:
        listener |= {"ssl": True, "certfile": str(certificate[0]), "keyfile": str(certificate[1])}
    users = folder / "users"
    users.write_text(f"{USER}:{PasswordHash((Argon2Hasher(),)).hash(PASSWORD)}\n", encoding="utf-8")
    entry = (
        {"amqtt.plugins.authentication.FileAuthPlugin": {"password_file": str(users)}}
        if locked
        else {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    )
    config = folder / "broker.yaml"
    config.write_text(json.dumps({"listeners": {"default": listener}, "plugins": entry}))
    with (
        (folder / "broker.log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "amqtt.scripts.broker_script", "-c", str(config)],
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            _await(process, port, folder / "broker.log")
            yield port
        finally:
            process.kill()


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"the broker didn't start:\n{log.read_text(errors='replace')}")


@contextmanager
def listening(port: int, topic: str) -> Iterator[queue.Queue[tuple[str, bytes, int]]]:
    """Topic, payload and QoS of whatever comes to a topic of a broker that lets everybody in."""
    came: queue.Queue[tuple[str, bytes, int]] = queue.Queue()
    ready: queue.Queue[None] = queue.Queue()
    client = Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, said: came.put((said.topic, said.payload, said.qos))
    client.on_subscribe = lambda *_: ready.put(None)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        client.subscribe(topic, qos=1)
        ready.get(timeout=_PATIENCE)
        yield came
    finally:
        client.disconnect()
        client.loop_stop()
