"""The service's log: what it tells of requests, changes and errors, and what it keeps to itself."""

from __future__ import annotations

import io
import json
import linecache
import logging
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from engine.catalog.service import JobState, ReviewStore
from engine.cli.app import app
from engine.errors import StorageError
from engine.recognizer import Recognizer
from engine.server import log_lines
from engine.server.jobs import runner
from engine.server.log_lines import Event, LineFormatter, LogFormat, write_log
from engine.server.options import ServerOptions
from engine.server.tokens import Scope, create_token
from tests.server.conftest import client_of, png, seen
from tests.server.test_access import ALLOWED

Lines = Callable[[], list[dict[str, Any]]]
READING = {"/v1/recognize", "/v1/nearest", "/v1/locate", "/v1/verify", "/v1/session", "/v1/explain"}
STAGING = {"/v1/jobs/{job_id}/files"}
"""Files of a job that is made, begun and ended in lines of its own."""


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What stderr is told, as JSON; afterwards the log goes where it went before."""
    root, own = logging.getLogger(), logging.getLogger(log_lines.__name__.partition(".")[0])
    before = (root.handlers[:], root.level, own.level)
    for handler in before[0]:
        root.removeHandler(handler)  # or writing would close them
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    write_log(LogFormat.JSON)
    yield stream
    root.handlers[:], level, own_level = before
    root.setLevel(level)
    own.setLevel(own_level)


@pytest.fixture
def lines(log: io.StringIO) -> Lines:
    return lambda: [json.loads(line) for line in log.getvalue().splitlines()]


def of(lines: Lines, event: str) -> list[dict[str, Any]]:
    return [line for line in lines() if line["event"] == event]


def test_a_request_is_told_with_its_id_its_sender_and_the_times_of_its_stages(
    lines: Lines, client: TestClient
) -> None:
    for seed in range(3):
        client.post("/v1/classes", data={"label": f"cup {seed}"}, files={"image": png(seed)})

    answer = client.post(
        "/v1/recognize", files=[("images", png(1)), ("images", png(2))], params={"secret": "hush"}
    )

    line = of(lines, "access")[-1]
    assert answer.headers["x-request-id"] == line["request"]
    assert (line["method"], line["path"], line["status"]) == ("POST", "/v1/recognize", 200)
    assert (line["who"], line["address"]) == ("anonymous", "testclient")
    assert 0 < line["decode"] + line["embed"] + line["decide"] < 2 * line["seconds"]
    assert "hush" not in json.dumps(lines())


@pytest.mark.parametrize(
    ("given", "kept"),
    [("till-1.7_a", True), ("", False), ("two words", False), ("x" * 65, False), ('a"b', False)],
)
def test_the_senders_id_is_kept_where_it_is_well_formed(
    lines: Lines, client: TestClient, given: str, kept: bool
) -> None:
    answer = client.get("/v1/gallery", headers={"X-Request-ID": given})
    told = answer.headers["x-request-id"]
    assert (told == given) is kept
    assert [line["request"] for line in of(lines, "access")] == [told]


def test_a_refusal_says_why(lines: Lines, client: TestClient) -> None:
    client.post("/v1/recognize", files={"images": b"no picture"})
    client.get("/v1/classes", params={"limit": 0})
    refused, invalid = of(lines, "access")
    assert (refused["status"], refused["error"]) == (422, "ImageError")
    assert "expected a picture" in refused["detail"]
    assert invalid["status"] == 422
    assert "limit" in invalid["detail"]


def test_what_is_asked_all_the_time_is_told_only_when_it_fails(
    lines: Lines, client: TestClient
) -> None:
    client.get("/healthz")
    client.get("/static/js/app.js")
    client.get("/static/nothing.js")
    assert [line["path"] for line in of(lines, "access")] == ["/static/nothing.js"]


def test_every_change_leaves_an_audit_line(opened: Recognizer, make_token: Any, log: Any) -> None:
    """Each route that isn't for reading is called; a new one has to be added here."""
    token = make_token("admin")
    headers = {"Authorization": f"Bearer {token}"}
    told: dict[str, list[dict[str, Any]]] = {}
    with client_of(opened, ServerOptions(keep_unknown=9, rate=0)) as client:

        def call(method: str, path: str, **more: Any) -> Any:
            ids = {
                name: more.pop(name)
                for name in ("class_id", "example_id", "feedback_id", "job_id", "counterexample_id")
                if name in more
            }
            start = len(log.getvalue())
            answer = client.request(method, path.format(**ids), headers=headers, **more)
            assert answer.status_code < 300, answer.text
            new = [json.loads(line) for line in log.getvalue()[start:].splitlines()]
            told[f"{method} {path}"] = [line for line in new if line["event"] == "audit"]
            return answer.json() if answer.content else None

        cup = call("POST", "/v1/classes", data={"label": "cup"}, files={"image": png(1)})
        mug = client.post(
            "/v1/classes", headers=headers, data={"label": "mug"}, files={"image": png(2)}
        ).json()
        jar = client.post(
            "/v1/classes", headers=headers, data={"label": "jar"}, files={"image": png(7)}
        ).json()
        call("POST", "/v1/classes/remove", json={"class_ids": [jar["class_id"]]})
        change = {"label": "tea cup", "pinned_threshold": 0.5, "attributes": {"shop": "north"}}
        call("PATCH", "/v1/classes/{class_id}", class_id=cup["class_id"], json=change)
        more = call(
            "POST",
            "/v1/classes/{class_id}/examples",
            class_id=cup["class_id"],
            files={"image": png(3)},
        )
        call("DELETE", "/v1/examples/{example_id}", example_id=more["example_id"])
        contrary = call(
            "POST",
            "/v1/classes/{class_id}/counterexamples",
            class_id=cup["class_id"],
            files={"image": png(8)},
        )
        call(
            "DELETE",
            "/v1/classes/{class_id}/counterexamples/{counterexample_id}",
            class_id=cup["class_id"],
            counterexample_id=contrary["id"],
        )
        merged = {"class_ids": [mug["class_id"]]}
        call("POST", "/v1/classes/{class_id}/merge", class_id=cup["class_id"], json=merged)
        noted = call("POST", "/v1/feedback", files={"image": png(4)}, data={"label": "tea cup"})
        call("DELETE", "/v1/feedback/{feedback_id}", feedback_id=noted["id"])
        client.post("/v1/recognize", headers=headers, files={"images": png(5)})
        kept = client.get("/v1/review", headers=headers).json()["clusters"][0][0]["id"]
        call("POST", "/v1/review/enroll", json={"label": "jug", "query_ids": [kept]})
        call("POST", "/v1/review/forget", json={"query_ids": [kept]})
        call("DELETE", "/v1/review")
        call("PUT", "/v1/quality/target", json={"target_fpir": 0.02})
        files = [("files", ("bowl/1.png", png(6)))]
        job = call("POST", "/v1/jobs/enrolment", files=files, data={"hold": "true"})
        call("POST", "/v1/jobs/{job_id}/start", job_id=job["id"])
        call("POST", "/v1/jobs/evaluation", files=files, data={"hold": "true"})
        call("POST", "/v1/jobs/{job_id}/cancel", job_id=job["id"])
        call("POST", "/v1/jobs/calibration")
        call("DELETE", "/v1/classes/{class_id}", class_id=cup["class_id"])
        seen(lambda: log.getvalue().count('"change": "job ended"') == 2)  # cancelled, calibrated

    changing = {f"{method} {path}" for method, path in ALLOWED if method != "GET"}
    assert set(told) == {c for c in changing if c.split()[1] not in READING | STAGING}
    assert [route for route, written in told.items() if not written] == []
    for route, written in told.items():
        for line in written:
            assert (line["who"], line["token"]) == ("admin", token.split("_")[1]), route
            assert line["time"].endswith("Z")
            assert line["request"]
    assert [line["change"] for line in told["PATCH /v1/classes/{class_id}"]] == [
        "class renamed",
        "threshold pinned",
        "attributes set",
    ]
    [removed] = told["DELETE /v1/classes/{class_id}"]
    assert (removed["class_id"], removed["label"]) == (cup["class_id"], "tea cup")
    assert token.split("_", 2)[2] not in log.getvalue()


def test_the_end_of_a_job_names_its_sender_whichever_process_ends_it(
    opened: Recognizer, make_token: Any, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {"Authorization": f"Bearer {make_token('enroll')}"}
    files = [("files", ("bowl/1.png", png(6)))]

    def ended() -> list[dict[str, Any]]:
        return [line for line in of(lines, "audit") if line["change"] == "job ended"]

    with client_of(opened, ServerOptions(rate=0)) as client:
        made = [
            client.post(
                "/v1/jobs/enrolment", headers=headers, files=files, data={"hold": "true"}
            ).headers["x-request-id"]
            for _ in range(2)
        ]
    opened.gallery.catalog.service.jobs.start(1, total=1)  # another process finds it waiting
    with client_of(opened, ServerOptions(rate=0)):
        seen(lambda: len(ended()) == 1)
    monkeypatch.setattr(runner, "ABANDONED", timedelta(0))
    with client_of(opened, ServerOptions(rate=0)):
        seen(lambda: len(ended()) == 2)

    done, abandoned = ended()
    assert [(line["who"], line["request"]) for line in (done, abandoned)] == [
        ("enroll", request) for request in made
    ]
    assert (done["job"], done["state"], done["added"]) == (1, "done", 1)
    assert (abandoned["job"], abandoned["state"]) == (2, "cancelled")
    assert abandoned["error"] == "its files never all came"


def test_a_job_of_an_earlier_version_ends_without_a_sender(
    opened: Recognizer, lines: Lines
) -> None:
    opened.gallery.catalog.service.jobs.add("calibration", {}, state=JobState.WAITING)
    with client_of(opened, ServerOptions(rate=0)):
        seen(lambda: bool(of(lines, "audit")))
    [line] = of(lines, "audit")
    assert (line["change"], line["who"]) == ("job ended", "-")
    assert "request" not in line


def test_tokens_that_are_made_and_revoked_beside_the_service_are_told(
    opened: Recognizer, lines: Lines
) -> None:
    store = opened.gallery.catalog.service.tokens
    create_token(store, "of old", Scope.ADMIN)
    with client_of(opened, ServerOptions(rate=0)):
        until = datetime(2099, 1, 31, tzinfo=UTC)
        token = create_token(store, "till 1", Scope.ENROLL, expires_at=until)
        seen(lambda: bool(of(lines, "audit")))
        store.revoke(token.split("_")[1])
        seen(lambda: len(of(lines, "audit")) == 2)

    made, revoked = of(lines, "audit")
    assert [line["change"] for line in (made, revoked)] == ["token made", "token revoked"]
    for line in (made, revoked):
        assert (line["who"], line["token_id"]) == ("command line", token.split("_")[1])
        assert (line["name"], line["scope"]) == ("till 1", "enroll")
        assert line["expires"] == "2099-01-31T00:00:00+00:00"
    assert token.split("_", 2)[2] not in json.dumps(lines())


def test_an_unexpected_error_is_told_once_with_its_cause(
    lines: Lines, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        try:
            raise OSError("the cable is loose")
        except OSError as error:
            raise KeyError("nothing there") from error

    monkeypatch.setattr(ReviewStore, "count", fail)
    answer = client.get("/v1/gallery")

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    [line] = [line for line in lines() if line["level"] == "error"]
    assert line["request"] == answer.headers["x-request-id"] == of(lines, "access")[0]["request"]
    assert line["error"] == "KeyError"
    assert line["causes"] == ["OSError: the cable is loose"]
    assert line["calls"][-1].startswith("tests/server/test_log.py:")
    assert line["calls"][-1].endswith(" fail")


def test_telling_of_an_error_opens_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that it can be told when no descriptor is left."""
    opened: list[object] = []
    monkeypatch.setattr(linecache, "updatecache", lambda *name: opened.append(name))
    try:
        raise OSError(24, "too many open files")
    except OSError as error:
        failed = (OSError, error, error.__traceback__)
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", (), failed)
    text = LineFormatter(LogFormat.TEXT).format(record)
    monkeypatch.undo()
    assert "too many open files" in text
    assert opened == []


def test_a_database_that_fails_is_told_with_its_cause(
    lines: Lines, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StorageError("the database is away") from OSError("no route to host")

    monkeypatch.setattr(ReviewStore, "count", fail)
    assert client.get("/v1/gallery").status_code == 503
    [line] = [line for line in lines() if line["level"] == "warning"]
    assert line["causes"] == ["OSError: no route to host"]


def test_secrets_are_struck_out_and_lines_bounded(log: io.StringIO) -> None:
    token = "onelook_0123456789ab_" + "s3cret-S_" * 5
    logger = logging.getLogger(f"{log_lines.__name__}.elsewhere")
    logger.warning("a token %s and %s", token, "postgresql+psycopg://me:pass:word@db/x?schema=s")
    logger.warning("long %s", "x" * 100_000)
    logger.warning(Event("odd", {"many": list(range(1000)), "text": "a\nb\x1b[2J\u202e"}))
    first, second, third = log.getvalue().splitlines()
    assert "s3cret" not in first
    assert "onelook_0123456789ab_" in first
    assert "pass" not in first.replace("psycopg", "")
    assert "me:" in first
    assert len(second) < 1000
    assert len(third) < 1000


def test_text_says_the_same_in_one_line(log: io.StringIO) -> None:
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "", (), None)
    fields = {"label": "tea cup", "plain": "mug", "odd": "a\n\x1b=", "none": None, "seconds": 0.25}
    record.msg = Event("audit", fields)
    text = LineFormatter(LogFormat.TEXT).format(record)
    as_json = json.loads(LineFormatter(LogFormat.JSON).format(record))
    moment = text.split(" ", 1)[0]
    assert text == (
        f'{moment} info audit label="tea cup" plain=mug odd="a\\n\\u001b=" seconds=0.25'
    )
    assert as_json == {
        "time": moment,
        "level": "info",
        "event": "audit",
        "label": "tea cup",
        "plain": "mug",
        "odd": "a\n\x1b=",
        "seconds": 0.25,
    }


def test_a_stream_that_takes_nothing_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(28, "no space left")

    handler = log_lines._Lines(Full())
    handler.setFormatter(LineFormatter(LogFormat.TEXT))
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    handler.handle(logging.LogRecord("x", logging.INFO, __file__, 1, "said", (), None))
    assert stderr.getvalue() == ""


def test_as_json_even_a_failure_to_start_is_a_line(gallery: Any) -> None:
    arguments = ["serve", "-g", str(gallery), "--log-format", "json", "--host", "0.0.0.0"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1
    [line] = [json.loads(line) for line in done.stderr.splitlines()]
    assert line["level"] == "error"
    assert "onelook token create" in line["message"]
