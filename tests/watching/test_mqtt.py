"""Events told by MQTT, to a real broker."""

from __future__ import annotations

import builtins
import json
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.errors import SettingsError
from engine.watching.mqtt import Mqtt
from engine.watching.telling import Teller
from tests.tls import certificate
from tests.watching.broker import PASSWORD, USER, brokering, free_port, listening

QUICK = (0.01, 0.01)


def told(teller: Teller, events: int) -> None:
    while teller.delivered + teller.lost < events:
        time.sleep(0.01)


def test_events_come_to_the_topic_in_order_and_at_least_once(tmp_path: Path) -> None:
    with brokering(tmp_path) as port, listening(port, "shop/#") as came:
        with closing(Teller(Mqtt(f"mqtt://127.0.0.1:{port}/shop/till%201"))) as teller:
            for number in range(3):
                teller.send({"id": f"e{number}", "label": "Tässchen"})
            told(teller, 3)
        messages = [came.get(timeout=60) for _ in range(3)]
    assert teller.place == f"mqtt://127.0.0.1:{port}/shop/till 1"
    assert (teller.delivered, teller.lost) == (3, 0)
    assert [json.loads(body)["id"] for _, body, _ in messages] == ["e0", "e1", "e2"]
    assert {(topic, qos) for topic, _, qos in messages} == {("shop/till 1", 1)}
    assert json.loads(messages[0][1])["label"] == "Tässchen"


def test_a_broker_that_is_away_for_a_while_misses_nothing(tmp_path: Path) -> None:
    port = free_port()
    with closing(Teller(Mqtt(f"mqtt://127.0.0.1:{port}/seen"), waits=(0.2,) * 600)) as teller:
        teller.send({"id": "before it is there"})
        with brokering(tmp_path, port=port):
            told(teller, 1)
        teller.send({"id": "while it is down"})
        with brokering(tmp_path, port=port), listening(port, "seen") as came:
            told(teller, 2)
            teller.send({"id": "afterwards"})
            told(teller, 3)
            ids = [json.loads(came.get(timeout=60)[1])["id"]]
            while ids[-1] != "afterwards":
                ids.append(json.loads(came.get(timeout=60)[1])["id"])
    assert (teller.delivered, teller.lost) == (3, 0)
    # Whoever listens may have come only after the broker took what waited.
    assert ids in (["while it is down", "afterwards"], ["afterwards"])


def test_over_tls_with_a_name_and_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    signed = certificate(tmp_path)
    with brokering(tmp_path, locked=True, certificate=signed) as port:
        address = f"localhost:{port}/seen"

        def lost(url: str, **who: str) -> int:
            with closing(Teller(Mqtt(url, **who), waits=QUICK)) as teller:
                teller.send({"id": "e"})
                told(teller, 1)
            return teller.lost

        assert lost(f"mqtts://{address}", username=USER, password=PASSWORD) == 1
        assert "CERTIFICATE_VERIFY_FAILED" in caplog.text
        monkeypatch.setenv("SSL_CERT_FILE", str(signed[0]))
        assert lost(f"mqtts://{address}", username=USER, password=PASSWORD) == 0
        assert lost(f"mqtts://{USER}:open%3A%20se%C2%A7ame@{address}") == 0
        caplog.clear()
        assert lost(f"mqtts://{USER}:wrong@{address}") == 1
        assert caplog.text.count("the broker let nobody in") == 1
        assert "wrong" not in caplog.text


def test_what_never_answers_is_given_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import socket

    monkeypatch.setattr("engine.watching.mqtt.PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with closing(Teller(Mqtt(f"mqtt://127.0.0.1:{port}/seen"), waits=QUICK)) as teller:
            teller.send({"id": "e"})
            told(teller, 1)
    assert teller.lost == 1
    assert "the broker let nobody in: it didn't answer" in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        *("", "broker.local", "http://broker.local/seen", "mqtt://", "mqtt:///seen", "mqtt://b"),
        *("mqtt://b/", "mqtt://b/a/+/c", "mqtt://b/a/%23", "mqtt://b/%00", "mqtt://b:x/seen"),
        *("mqtt://b/%ff", "mqtt://b/seen?qos=2", "mqtt://[/seen", "mqtt://b/" + "x" * 65536),
    ],
)
def test_odd_addresses_are_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="expected a broker and a topic such as mqtts://"):
        Mqtt(url)


def test_a_refusal_shows_no_password() -> None:
    with pytest.raises(SettingsError) as refused:
        Mqtt("mqtt://me:hush@broker.local/")
    assert "hush" not in str(refused.value)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = builtins.__import__

    def absent(name: str, scope: Mapping[str, Any] | None = None, *more: Any) -> Any:
        if name.startswith("paho"):
            raise ImportError(name)
        return genuine(name, scope, *more)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(SettingsError, match=r"pip install onelook\[mqtt\]"):
        Mqtt("mqtt://broker.local/seen")
