"""A photograph of 8 MB over a slow line: how long the page takes to answer, shrinking it first.

    python -m benchmarks slow_line [--runs 5]

The photograph is one of scikit-image's, enlarged to 12 megapixels, with a camera's noise. The line
is Chromium's own throttling, at 100 ms there and back; the clock runs from the choice of the file
to the answer in words. Beside it: the same with the page's shrinking taken out.
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image
from playwright.sync_api import CDPSession, Page, Request, Route, sync_playwright
from skimage import data

from engine import sample
from engine.recognizer import Recognizer
from engine.server.options import ServerOptions
from tests.server.conftest import running

MEGABITS = (1.0, 2.0, 5.0, 10.0)
LATENCY = 100
UNSHRUNK = 5.0
"""Megabits a second at which the file is sent as it is, too."""

KEEPING = "export async function shrunk(file) { return file;"
_WIDTH, _HEIGHT = 4000, 3000
_NOISE = 6.0


def photograph() -> bytes:
    """A JPEG of 12 megapixels and some 8 MB."""
    scene = Image.fromarray(data.coffee()).resize((_WIDTH, _HEIGHT), Image.Resampling.BICUBIC)
    noise = np.random.default_rng(0).normal(0, _NOISE, (_HEIGHT, _WIDTH, 3))
    pixels = np.clip(np.asarray(scene) + noise, 0, 255).astype(np.uint8)
    return min(
        (_jpeg(pixels, quality) for quality in range(75, 100, 2)),
        key=lambda file: abs(len(file) - 8_000_000),
    )


def _jpeg(pixels: np.ndarray, quality: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    given = photograph()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with (
        tempfile.TemporaryDirectory() as folder,
        Recognizer.open(Path(folder) / "demo.gallery", create=True) as recognizer,
    ):
        recognizer.enroll_catalog(sample.catalog())
        file = Path(folder) / "photograph.jpg"
        file.write_bytes(given)
        with running(recognizer, ServerOptions(rate=0)) as service, sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page()
            sent: list[Request] = []
            page.on("requestfinished", lambda one: sent.append(one))
            line = page.context.new_cdp_session(page)
            line.send("Network.enable")
            answered(page, line, service.url, file, 1000.0)
            print(f"{len(given):,} bytes, {_WIDTH} × {_HEIGHT}; sent {largest(sent):,} bytes\n")
            print(
                f"| Mbit/s | seconds to the answer, median of {runs} (least to most) |\n|---|---|"
            )
            for speed in MEGABITS:
                taken = sorted(answered(page, line, service.url, file, speed) for _ in range(runs))
                print(f"| {speed:g} | {median(taken):.1f} ({taken[0]:.1f} to {taken[-1]:.1f}) |")
            page.route("**/js/shrink.js", unshrinking)
            taken = [answered(page, line, service.url, file, UNSHRUNK)]
            print(f"\nas it is, at {UNSHRUNK:g} Mbit/s: {taken[0]:.1f} s")
            browser.close()


def answered(page: Page, line: CDPSession, url: str, file: Path, megabits: float) -> float:
    """Seconds from the choice of a picture to its answer, the page being there already."""
    throttle(line, 1000.0)
    page.goto(f"{url}/")
    page.reload()
    chooser = page.locator(".recognize .drop input[type=file]").first
    chooser.wait_for(state="attached")
    throttle(line, megabits)
    began = time.perf_counter()
    chooser.set_input_files(file)
    page.locator(".verdict h2").wait_for(timeout=300_000)
    return time.perf_counter() - began


def largest(sent: list[Request]) -> int:
    """Bytes of the largest body of a request."""
    return max(int(request.header_value("content-length") or 0) for request in sent)


def throttle(line: CDPSession, megabits: float) -> None:
    """Slow the page's network down, both ways."""
    rate = megabits * 1e6 / 8
    speed = {"latency": LATENCY, "downloadThroughput": rate, "uploadThroughput": rate}
    line.send("Network.emulateNetworkConditions", {"offline": False, **speed})


def unshrinking(route: Route) -> None:
    """The page's script without its work."""
    script = route.fetch().text().replace("export async function shrunk(file) {", KEEPING)
    route.fulfill(body=script, content_type="text/javascript")


if __name__ == "__main__":
    main()
