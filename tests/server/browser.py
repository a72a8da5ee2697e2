"""A real headless Chromium for the page's tests.

Where there is none the tests are skipped, unless `ONELOOK_REQUIRE_BROWSER` is set.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
PATIENCE = 60_000
"""Milliseconds; on a busy machine a job may take long, which proves nothing about the page."""

DESKTOP = {"viewport": {"width": 1280, "height": 860}}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


def chromium() -> str:
    """Where Chromium is; without it the test is skipped, or fails where it must not be."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        reason = "Chromium is not installed"
        if os.environ.get("ONELOOK_REQUIRE_BROWSER"):
            pytest.fail(f"{reason}, but ONELOOK_REQUIRE_BROWSER is set")
        pytest.skip(reason)
    return found


@contextmanager
def launched() -> Iterator[Browser]:
    """A running browser."""
    path = chromium()
    expect.set_options(timeout=PATIENCE)
    driver: Playwright
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def tab(browser: Browser, **options: object) -> Iterator[Page]:
    """A page in a context of its own; whatever the browser complains about fails the test."""
    context: BrowserContext = browser.new_context(**(options or DESKTOP))  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if message.type in ("error", "warning")
            and "Failed to load resource" not in message.text
            else None
        ),
    )
    try:
        yield page
    finally:
        context.close()
    assert complaints == []
