"""The page that draws the code's floors shows those that import-linter holds."""

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_floors_drawn_are_those_held() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawing = page.partition("```text\n")[2].partition("```")[0]
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = settings["tool"]["importlinter"]["contracts"][0]
    held = [re.findall(r"engine\.(\w+)", floor) for floor in contract["layers"]]
    floor_of = {room: number for number, rooms in enumerate(held) for room in rooms}

    drawn = [
        {floor_of[room] for room in re.findall(r"\w+", line) if room in floor_of}
        for line in (row[:49] for row in drawing.splitlines())
    ]

    assert {name for name in floor_of if (ROOT / "engine" / name).is_dir()} <= set(
        re.findall(r"\w+", drawing)
    )
    floors = [floor for line in drawn for floor in sorted(line)]
    assert floors == sorted(floors)


def test_a_class_s_name_stands_for_one_thing() -> None:
    homes: dict[str, list[Path]] = {}
    for path in sorted((ROOT / "engine").rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(path)

    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}
