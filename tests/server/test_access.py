"""Who may do what: every route with every scope and with none."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from engine.catalog.service import TokenStore
from engine.errors import SettingsError, StorageError, UnavailableError
from engine.recognizer import Recognizer
from engine.server import tokens
from engine.server.app import create_app
from engine.server.options import ServerOptions
from engine.server.run import server_of
from engine.server.tokens import RateLimiter, Scope, TokenRing, create_token
from tests.server.conftest import client_of, png, seen

ANYBODY = "anybody"
ALLOWED = {
    ("GET", "/healthz"): ANYBODY,
    ("GET", "/readyz"): ANYBODY,
    ("GET", "/openapi.json"): ANYBODY,
    ("GET", "/"): ANYBODY,
    ("GET", "/favicon.ico"): ANYBODY,
    ("GET", "/v1/session"): ANYBODY,
    ("POST", "/v1/session"): ANYBODY,
    ("DELETE", "/v1/session"): ANYBODY,
    ("GET", "/metrics"): "metrics",
    ("GET", "/v1/gallery"): "recognize",
    ("POST", "/v1/recognize"): "recognize",
    ("POST", "/v1/nearest"): "recognize",
    ("POST", "/v1/locate"): "recognize",
    ("POST", "/v1/verify"): "recognize",
    ("POST", "/v1/explain"): "recognize",
    ("POST", "/v1/feedback"): "enroll",
    ("DELETE", "/v1/feedback/{feedback_id}"): "enroll",
    ("GET", "/v1/classes"): "recognize",
    ("POST", "/v1/classes"): "enroll",
    ("GET", "/v1/classes/attributes"): "recognize",
    ("POST", "/v1/classes/remove"): "admin",
    ("GET", "/v1/classes/{class_id}"): "recognize",
    ("PATCH", "/v1/classes/{class_id}"): "enroll",
    ("DELETE", "/v1/classes/{class_id}"): "admin",
    ("POST", "/v1/classes/{class_id}/merge"): "admin",
    ("POST", "/v1/classes/{class_id}/examples"): "enroll",
    ("GET", "/v1/classes/{class_id}/counterexamples"): "enroll",
    ("POST", "/v1/classes/{class_id}/counterexamples"): "enroll",
    ("GET", "/v1/classes/{class_id}/counterexamples/{counterexample_id}/picture"): "enroll",
    ("DELETE", "/v1/classes/{class_id}/counterexamples/{counterexample_id}"): "enroll",
    ("GET", "/v1/examples/{example_id}"): "recognize",
    ("GET", "/v1/examples/{example_id}/picture"): "recognize",
    ("DELETE", "/v1/examples/{example_id}"): "admin",
    ("GET", "/v1/jobs"): "enroll",
    ("POST", "/v1/jobs/enrolment"): "enroll",
    ("POST", "/v1/jobs/evaluation"): "enroll",
    ("POST", "/v1/jobs/calibration"): "admin",
    ("GET", "/v1/jobs/{job_id}"): "enroll",
    ("POST", "/v1/jobs/{job_id}/files"): "enroll",
    ("POST", "/v1/jobs/{job_id}/start"): "enroll",
    ("POST", "/v1/jobs/{job_id}/cancel"): "enroll",
    ("GET", "/v1/jobs/{job_id}/events"): "enroll",
    ("GET", "/v1/review"): "enroll",
    ("GET", "/v1/review/{query_id}/picture"): "enroll",
    ("POST", "/v1/review/enroll"): "enroll",
    ("POST", "/v1/review/forget"): "enroll",
    ("DELETE", "/v1/review"): "admin",
    ("GET", "/v1/quality"): "recognize",
    ("GET", "/v1/quality/advice"): "recognize",
    ("PUT", "/v1/quality/target"): "admin",
}
# Bodies that pass validation, so that what is answered is about the caller.
BODIES: dict[tuple[str, str], dict] = {
    ("POST", "/v1/session"): {"json": {"token": "wrong"}},
    ("PATCH", "/v1/classes/{class_id}"): {"json": {}},
    ("POST", "/v1/classes/remove"): {"json": {"class_ids": [77]}},
    ("POST", "/v1/classes/{class_id}/merge"): {"json": {"class_ids": [1]}},
    ("POST", "/v1/review/enroll"): {"json": {"label": "x", "query_ids": [1]}},
    ("POST", "/v1/review/forget"): {"json": {"query_ids": [1]}},
    ("PUT", "/v1/quality/target"): {"json": {"target_fpir": 0.05}},
}
MakeToken = Callable[[str], str]


@pytest.fixture
def locked(opened: Recognizer, make_token: MakeToken) -> TestClient:
    """A service that has tokens."""
    make_token("admin")
    with client_of(opened, ServerOptions(rate=0)) as client:
        yield client


def test_the_matrix_covers_every_route(locked: TestClient) -> None:
    """Also those that the OpenAPI document leaves out."""
    served = set(routes_of(locked.app.routes))
    files = {("GET", "/static"), ("HEAD", "/openapi.json")}
    assert served - files == set(ALLOWED)
    document = locked.get("/openapi.json").json()
    described = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item
    }
    pages = {("GET", "/"), ("GET", "/favicon.ico"), ("GET", "/openapi.json")}
    assert described | pages == set(ALLOWED)


def routes_of(routes: list) -> Iterator[tuple[str, str]]:
    """Method and path of every route, however deep it lies; a mounted folder can only be read."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from routes_of(inner.routes)
        for method in getattr(route, "methods", None) or ([] if inner else ["GET"]):
            yield method, route.path


@pytest.mark.parametrize("given", ["none", "metrics", "recognize", "enroll", "admin"])
def test_every_route_answers_just_those_who_may(
    locked: TestClient, make_token: MakeToken, given: str
) -> None:
    headers = {} if given == "none" else {"Authorization": f"Bearer {make_token(given)}"}
    locked.app.state.service.tokens.refresh()
    order = ["recognize", "enroll", "admin"]
    wrong = []
    for (method, path), needed in ALLOWED.items():
        url = path.replace("{class_id}", "77").replace("{example_id}", "77")
        url = (
            url.replace("{job_id}", "77").replace("{query_id}", "77").replace("{feedback_id}", "77")
        )
        answer = locked.request(method, url, headers=headers, **BODIES.get((method, path), {}))
        if needed == ANYBODY:
            fine = answer.status_code in ((401,) if method == "POST" else (200,))
        elif given == "none":
            fine = answer.status_code == 401 and "www-authenticate" in answer.headers
        elif "metrics" in (given, needed):
            allowed = needed == "metrics" and given in ("metrics", "admin")
            fine = answer.status_code == (200 if allowed else 403)
        elif order.index(given) < order.index(needed):
            fine = answer.status_code == 403
        else:
            fine = answer.status_code not in (401, 403)
        if not fine:
            wrong.append((method, path, answer.status_code))
    assert wrong == []


def test_a_refused_body_is_not_even_read(locked: TestClient) -> None:
    answer = locked.post("/v1/classes", content=b"--not a form", headers={"content-type": "x/y"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "header",
    ["Bearer ", "Bearer onelook", "Bearer onelook__", "Bearer onelook_x_y", "Basic abc", "x" * 500],
)
def test_odd_tokens_are_refused(locked: TestClient, header: str) -> None:
    assert locked.get("/v1/gallery", headers={"Authorization": header}).status_code == 401


def test_a_tampered_token_is_refused(locked: TestClient, make_token: MakeToken) -> None:
    token = make_token("admin")
    other = make_token("admin")
    locked.app.state.service.tokens.refresh()
    mixed = "_".join([*token.split("_", 2)[:2], other.split("_", 2)[2]])

    def status(text: str) -> int:
        return locked.get("/v1/gallery", headers={"Authorization": f"Bearer {text}"}).status_code

    last = "A" if token[-1] != "A" else "B"
    assert status(token) == 200
    assert status(token[:-1] + last) == 401
    assert status(mixed) == 401


def test_a_revoked_token_is_refused_soon(
    locked: TestClient, opened: Recognizer, make_token: MakeToken
) -> None:
    token = make_token("recognize")
    locked.app.state.service.tokens.refresh()
    headers = {"Authorization": f"Bearer {token}"}
    assert locked.get("/v1/gallery", headers=headers).status_code == 200

    assert opened.gallery.catalog.service.tokens.revoke(token.split("_")[1])
    seen(lambda: locked.get("/v1/gallery", headers=headers).status_code == 401)


def test_revoking_the_last_token_opens_nothing(opened: Recognizer, make_token: MakeToken) -> None:
    opened.gallery.catalog.service.tokens.revoke(make_token("admin").split("_")[1])
    with client_of(opened) as client:
        assert client.get("/v1/gallery").status_code == 401


def test_secrets_are_stored_only_as_hashes(opened: Recognizer, make_token: MakeToken) -> None:
    secret = make_token("admin").split("_", 2)[2]
    opened.gallery.catalog.erase_removed()
    for file in opened.gallery.folder.path.iterdir():
        assert secret.encode() not in file.read_bytes()


def test_the_page_logs_in_with_a_cookie_that_scripts_cant_read(
    locked: TestClient, make_token: MakeToken
) -> None:
    token = make_token("enroll")
    locked.app.state.service.tokens.refresh()
    assert locked.get("/v1/session").json() == {"scope": None, "login": True, "csrf": None}

    answer = locked.post("/v1/session", json={"token": token})

    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie  # plain HTTP on this machine
    assert answer.json()["scope"] == "enroll"
    assert locked.get("/v1/gallery").json()["scope"] == "enroll"
    locked.delete("/v1/session")
    assert locked.get("/v1/gallery").status_code == 401


def test_the_page_has_no_use_for_a_token_that_reads_metrics(
    locked: TestClient, make_token: MakeToken
) -> None:
    token = make_token("metrics")
    locked.app.state.service.tokens.refresh()

    answer = locked.post("/v1/session", json={"token": token})

    assert answer.status_code == 403
    assert "'metrics'" in answer.json()["detail"]
    assert "set-cookie" not in answer.headers


def test_over_https_the_cookie_is_secure(opened: Recognizer, make_token: MakeToken) -> None:
    token = make_token("enroll")
    with TestClient(create_app(opened), base_url="https://shop.example") as client:
        answer = client.post("/v1/session", json={"token": token})
        assert "secure" in answer.headers["set-cookie"].lower()


def test_a_request_by_cookie_must_prove_that_the_page_made_it(
    locked: TestClient, make_token: MakeToken
) -> None:
    locked.app.state.service.tokens.refresh()
    token = make_token("enroll")
    locked.app.state.service.tokens.refresh()
    csrf = locked.post("/v1/session", json={"token": token}).json()["csrf"]
    body = {"data": {"label": "cup"}, "files": {"image": png(1)}}

    forged = locked.post("/v1/classes", **body)
    wrong = locked.post("/v1/classes", **body, headers={b"X-CSRF-Token": b"\xe9" * 8})
    real = locked.post("/v1/classes", **body, headers={"X-CSRF-Token": csrf})

    assert (forged.status_code, wrong.status_code, real.status_code) == (403, 403, 201)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_sites_page_can_change_nothing(client: TestClient, headers: dict) -> None:
    answer = client.post(
        "/v1/classes", data={"label": "cup"}, files={"image": png(1)}, headers=headers
    )
    assert answer.status_code == 403
    assert client.get("/v1/classes").json()["classes"] == []


def test_the_own_page_may(client: TestClient) -> None:
    headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    answer = client.post(
        "/v1/classes", data={"label": "cup"}, files={"image": png(1)}, headers=headers
    )
    assert answer.status_code == 201


def test_without_tokens_only_local_names_are_answered(client: TestClient) -> None:
    answer = client.get("/v1/classes", headers={"Host": "rebound.evil.example"})
    assert answer.status_code == 403


def test_the_service_hides_from_other_machines_until_it_has_a_token(
    opened: Recognizer, make_token: MakeToken
) -> None:
    options = ServerOptions(host="0.0.0.0", port=1)
    with pytest.raises(SettingsError, match="onelook token create"):
        server_of(opened, options)
    make_token("admin")
    server = server_of(opened, options)
    server.config.app.state.service.stop()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.4", False),
        ("shop.example", False),
    ],
)
def test_which_addresses_are_this_machines_own(host: str, loopback: bool) -> None:
    assert ServerOptions(host=host).loopback is loopback


def test_a_certificate_needs_its_key() -> None:
    with pytest.raises(SettingsError, match="--tls-key"):
        ServerOptions(tls_cert=Path("cert.pem"))


def test_a_token_can_be_required_before_there_is_one(opened: Recognizer) -> None:
    with client_of(opened, ServerOptions(token_required=True)) as client:
        assert client.get("/v1/gallery").status_code == 401


def test_who_asks_too_often_is_told_to_wait(opened: Recognizer, make_token: MakeToken) -> None:
    first = {"Authorization": f"Bearer {make_token('admin')}"}
    second = {"Authorization": f"Bearer {make_token('admin')}"}
    with client_of(opened, ServerOptions(rate=1)) as client:
        statuses = [client.get("/v1/gallery", headers=first).status_code for _ in range(4)]
        limited = client.get("/v1/gallery", headers=first)
        assert statuses[:2] == [200, 200]
        assert limited.status_code == 429
        assert int(limited.headers["retry-after"]) >= 1
        assert client.get("/v1/gallery", headers=second).status_code == 200


def test_an_empty_bucket_fills_at_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    rates = RateLimiter(4.0)

    assert [rates.wait("a") for _ in range(9)] == [0.0] * 8 + [0.25]
    now += 0.25
    assert rates.wait("a") == 0.0
    assert rates.wait("a") == 0.25
    assert rates.wait("b") == 0.0


def test_scopes_include_those_before_them(opened: Recognizer) -> None:
    store = opened.gallery.catalog.service.tokens
    text = create_token(store, "x", Scope.ENROLL)
    ring = TokenRing(store)
    assert ring.principal(text).scope >= Scope.RECOGNIZE
    assert ring.principal(text).scope < Scope.ADMIN
    ring.close()
    with pytest.raises(SettingsError, match="recognize, enroll, admin"):
        Scope.named("root")


def test_an_expired_token_is_refused_and_told_so(
    locked: TestClient, opened: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened.gallery.catalog.service.tokens
    soon = datetime.now(UTC) + timedelta(hours=1)
    token = create_token(store, "till", Scope.RECOGNIZE, expires_at=soon)
    locked.app.state.service.tokens.refresh()
    headers = {"Authorization": f"Bearer {token}"}
    wrong = {"Authorization": f"Bearer {token[:-4]}AAAA"}
    assert locked.get("/v1/gallery", headers=headers).status_code == 200

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return soon

    monkeypatch.setattr(tokens, "datetime", Later)
    answer = locked.get("/v1/gallery", headers=headers)
    assert answer.status_code == 401
    assert f"expired on {soon:%Y-%m-%d at %H:%M} UTC" in answer.json()["detail"]
    assert "expired" not in locked.get("/v1/gallery", headers=wrong).json()["detail"]


def test_the_last_use_of_a_token_is_noted_once_a_minute(
    opened: Recognizer, make_token: MakeToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened.gallery.catalog.service.tokens
    used, idle = make_token("admin"), make_token("recognize")
    written: list[set[str]] = []
    note = type(store).used

    def counted(self: TokenStore, moments: Mapping[str, datetime]) -> None:
        written.append(set(moments))
        if len(written) == 1:
            raise StorageError("the disk is full")
        note(self, moments)

    monkeypatch.setattr(TokenStore, "used", counted)
    monkeypatch.setattr(tokens, "REFRESH_SECONDS", 0.01)
    before = datetime.now(UTC)
    ring = TokenRing(store)
    for _ in range(5):
        ring.principal(used)
    seen(lambda: len(written) == 1)
    for _ in range(5):
        ring.principal(used)
        ring.refresh()
    assert len(written) == 1
    ring.close()  # which notes what is left

    [key, other] = [token.split("_")[1] for token in (used, idle)]
    assert written == [{key}, {key}]
    moments = {token.id: token.last_used_at for token in store.all()}
    assert moments[other] is None
    assert moments[key] is not None
    assert before <= moments[key] <= datetime.now(UTC)
    store.used({key: before})  # of a process that was slower to note it
    assert {token.id: token.last_used_at for token in store.all()} == moments


def test_while_the_database_is_away_no_token_is_trusted_for_long(
    locked: TestClient,
    opened: Recognizer,
    make_token: MakeToken,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = make_token("recognize")
    ring = locked.app.state.service.tokens
    ring.refresh()
    headers = {"Authorization": f"Bearer {token}"}
    opened.gallery.catalog.service.tokens.revoke(token.split("_")[1])  # unheard of in time

    def away(self: object) -> object:
        raise UnavailableError("the server is away")

    ring.refresh = lambda: away(None)  # the thread that follows goes on, in vain
    ring._known = {key: replace(known, revoked_at=None) for key, known in ring._known.items()}
    assert locked.get("/v1/gallery", headers=headers).status_code == 200
    monkeypatch.setattr(tokens, "TRUST_SECONDS", 0.0)
    answer = locked.get("/v1/gallery", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (503, "UnavailableError")
    assert "retry-after" in answer.headers
    wrong = {"Authorization": "Bearer onelook_x_y"}
    assert locked.get("/v1/gallery", headers=wrong).status_code == 401
    monkeypatch.undo()
    del ring.refresh
    seen(lambda: locked.get("/v1/gallery", headers=headers).status_code == 401)
