"""The one reader of environment and configuration.

Every setting has an environment variable `ONELOOK_<NAME>`; an option or argument given by the
caller wins over it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.errors import SettingsError
from engine.types import KeepPictures


class Settings(BaseSettings):
    """What may be set from outside, with the defaults.

    Attributes:
        backbone: the backbone of a new gallery.
        device: where it runs: `auto` takes CUDA, then Apple's MPS, then the CPU.
        runtime: what runs it: `auto` takes the fastest that works on the device.
        threads: the most threads that any one library may use; 0 leaves it to measured defaults.
        batch_size: images embedded at once.
        keep_pictures: what a new gallery keeps of each enrolled picture.
        max_image_bytes: the largest file accepted, in bytes.
        max_image_pixels: the largest picture accepted, in pixels.
        index: what searches: `faiss` in each process, `pgvector` in the gallery's database, or
            `auto`: FAISS unless the database holds a table for pgvector.
        poll_seconds: how long a gallery may go without looking for others' changes.
        cache_dir: where exported models, and snapshots of shared galleries, are kept; None is the
            user's cache folder.
    """

    model_config = SettingsConfigDict(env_prefix="ONELOOK_", frozen=True, extra="ignore")

    backbone: str = "efficientnet-lite0"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    runtime: Literal["auto", "torch", "onnxruntime"] = "auto"
    threads: int = Field(default=0, ge=0)
    batch_size: int = Field(default=32, ge=1, le=4096)
    keep_pictures: KeepPictures = KeepPictures.BOUNDED
    max_image_bytes: int = Field(default=100 * 2**20, ge=1)
    max_image_pixels: int = Field(default=100_000_000, ge=1)
    index: Literal["auto", "faiss", "pgvector"] = "auto"
    poll_seconds: float = Field(default=0.25, ge=0.0)
    cache_dir: Path | None = None


def cache_folder(chosen: Path | None = None) -> Path:
    """Where to keep what can be made anew: as chosen, as the environment says, or the user's."""
    home = os.environ.get("XDG_CACHE_HOME")
    user = (Path(home) if home else Path.home() / ".cache") / "onelook"
    return chosen or load_settings().cache_dir or user


def load_settings(**given: Any) -> Settings:
    """Read the environment; what is given here and isn't None wins over it.

    Raises:
        SettingsError: a variable or argument holds a value that can't be used; it is named.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        problems = "; ".join(
            f"{'_'.join(str(part) for part in item['loc'])} (or its environment variable "
            f"ONELOOK_{'_'.join(str(part) for part in item['loc']).upper()}): "
            f"{item['msg']}, but got {item['input']!r}"
            for item in error.errors()
        )
        raise SettingsError(problems) from None
