"""What every test of the page does."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.server.conftest import Running, png


def file(seed: int, name: str = "query.png", size: int = 96) -> dict:
    return {"name": name, "mimeType": "image/png", "buffer": png(seed, size)}


def show(page: Page, seed: int, size: int = 96) -> None:
    """Hand the Recognise page a picture."""
    page.locator(".recognize .drop input[type=file]").first.set_input_files(file(seed, size=size))


def stranger(shop: Running, start: int) -> int:
    """The first picture from `start` on that the service calls unknown."""
    unknown = (n for n in range(start, start + 50) if not shop.recognizer.recognize(png(n)).known)
    return next(unknown)


def go(page: Page, name: str) -> None:
    page.get_by_role("navigation").get_by_role("link", name=name).click()
