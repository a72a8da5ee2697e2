"""`engine` is another name of `onelook`: the same modules, never a second copy of a class.

The package is imported as `onelook`, whatever folder it lies in, and its own imports are relative:
so it works beside a user's own `engine.py`, which then is what `import engine` finds. Where nothing
else is called `engine`, that name leads to the package, too:

- in a checkout, where the folder is called so (`engine/__init__.py` calls `stand_for_onelook`);
- installed from a wheel, which carries this very file as `engine.py` beside `onelook/`.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

OTHER_NAME = "engine"
NAME = "onelook"


class _SameModule(Loader):
    """Gives a module that is imported under its own name already, or is now."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._own: dict[str, Any] = {}

    def create_module(self, spec: ModuleSpec) -> ModuleType:  # noqa: ARG002 - the contract's
        module = importlib.import_module(self._name)
        self._own = {"__spec__": module.__spec__, "__loader__": module.__loader__}
        return module

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update(self._own)  # the import system has written the other name's in

    def get_code(self, fullname: str) -> CodeType | None:  # noqa: ARG002 - for `python -m`
        spec = importlib.util.find_spec(self._name)
        assert spec is not None
        code: CodeType | None = spec.loader.get_code(self._name)  # type: ignore[union-attr]
        return code


class _OtherName(MetaPathFinder):
    """Finds `engine.x` as `onelook.x`, as long as `engine` is `onelook`."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - the contract's
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if not fullname.startswith(f"{OTHER_NAME}."):
            return None
        if sys.modules.get(OTHER_NAME) is not sys.modules.get(NAME):
            return None
        own = NAME + fullname.removeprefix(OTHER_NAME)
        spec = importlib.util.find_spec(own)
        if spec is None:
            return None
        alias = ModuleSpec(fullname, _SameModule(own), origin=spec.origin)
        alias.submodule_search_locations = spec.submodule_search_locations
        return alias


def stand_for_onelook(folder: Path | None = None) -> None:
    """Make `engine`, which is being imported, the package `onelook`.

    Args:
        folder: the package's, where it isn't to be found by its name.
    """
    if folder is not None and NAME not in sys.modules:
        spec = spec_from_file_location(
            NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert spec is not None
        assert spec.loader is not None
        sys.modules[NAME] = module_from_spec(spec)
        try:
            spec.loader.exec_module(sys.modules[NAME])
        except BaseException:
            del sys.modules[NAME]
            raise
    sys.modules[OTHER_NAME] = importlib.import_module(NAME)
    if not any(isinstance(finder, _OtherName) for finder in sys.meta_path):
        sys.meta_path.insert(0, _OtherName())


if __name__ == OTHER_NAME:
    stand_for_onelook()
