"""Nothing that Onelook does talks to the network: traced from below, since native code may, too."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.backbones import export_backbone, is_exported

BACKBONE = "efficientnet-lite0"
WORK = """
import os, signal, sys, threading, time
from pathlib import Path
from engine import Recognizer, sample
from engine.server.options import ServerOptions
from engine.server.run import serve

began = time.monotonic()
pictures = sorted(sample.catalog().glob("*.png"))[:40]
with Recognizer.open("gallery", create=True) as recognizer:
    for picture in pictures:
        recognizer.enroll(picture.stem, picture)
    assert recognizer.recognize(pictures[3]).candidates[0].label == pictures[3].stem
    recognizer.train_head()
    assert recognizer.backbone.runtime == "onnxruntime"
    serving = 9 - (time.monotonic() - began)  # its telemetry waits for some six seconds
    threading.Timer(max(serving, 1), os.kill, (os.getpid(), signal.SIGINT)).start()
    serve(recognizer, ServerOptions(port=0), on_listening=lambda: print("served", flush=True))
"""
CALLS = "socket,connect,bind,sendto,sendmsg,sendmmsg"
LOOPBACK = re.compile(r'inet_addr\("127\.|inet_pton\(AF_INET6, "::1"|inet_pton\(AF_INET6, "::"')


def traced(work: str, folder: Path) -> list[str]:
    """What a Python program asked the operating system for about the network, a call a line."""
    strace = shutil.which("strace")
    if strace is None:
        if os.environ.get("ONELOOK_REQUIRE_STRACE"):
            pytest.fail("strace is required here, but there is none")
        pytest.skip("strace is not installed; it is how calls of native code are seen")
    home = folder / "home"
    home.mkdir()
    trace = folder / "trace"
    command = [strace, "-f", "-qq", "--seccomp-bpf", "-e", f"trace={CALLS}", "-o", str(trace)]
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[1])}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    done = subprocess.run(
        [*command, sys.executable, "-c", work],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return trace.read_text(encoding="utf-8", errors="replace").splitlines()


def going_out(calls: list[str]) -> list[str]:
    """The calls that reach, or look for, another machine."""
    addressed = [call for call in calls if re.search(r"sa_family=AF_INET6?,", call)]
    return [
        call
        for call in calls
        if (call in addressed and (not LOOPBACK.search(call) or "htons(53)" in call))
        or "io.systemd.Resolve" in call
    ]


@pytest.mark.slow
@pytest.mark.weights
def test_enrolling_recognising_training_and_serving_open_no_socket_but_our_own(
    tmp_path: Path,
) -> None:
    if not is_exported(BACKBONE):
        export_backbone(BACKBONE)

    calls = traced(WORK, tmp_path)

    bound = [call for call in calls if " bind(" in call and "AF_INET" in call]
    assert bound, "the service's own socket should be seen"
    assert going_out(calls) == []
    assert [path for path in (tmp_path / "home").rglob("*") if path.is_file()] == []


def test_a_connection_to_elsewhere_is_seen(tmp_path: Path) -> None:
    work = (
        "import socket\n"
        "with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:\n"
        "    s.connect(('127.0.0.1', 9))\n"
        "with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:\n"
        "    try: s.connect(('192.0.2.1', 9))\n"
        "    except OSError: pass\n"
    )

    [call] = going_out(traced(work, tmp_path))

    assert "192.0.2.1" in call


def test_onnxruntime_is_told_to_be_silent_before_it_is_imported() -> None:
    code = (
        "import os, sys\n"
        "import engine.backbones.runtimes.onnx\n"
        "assert 'onnxruntime' in sys.modules\n"
        "assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'\n"
    )
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "0"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
