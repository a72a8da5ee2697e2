"""Behind a proxy: who is believed, where the page lies, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from engine.errors import SettingsError
from engine.recognizer import Recognizer
from engine.server.forwarding import arrived, caller_of
from engine.server.options import ServerOptions
from tests.server.conftest import client_of, png
from tests.server.test_recognition_routes import enroll

MARKS = [
    {"X-Forwarded-For": "203.0.113.7"},
    {"X-Forwarded-Host": "shop.example"},
    {"X-Forwarded-Proto": "https"},
    {"Forwarded": "for=203.0.113.7"},
    {"Via": "1.1 proxy"},
    {"X-Real-IP": "203.0.113.7"},
    {"CF-Connecting-IP": "203.0.113.7"},
    {"X-Forwarded-For": "127.0.0.1"},  # anybody can claim that
]


@pytest.mark.parametrize("headers", MARKS)
def test_what_a_proxy_brings_is_not_this_machines_own(client: TestClient, headers: dict) -> None:
    enroll(client, "cup", 1)
    refused = client.delete("/v1/classes/1", headers=headers)
    assert (refused.status_code, refused.json()["error"]) == (401, "AuthorizationError")
    assert "--trusted-proxy" in refused.json()["detail"]
    assert client.get("/v1/session", headers=headers).json()["scope"] is None
    assert client.delete("/v1/classes/1").status_code == 204


def scope(peer: str, *headers: tuple[str, str], version: str = "1.1") -> dict:
    lines = [(name.lower().encode(), value.encode()) for name, value in headers]
    return {
        "type": "http",
        "http_version": version,
        "client": (peer, 5),
        "scheme": "http",
        "path": "/v1/gallery",
        "headers": [(b"host", b"127.0.0.1:8000"), *lines],
    }


TRUSTING = ServerOptions(trusted_proxies=("127.0.0.1", "10.0.0.0/8"))


@pytest.mark.parametrize(
    ("asked", "sender", "local"),
    [
        (scope("127.0.0.1"), "127.0.0.1", True),
        (scope("127.0.0.1", version="1.0"), "127.0.0.1", False),
        (scope("127.0.0.1", ("X-Forwarded-For", "203.0.113.7")), "203.0.113.7", False),
        (scope("127.0.0.1", ("X-Forwarded-For", "127.0.0.1")), "127.0.0.1", True),
        (scope("127.0.0.1", ("X-Forwarded-For", "127.0.0.1, 203.0.113.7")), "203.0.113.7", False),
        (
            scope("127.0.0.1", ("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-For", "203.0.113.7")),
            "203.0.113.7",
            False,
        ),
        (scope("10.1.2.3", ("X-Forwarded-For", "203.0.113.7, 10.9.9.9")), "203.0.113.7", False),
        (scope("192.168.1.2", ("X-Forwarded-For", "127.0.0.1")), "192.168.1.2", False),
        (scope("127.0.0.1", ("X-Forwarded-For", "garbage")), "garbage", False),
        (scope("127.0.0.1", ("Via", "1.1 x")), "127.0.0.1", False),
    ],
)
def test_of_a_trusted_proxy_the_last_strangers_address_is_believed(
    asked: dict, sender: str, local: bool
) -> None:
    found = arrived(asked, TRUSTING)
    assert (found["client"][0], found["onelook.local"]) == (sender, local)


def test_a_trusted_proxys_scheme_and_host_are_believed_and_nobody_elses() -> None:
    headers = (
        ("X-Forwarded-For", "203.0.113.7"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "shop.example"),
    )
    believed = arrived(scope("127.0.0.1", *headers), TRUSTING)
    assert (believed["scheme"], believed["onelook.host"]) == ("https", "shop.example")
    other = arrived(scope("127.0.0.1", *headers), ServerOptions())
    assert (other["scheme"], other["onelook.host"]) == ("http", "127.0.0.1:8000")


def test_a_rotated_address_doesnt_get_around_the_limit(
    opened: Recognizer, make_token: Callable[[str], str]
) -> None:
    make_token("admin")
    for trusted in ((), ("127.0.0.1",)):
        with client_of(opened, ServerOptions(rate=1, trusted_proxies=trusted)) as client:
            statuses = {
                client.get(
                    "/v1/gallery", headers={"X-Forwarded-For": f"198.51.100.{n}, 203.0.113.7"}
                ).status_code
                for n in range(8)
            }
            assert 429 in statuses


@pytest.mark.parametrize(
    ("address", "caller"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("testclient", "testclient"),
    ],
)
def test_a_network_of_many_addresses_is_one_caller(address: str, caller: str) -> None:
    assert caller_of(address) == caller


@pytest.mark.parametrize("stripped", [True, False])
def test_the_page_works_below_a_prefix(opened: Recognizer, stripped: bool) -> None:
    with client_of(opened, ServerOptions(root_path="/onelook/")) as client:
        before = "" if stripped else "/onelook"
        page = client.get(f"{before}/")
        assert page.status_code == 200
        addresses = re.findall(r'(?:href|src)="([^"#]+)"', page.text)
        assert addresses
        for address in addresses:
            assert not address.startswith("/")
            assert client.get(f"{before}/{address}").status_code == 200
        made = client.post(f"{before}/v1/classes", data={"label": "cup"}, files={"image": png(1)})
        assert made.status_code == 201
        big = client.post(f"{before}/v1/session", json={"token": "x" * 300_000})
        assert big.status_code == 413
        assert client.get(f"{before}/healthz").status_code == 200


def test_the_pages_scripts_ask_for_relative_addresses(client: TestClient) -> None:
    for name in ("api", "dom", "jobs", "app", "dialog"):
        script = client.get(f"/static/js/{name}.js").text
        assert not re.search(r"""["'`]/(v1|static)/""", script)
        assert "randomUUID" not in script  # there only over HTTPS


def test_the_cookie_is_for_the_prefix_only(
    opened: Recognizer, make_token: Callable[[str], str]
) -> None:
    token = make_token("admin")
    with client_of(opened, ServerOptions(root_path="/onelook")) as client:
        answer = client.post("/v1/session", json={"token": token})
    assert "path=/onelook;" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/static/js/app.js", "/v1/gallery"])
def test_head_is_answered_as_get_without_a_body(client: TestClient, path: str) -> None:
    answer = client.head(path)
    assert answer.status_code == 200
    assert answer.headers["content-length"] == client.get(path).headers["content-length"]


@pytest.mark.parametrize("address", ["", "somewhere", "10.0.0.0/99"])
def test_an_odd_proxy_is_refused_in_words(address: str) -> None:
    with pytest.raises(SettingsError, match="trusted proxy"):
        ServerOptions(trusted_proxies=(address,))


@pytest.mark.parametrize("path", ["/a//b", "/../x", "/a b", "/a?b"])
def test_an_odd_root_path_is_refused_in_words(path: str) -> None:
    with pytest.raises(SettingsError, match="root path"):
        ServerOptions(root_path=path)
