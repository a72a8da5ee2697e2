"""`import onelook` in a checkout, where the package `onelook` is the folder `engine/`.

A wheel carries that folder as `onelook/`, and doesn't need this file.
"""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine import *  # noqa: F403 - for type checkers, what it exports
else:
    _folder = Path(__file__).with_name("engine")
    _spec = spec_from_file_location(
        "onelook", _folder / "__init__.py", submodule_search_locations=[str(_folder)]
    )
    sys.modules["onelook"] = module_from_spec(_spec)
    _spec.loader.exec_module(sys.modules["onelook"])
