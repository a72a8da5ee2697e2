"""A webhook's deliveries, to a real server."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.errors import SettingsError
from engine.watching.telling import Teller
from engine.watching.webhook import Webhook
from tests.watching.receiver import Receiver, receiving

SECRET = "both ends know this"
QUICK = (0.01, 0.01)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_events_come_in_order_and_signed() -> None:
    before = int(time.time())
    with receiving() as receiver:
        with closing(Teller(Webhook(receiver.url, SECRET))) as webhook:
            for number in range(3):
                webhook.send({"id": f"e{number}", "label": "Tässchen"})
        assert (webhook.delivered, webhook.lost) == (3, 0)
    assert [json.loads(body)["id"] for _, body in receiver.calls] == ["e0", "e1", "e2"]
    headers, body = receiver.calls[0]
    moment, signature = (part.split("=")[1] for part in headers["Onelook-Signature"].split(","))
    signed = hmac.new(SECRET.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert signature == signed
    assert before <= int(moment) <= time.time()
    assert headers["Content-Type"] == "application/json"
    genuine = documented()
    assert genuine(headers["Onelook-Signature"], body, SECRET)
    assert not genuine(headers["Onelook-Signature"], body + b" ", SECRET)
    assert headers["Onelook-Delivery"] == "e0"


def test_what_fails_is_tried_again_and_stays_the_same_event() -> None:
    with receiving(503, 429) as receiver, hooked(receiver, (0.01,) * 5) as webhook:
        webhook.send({"id": "e"})
        wait_for(webhook, 1)
    assert (webhook.delivered, webhook.lost) == (1, 0)
    assert [headers["Onelook-Delivery"] for headers, _ in receiver.calls] == ["e"] * 3
    assert len({body for _, body in receiver.calls}) == 1


@pytest.mark.parametrize(("answers", "calls"), [([500] * 9, 3), ([404], 1), ([302], 1)])
def test_in_the_end_it_gives_up_and_says_so(
    answers: list[int], calls: int, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        receiving(*answers) as receiver,
        closing(Teller(Webhook(receiver.url, SECRET), waits=QUICK)) as hook,
    ):
        hook.send({"id": "e"})
        wait_for(hook, 1)
    assert len(receiver.calls) == calls
    assert (hook.delivered, hook.lost) == (0, 1)
    assert f"it answered {answers[0]}" in caplog.text


def test_nobody_there_is_no_error_for_the_sender(caplog: pytest.LogCaptureFixture) -> None:
    with receiving() as receiver:
        url = receiver.url
    with closing(Teller(Webhook(f"{url}?key=hush", SECRET), waits=QUICK)) as webhook:
        webhook.send({"id": "e"})
        wait_for(webhook, 1)
    assert webhook.lost == 1
    assert "ConnectError" in caplog.text
    assert "hush" not in caplog.text.replace("HTTP Request", "")


def test_only_so_many_wait(caplog: pytest.LogCaptureFixture) -> None:
    with receiving() as receiver, caplog.at_level(logging.WARNING):
        receiver.open.clear()
        with closing(Teller(Webhook(receiver.url, SECRET), waiting=5)) as webhook:
            webhook.send({"id": "in hand"})
            while not receiver.calls:
                time.sleep(0.01)
            for number in range(20):
                webhook.send({"id": f"e{number}"})
            assert webhook.lost == 15
            receiver.open.set()
        assert webhook.delivered == 6
    assert caplog.text.count("further ones are dropped") == 1


def test_closing_waits_for_no_retry() -> None:
    with receiving(*[500] * 9) as receiver:
        began = time.monotonic()
        with closing(Teller(Webhook(receiver.url, SECRET), waits=(600.0,))) as webhook:
            webhook.send({"id": "a"})
            webhook.send({"id": "b"})
        assert time.monotonic() - began < 300
    assert len(receiver.calls) == 2
    assert webhook.lost == 2


@pytest.mark.parametrize("url", ["", "here", "ftp://x/y", "http://", "http://[", "http://x:y/"])
def test_odd_addresses_are_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="expected a webhook such as https://"):
        Webhook(url, SECRET)


def test_without_a_secret_nothing_is_sent() -> None:
    with pytest.raises(SettingsError, match="ONELOOK_WEBHOOK_SECRET"):
        Webhook("https://example.com/", " ")


def documented() -> Callable[[str, bytes, str], bool]:
    """What the documentation says a receiver should check."""
    page = Path(__file__).parents[2] / "docs" / "watching.md"
    code = page.read_text(encoding="utf-8").split("```python")[1].split("```")[0]
    names: dict[str, Any] = {}
    exec(code, names)
    genuine: Callable[[str, bytes, str], bool] = names["genuine"]
    return genuine


def hooked(receiver: Receiver, waits: tuple[float, ...]) -> closing[Teller]:
    return closing(Teller(Webhook(receiver.url, SECRET), waits=waits))


def wait_for(webhook: Teller, events: int) -> None:
    while webhook.delivered + webhook.lost < events:
        time.sleep(0.01)
