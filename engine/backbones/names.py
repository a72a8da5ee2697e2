"""A backbone's name -> the network it names.

    onelook-lite0
    efficientnet-lite0 | efficientnet-lite1 | efficientnet-lite2
    open_clip:MODEL/TAG
    timm:NAME

Each but the first may be followed by `@PATH`: the same network, with its weights read from that
file. For OpenCLIP the tag may then be left out, and a file may also stand where the tag stands. A
folder that fine-tuning wrote is named by its path.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ..errors import BackboneError
from .families.efficientnet_lite import EfficientNetLite
from .families.fine_tuned import FineTuned
from .families.onelook_lite import OnelookLite
from .families.open_clip import OpenClipModel
from .families.timm import TimmModel
from .hub import not_fetched
from .pretrained import Pretrained

DEFAULT_BACKBONE = "onelook-lite0"
_FORMER_DEFAULTS = ("efficientnet-lite0",)


def available_backbones() -> tuple[str, ...]:
    """Names that `load_backbone` takes; capitals stand for what the user chooses."""
    return (
        "onelook-lite0",
        "efficientnet-lite0",
        "efficientnet-lite1",
        "efficientnet-lite2",
        "open_clip:MODEL/TAG",
        "timm:NAME",
    )


def advice_on(name: str) -> str | None:
    """What to say about a gallery that a former default network filled; None for any other."""
    if name not in _FORMER_DEFAULTS:
        return None
    return (
        f"{name} was the default network once; `onelook reembed --backbone {DEFAULT_BACKBONE}` is "
        "worth trying, since that one recognises photographs of catalog pictures better"
    )


def named(name: str, *, may_fetch: bool = True) -> Pretrained:
    """The network of that name, not loaded.

    Args:
        may_fetch: whether another machine may be asked for it.

    Raises:
        BackboneError: no family has such a name.
        BackboneUnavailableError: it lies on another machine, which may not be asked.
    """
    if not may_fetch and os.name == "nt" and names_windows_share(name):
        raise not_fetched(name, "another machine")
    if FineTuned.at(name):
        return FineTuned.open(Path(name), partial(named, may_fetch=may_fetch))
    published, at, path = name.partition("@")
    family, _, member = published.partition(":")
    if family not in _FAMILIES or (at and not path):
        raise BackboneError(
            f"expected a backbone's name ({', '.join(available_backbones())}; any of them "
            f"followed by @PATH for weights in a file) but got {name!r}"
        )
    checkpoint = Path(path).expanduser().absolute() if at else None
    return _FAMILIES[family](published, member, checkpoint, may_fetch)


def _onelook(published: str, member: str, checkpoint: Path | None, _may_fetch: bool) -> Pretrained:
    if member or checkpoint:
        raise BackboneError(
            f"expected {DEFAULT_BACKBONE} without more but got {_full(published, checkpoint)!r}; "
            "other weights of that architecture go with efficientnet-lite0@PATH"
        )
    return OnelookLite()


def _lite(published: str, member: str, checkpoint: Path | None, _may_fetch: bool) -> Pretrained:
    if member:
        raise BackboneError(
            f"expected {published.partition(':')[0]} without more but got {published!r}"
        )
    return EfficientNetLite(_full(published, checkpoint), published[-1], checkpoint)


def _open_clip(published: str, member: str, checkpoint: Path | None, may_fetch: bool) -> Pretrained:
    model, _, tag = member.partition("/")
    if not model or not (tag or checkpoint):
        raise BackboneError(
            f"expected open_clip:MODEL/TAG or open_clip:MODEL@PATH but got {published!r}"
        )
    if tag and checkpoint is None and Path(tag).expanduser().is_file():
        checkpoint = Path(tag).expanduser().absolute()
        return _open_clip(f"open_clip:{model}", model, checkpoint, may_fetch)
    return OpenClipModel(_full(published, checkpoint), model, tag or None, checkpoint, may_fetch)


def _timm(published: str, member: str, checkpoint: Path | None, may_fetch: bool) -> Pretrained:
    if not member:
        raise BackboneError(f"expected timm:NAME but got {published!r}")
    return TimmModel(_full(published, checkpoint), member, checkpoint, may_fetch)


def names_windows_share(name: str) -> bool:
    """Whether looking for it would ask another machine: Windows does for `\\\\machine\\share`."""
    return re.search(r"(^|[@/])[\\/]{2}", name) is not None


def _full(published: str, checkpoint: Path | None) -> str:
    return published if checkpoint is None else f"{published}@{checkpoint}"


_FAMILIES: dict[str, Callable[[str, str, Path | None, bool], Pretrained]] = {
    "onelook-lite0": _onelook,
    "efficientnet-lite0": _lite,
    "efficientnet-lite1": _lite,
    "efficientnet-lite2": _lite,
    "open_clip": _open_clip,
    "timm": _timm,
}
