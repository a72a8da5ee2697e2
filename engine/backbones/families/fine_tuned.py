"""A folder that fine-tuning wrote: a published network with weights of its own.

    backbone.json         the network it started from, and what was measured
    weights.safetensors   every tensor of that network, its head aside

`backbone.json` is written last; without it the folder is no backbone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import BackboneError, BackboneUnavailableError
from ..pretrained import Network, Pretrained

if TYPE_CHECKING:
    from torch import nn

DESCRIPTION = "backbone.json"
WEIGHTS = "weights.safetensors"
_FORMAT = 1


@dataclass(frozen=True)
class FineTuned(Pretrained):
    """A fine-tuned network; its name is its folder's absolute path.

    Attributes:
        folder: where its files are.
        base: what it started from.
    """

    name: str
    folder: Path
    base: Pretrained
    checkpoint: Path | None

    @classmethod
    def open(cls, folder: Path, named: Callable[[str], Pretrained]) -> FineTuned:
        """Read what the folder says of itself; `named` finds its base.

        Raises:
            BackboneError: the folder's description can't be read, or is of a newer format.
        """
        path = folder / DESCRIPTION
        try:
            description = json.loads(path.read_text(encoding="utf-8"))
            version, base = description["format"], description["base"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BackboneError(
                f"{path}: expected the description of a fine-tuned backbone, but it can't be "
                f"read ({error})"
            ) from error
        if version != _FORMAT:
            raise BackboneError(
                f"{path}: expected format {_FORMAT}, but got {version}; "
                "it was written by a newer Onelook, so update this one"
            )
        absolute = folder.expanduser().absolute()
        return cls(str(absolute), absolute, named(base), absolute / WEIGHTS)

    @staticmethod
    def at(name: str) -> bool:
        """Whether that name is such a folder's path."""
        return (Path(name).expanduser() / DESCRIPTION).is_file()

    def weights(self) -> Path:
        path = self.folder / WEIGHTS
        if not path.is_file():
            raise BackboneUnavailableError(f"{self.name}: expected {WEIGHTS} in it; train it again")
        return path

    def network(self, weights: Path) -> Network:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        built = self.base.network(self.base.weights())
        try:
            built.module.load_state_dict(load_file(weights))
        except (SafetensorError, RuntimeError, OSError) as error:
            raise BackboneError(
                f"{self.name}: {weights} does not hold weights of {self.base.name}: {error}"
            ) from error
        return replace(built, module=built.module.eval())


def write_fine_tuned(
    folder: Path, base: Pretrained, module: nn.Module, figures: Mapping[str, Any]
) -> None:
    """Write a trained network so that the folder's path names it as a backbone.

    Args:
        base: what it started from; of a fine-tuned one, what that one started from is recorded.
        module: the network, of the base's architecture.
        figures: what was measured, for people to read; JSON.

    Raises:
        OSError: the folder can't be written.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f"{WEIGHTS}.part"
    tensors = {name: value.contiguous().cpu() for name, value in module.state_dict().items()}
    save_file(tensors, aside)
    aside.replace(folder / WEIGHTS)
    root = base.base if isinstance(base, FineTuned) else base
    description = {"format": _FORMAT, "base": root.name, "figures": dict(figures)}
    aside = folder / f"{DESCRIPTION}.part"
    aside.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    aside.replace(folder / DESCRIPTION)
