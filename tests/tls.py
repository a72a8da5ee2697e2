"""A certificate that only the tests trust."""

from __future__ import annotations

import subprocess
from pathlib import Path


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate of `localhost` and its key, as PEM files."""
    request = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext"
    cert, key = folder / "cert.pem", folder / "key.pem"
    where = ["-keyout", key, "-out", cert]
    made = subprocess.run(
        [*request.split(), "subjectAltName=DNS:localhost", *where], capture_output=True, check=False
    )
    assert made.returncode == 0, made.stderr
    return cert, key
