"""`onelook token` and `onelook serve`."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect
from typer.testing import CliRunner

from engine import sample
from engine.cli.app import app
from engine.recognizer import Recognizer
from engine.server.options import ServerOptions
from tests.server.browser import PHONE, chromium, launched, tab
from tests.server.conftest import client_of, seen
from tests.tls import certificate


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_token_is_made_listed_used_and_revoked(gallery: Path) -> None:
    token = run("token", "create", "shop counter", "--scope", "enroll", "-g", gallery).split()[0]
    listed = run("token", "list", "-g", gallery)
    assert "shop counter" in listed
    assert "enroll" in listed
    assert token.split("_", 2)[2] not in listed
    headers = {"Authorization": f"Bearer {token}"}
    with Recognizer.open(gallery, backbone="fake") as opened, client_of(opened) as client:
        assert client.get("/v1/gallery", headers=headers).json()["scope"] == "enroll"
        run("token", "revoke", token.split("_")[1], "-g", gallery)
        seen(lambda: client.get("/v1/gallery", headers=headers).status_code == 401)
    assert "revoked" in run("token", "list", "-g", gallery)


def test_a_token_may_expire(gallery: Path) -> None:
    done = CliRunner().invoke(
        app, ["token", "create", "guest", "-g", str(gallery), "--expires", "90d"]
    )
    day = datetime.now(UTC) + timedelta(days=90)
    assert f"refused from {day:%Y-%m-%d}" in done.stderr
    titles, guest = run("token", "list", "-g", gallery).splitlines()
    cells = dict(zip(titles.split("\t"), guest.split("\t"), strict=True))
    assert cells["expires"].startswith(f"{day:%Y-%m-%d}")
    assert (cells["last used"], cells["state"]) == ("never", "in force")
    for wrong in ("soon", "90", "0d", "-1d", "9999999w"):
        refused = CliRunner().invoke(
            app, ["token", "create", "x", "-g", str(gallery), "--expires", wrong]
        )
        assert refused.exit_code == 1
        assert "12h, 90d or 52w" in refused.stderr


def test_odd_wishes_are_refused_in_words(gallery: Path) -> None:
    for arguments, words in (
        (["token", "create", "x", "--scope", "root", "-g", gallery], "recognize, enroll, admin"),
        (["token", "revoke", "nothing", "-g", gallery], "onelook token list"),
        (["serve"], "--demo"),
        (["serve", "-g", gallery, "--host", "0.0.0.0"], "onelook token create"),
        (["serve", "-g", gallery, "--tls-cert", "cert.pem"], "--tls-key"),
        (["serve", "-g", gallery, "--tls-cert", "no.pem", "--tls-key", "no.pem"], "no.pem"),
        (["serve", "-g", gallery, "--tls-cert", __file__, "--tls-key", __file__], "PEM files"),
    ):
        refused = CliRunner().invoke(app, [str(a) for a in arguments])
        assert refused.exit_code == 1
        assert words in refused.output
        assert "serves" not in refused.output
        assert "should not have happened" not in refused.output


def test_a_port_that_is_taken_is_said_in_words(gallery: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        refused = CliRunner().invoke(app, ["serve", "-g", str(gallery), "--port", port])
    assert refused.exit_code == 1
    assert f"127.0.0.1 port {port} can't be listened on" in refused.output
    assert "serves" not in refused.output


def test_it_serves_https(gallery: Path, tmp_path: Path) -> None:
    import ssl

    certificate(tmp_path)
    port = free_port()
    options = ServerOptions(port=port, tls_cert=tmp_path / "cert.pem", tls_key=tmp_path / "key.pem")
    assert options.tls
    command = [sys.executable, "-m", "engine.cli", "serve", "-g", str(gallery)]
    command += ["--port", str(port), "--tls-cert", str(tmp_path / "cert.pem")]
    process = subprocess.Popen([*command, "--tls-key", str(tmp_path / "key.pem")])
    try:
        trusted = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        answer = wait_for(f"https://localhost:{port}/readyz", process, trusted)
        assert json.loads(answer) == {"status": "ready", "problems": []}
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.weights
def test_one_command_serves_the_sample_to_a_phone() -> None:
    chromium()
    port = free_port()
    command = [sys.executable, "-m", "engine.cli", "serve", "--demo", "--port", str(port)]
    process = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"})
    try:
        wait_for(f"http://127.0.0.1:{port}/readyz", process, None)
        with launched() as browser, tab(browser, **PHONE) as page:
            page.goto(f"http://127.0.0.1:{port}/")
            picker = page.locator(".recognize .drop input[type=file]").first
            picker.set_input_files(sample.queries() / "airplane.png")
            expect(page.locator(".verdict h2")).to_have_text("airplane")
            picker.set_input_files(sorted(sample.strangers().iterdir())[3])
            expect(page.locator(".verdict h2")).to_have_text("Unknown")
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def wait_for(url: str, process: subprocess.Popen[bytes], trusted: object) -> bytes:
    while process.poll() is None:
        try:
            with urllib.request.urlopen(url, context=trusted) as answer:  # type: ignore[arg-type]
                return bytes(answer.read())
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the service ended with {process.returncode}")
