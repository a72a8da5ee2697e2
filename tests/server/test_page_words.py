"""The words of both pages, the service's and an exported one: each page's in one place, in every
language, and nothing missing or left over."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from engine.server.routes.page import STATIC as SERVICE
from engine.web.export import STATIC as EXPORTED

PAGES = {"service": SERVICE, "exported": EXPORTED}
LANGUAGES = {
    f"{name} {path.stem}": path
    for name, page in PAGES.items()
    for path in sorted((page / "text").glob("*.json"))
}

each_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())


def words(path: Path) -> dict[str, str | dict[str, str]]:
    found = json.loads(path.read_text("utf-8"))
    assert isinstance(found, dict)
    return found


def values(text: str | dict[str, str]) -> set[str]:
    """The values that a text, in any of its forms, takes."""
    forms = [text] if isinstance(text, str) else text.values()
    return {name for form in forms for name in re.findall(r"\{(\w+)\}", form)}


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=LANGUAGES.keys())
def test_a_language_says_all_that_english_says(language: Path) -> None:
    english, other = words(language.with_name("en.json")), words(language)
    assert other.keys() == english.keys()
    assert [key for key in english if values(other[key]) != values(english[key])] == []
    assert [
        key for key in english if isinstance(other[key], str) != isinstance(english[key], str)
    ] == []
    plural = [text for text in other.values() if not isinstance(text, str)]
    assert all(text.keys() == {"one", "other"} and all(text.values()) for text in plural)


def test_both_pages_speak_the_same_languages() -> None:
    spoken = [{path.name for path in (page / "text").iterdir()} for page in PAGES.values()]
    assert spoken == [{"en.json", "de.json"}] * 2


@each_page
def test_every_word_is_used_and_every_used_one_is_there(page: Path) -> None:
    english = words(page / "text" / "en.json")
    scripts = "\n".join(
        path.read_text("utf-8") for path in [*page.rglob("*.js"), page / "index.html"]
    )
    beginnings = tuple(re.findall(r"`([a-z]+\.(?:[a-z]+_|[a-z_]+\.)?)\$\{", scripts))
    named = set(re.findall(r"\"([a-z]+\.[a-z_]+|[a-z]+)\"", scripts))
    assert [key for key in english if key not in named and not key.startswith(beginnings)] == []
    asked = set(re.findall(r"\bt\(\"([^\"]+)\"", scripts))
    asked |= {
        one
        for pair in re.findall(r"\bt\([^\"()]+\? \"([^\"]+)\" : \"([^\"]+)\"", scripts)
        for one in pair
    }
    asked |= set(re.findall(r"data-(?:text|name)=\"([^\"]+)\"", scripts))
    assert asked - english.keys() == set()
    assert len(asked) > (150 if page == SERVICE else 15)


@each_page
def test_no_script_says_a_sentence_of_its_own(page: Path) -> None:
    """Text that people read begins with a capital letter and holds a space."""
    for path in page.rglob("*.js"):
        code = "\n".join(
            line.split(" // ")[0]
            for line in path.read_text("utf-8").splitlines()
            if not line.strip().startswith(("//", "*", "/*"))
        )
        assert re.findall(r"\"[A-Z][a-z’]+ [^\"]*\"", code) == [], path.name
