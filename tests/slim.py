"""Onelook without torch and the rest that a slim install leaves out, walked through.

`make slim` runs `python -m tests.slim` in a real slim install, which has no pytest;
`tests/test_slim.py` walks the same way in this environment, with those packages blocked.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from engine import sample
from engine.slim import LEFT_OUT

BLOCKED = f"""
import sys
for module in {sorted(LEFT_OUT)}:
    sys.modules[module] = None
from onelook.cli import main
main()
"""
"""Runs the command where what a slim install leaves out can't be imported."""

CLASSES = 20


def walk(command: Sequence[str], folder: Path) -> None:
    """Enroll, recognise, serve, show the demo; and be told what training would need.

    Args:
        command: what stands for `onelook`.
        folder: where to do it.

    Raises:
        AssertionError: something went otherwise than it should.
    """
    (folder / "catalog").mkdir()
    pictures = sorted(sample.catalog().glob("*.png"))[:CLASSES]
    for picture in pictures:
        shutil.copy(picture, folder / "catalog")
    _run(command, folder, "enroll", "catalog", "--gallery", "g")
    told = _run(command, folder, "recognize", str(pictures[3]), "--gallery", "g", "--json")
    assert json.loads(told)["candidates"][0]["label"] == pictures[3].stem, told
    told = _run(command, folder, "export", "g.parquet", "--gallery", "g", code=1)
    assert "needs the package pyarrow, which a slim install leaves out" in told, told
    told = _run(command, folder, "train", "head", "--gallery", "g", code=1)
    assert "needs the package torch, which a slim install leaves out" in told, told
    told = _run(
        command, folder, "recognize", str(pictures[3]), "-g", "g", "--runtime", "torch", code=1
    )
    assert "slim install leaves out" in told, told
    _serve(command, folder, pictures[3])
    told = _run(command, folder, "demo", "--out", "drawn")
    assert (folder / "drawn" / "onelook-demo.png").stat().st_size > 10_000, told


def _run(command: Sequence[str], folder: Path, *arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [*command, *arguments],
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, f"{arguments}:\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout + done.stderr if code else done.stdout


def _serve(command: Sequence[str], folder: Path, picture: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    service = subprocess.Popen(
        [*command, "serve", "--gallery", "g", "--port", str(port)],
        cwd=folder,
        env=_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert service.stderr is not None
        line = service.stderr.readline()
        assert f"http://127.0.0.1:{port}/" in line, line
        boundary = "part"
        body = (
            (
                f"--{boundary}\r\n"
                'Content-Disposition: form-data; name="images"; filename="a.png"\r\n'
                "Content-Type: image/png\r\n\r\n"
            ).encode()
            + picture.read_bytes()
            + f"\r\n--{boundary}--\r\n".encode()
        )
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/recognize",
            body,
            {"Content-Type": f"multipart/form-data; boundary={boundary}"},
        )
        with urllib.request.urlopen(asked, timeout=120) as answer:
            [decision] = json.load(answer)["results"]
        assert decision["candidates"][0]["label"] == picture.stem, decision
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as page:
            assert b"Onelook" in page.read()
    finally:
        service.terminate()
        service.communicate(timeout=60)
    assert service.returncode == 0, service.returncode


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "ONELOOK_BACKBONE"}


if __name__ == "__main__":
    started = time.perf_counter()
    for module in LEFT_OUT:
        try:
            __import__(module)
        except ModuleNotFoundError:
            continue
        sys.exit(f"{module} is installed here: this is no slim install")
    with tempfile.TemporaryDirectory(prefix="onelook-slim-") as place:
        walk([str(Path(sys.executable).with_name("onelook"))], Path(place))
    seconds = time.perf_counter() - started
    print(f"a slim install enrolls, recognises, serves and shows the demo: {seconds:.0f} s")
