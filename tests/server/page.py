"""What every test of the page does."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
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


SMALL = """() => {
    if (!matchMedia("(pointer: coarse)").matches) return [];
    const targets = "a, button, .button, input, select, summary, [role=application]";
    return [...document.querySelectorAll(targets)].filter((one) => {
        const box = one.matches("input[type=checkbox]");
        const whole = box && (one.closest("[role=listitem]") ?? one.labels[0]);
        const { width, height } = (whole || one).getBoundingClientRect();
        const shown = one.checkVisibility() && !one.matches(".unseen, .skip, #picture");
        return shown && Math.min(width, height) < 43.5;
    }).map((one) => one.outerHTML.slice(0, 120));
}"""
"""What a thumb would miss: less than 44 pixels wide or high. A box is as large as its label."""


def problems_of(page: Page, name: str) -> list[str]:
    """What axe finds, what a thumb would miss, and whether the page is wider than the window."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    problems = [f"{name}: {v['id']}: {[n['html'][:120] for n in v['nodes']]}" for v in found]
    problems += [f"{name}: small: {target}" for target in page.evaluate(SMALL)]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        problems.append(f"{name}: wider than the window")
    return problems
