"""A backbone's name, a device and a runtime -> a backbone that is ready to run.

On a CPU, ONNX Runtime is the fast path: `auto` takes it wherever the network can be exported. The
default network comes exported. For any other the export happens once, on the load that first needs
it, and says so on the log, since it takes some seconds more than loading; `export_backbone` does it
ahead of time. Where it fails, `auto` runs the network with torch, says why, and doesn't try again
until it is asked to.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Self

import numpy as np

from ..errors import BackboneError
from ..slim import needing
from ..types import ByteArray, FloatArray, Space
from .base import Backbone, knows_pictures_only
from .devices import is_cpu, torch_device
from .exports import Export, ExportCache, WeightsFile
from .names import DEFAULT_BACKBONE, named
from .preprocessing import Preprocessing
from .pretrained import Pretrained, TextEncoder, space_of
from .runtimes.base import Runtime

_log = logging.getLogger(__name__)
_RUNTIMES = ("auto", "torch", "onnxruntime")


class NetworkBackbone(Backbone):
    """A network's space and preprocessing, and the runtime that runs it.

    A copy is the same object; pickled, it is loaded again by its name.
    """

    def __init__(self, space: Space, preprocessing: Preprocessing, runtime: Runtime) -> None:
        self.name = space.backbone
        self.space = space
        self.preprocessing = preprocessing
        self.device = runtime.device
        self.runtime = runtime.name
        self.at_once = runtime.at_once
        self._run = runtime

        self.again: Callable[[], Backbone] = partial(load_backbone, self.name)
        self.load_texts: Callable[[], TextEncoder] | None = None
        self._texts: TextEncoder | None = None
        self._loading_texts = Lock()

    def __reduce__(self) -> tuple[Callable[[], Backbone], tuple[()]]:
        return self.again, ()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def _features(self, batch: ByteArray) -> FloatArray:
        return self._run(batch)

    @property
    def knows_texts(self) -> bool:
        return self.load_texts is not None

    def text_features(self, texts: Sequence[str]) -> FloatArray:
        if self.load_texts is None:
            return super().text_features(texts)
        if not texts:
            return np.empty((0, self.space.dimension), np.float32)
        with self._loading_texts:  # when first asked: few ask, and it takes torch
            if self._texts is None:
                self._texts = self.load_texts()
        return self._texts(texts)


def load_backbone(
    name: str = DEFAULT_BACKBONE,
    *,
    device: str = "auto",
    runtime: str = "auto",
    threads: int = 0,
    cache_dir: Path | None = None,
    may_fetch: bool = True,
) -> Backbone:
    """Loads a backbone by its name.

    Args:
        name: see `available_backbones`; `fake` is a backbone for tests.
        device: `cpu`, `cuda` or `mps`; `auto` takes CUDA, then Apple's MPS, then the CPU.
        runtime: `torch` or, on the CPU, `onnxruntime`; `auto` takes what is fastest.
        threads: the most that the runtime may use on the CPU; 0 is one for each core.
        cache_dir: where exported networks are kept; None takes `ONELOOK_CACHE_DIR`, or the user's
            cache folder.
        may_fetch: whether weights that aren't on this machine may be fetched; not where the name
            comes from a gallery and not from the user.

    Raises:
        BackboneError: there is no such backbone, device or runtime, or the weights don't fit it.
        BackboneUnavailableError: the weights are neither here nor reachable, or may not be fetched.
    """
    if not isinstance(name, str):
        raise BackboneError(f"expected a backbone's name, but got {name!r:.80}")
    if name.partition(":")[0] == "fake":
        from ..testing.fake_backbone import FakeBackbone

        return FakeBackbone.named(name)
    if runtime not in _RUNTIMES:
        raise BackboneError(f"expected a runtime of {', '.join(_RUNTIMES)} but got {runtime!r}")
    pretrained = named(name, may_fetch=may_fetch)
    backbone = _loaded(pretrained, device, runtime, threads, ExportCache(cache_dir))
    backbone.again = partial(
        load_backbone,
        name,
        device=device,
        runtime=runtime,
        threads=threads,
        cache_dir=cache_dir,
        may_fetch=may_fetch,
    )
    if pretrained.knows_texts:
        backbone.load_texts = partial(_text_encoder, pretrained, backbone.device)
    return backbone


def _text_encoder(pretrained: Pretrained, device: str) -> TextEncoder:
    with needing(f"embedding texts with {pretrained.name}"):
        return pretrained.text_encoder(device)


def _loaded(
    pretrained: Pretrained, device: str, runtime: str, threads: int, cache: ExportCache
) -> NetworkBackbone:
    certainly_cpu = is_cpu(device)
    if runtime == "onnxruntime":
        if device not in ("auto", "cpu"):
            raise BackboneError(f"the runtime onnxruntime runs on the CPU, not on {device!r}")
        return _with_onnxruntime(pretrained, threads, cache, retry=True)
    if runtime == "auto" and (certainly_cpu or torch_device(device) == "cpu"):
        try:
            return _with_onnxruntime(pretrained, threads, cache, retry=False)
        except _ExportError as error:
            _log.warning("%s runs with torch, not ONNX Runtime: %s", pretrained.name, error)
    return _with_torch(pretrained, device, threads)


def require_texts(name: str) -> None:
    """Refuse a backbone that knows pictures only, by its name, without loading it.

    Raises:
        TextError: it does.
        BackboneError: there is no such backbone.
    """
    if name.partition(":")[0] == "fake" or not named(name).knows_texts:
        raise knows_pictures_only(name)


def is_exported(name: str, *, cache_dir: Path | None = None) -> bool:
    """Whether a backbone loads on the CPU without torch: its network is shipped, or in the cache.

    Raises:
        BackboneError: there is no such backbone.
    """
    pretrained = named(name)
    if pretrained.shipped() is not None:
        return True
    export = ExportCache(cache_dir).find(pretrained)
    return export is not None and export.failure is None


def export_backbone(name: str, *, cache_dir: Path | None = None) -> Path:
    """Exports a backbone's network into the cache anew, fetching weights if need be.

    One that comes with the package needs no export.

    Returns:
        The exported file.

    Raises:
        BackboneError: there is no such backbone, or it can't be exported.
        BackboneUnavailableError: the weights are neither here nor reachable.
    """
    pretrained = named(name)
    shipped = pretrained.shipped()
    if shipped is not None:
        return shipped[1]
    cache = ExportCache(cache_dir)
    return cache.network_path(_export(pretrained, cache).space)


class _ExportError(BackboneError):
    """A network can't be exported, though torch may well run it."""


def _with_torch(pretrained: Pretrained, device: str, threads: int) -> NetworkBackbone:
    with needing(f"running {pretrained.name} without ONNX Runtime"):
        from .runtimes.torch import TorchRuntime

        weights = pretrained.weights()
        network = pretrained.network(weights)
    space = space_of(pretrained.name, network, WeightsFile.of(weights).sha256)
    runtime = TorchRuntime(network, torch_device(device), threads)
    return NetworkBackbone(space, network.preprocessing, runtime)


def _with_onnxruntime(
    pretrained: Pretrained, threads: int, cache: ExportCache, *, retry: bool
) -> NetworkBackbone:
    from .runtimes.onnx import OnnxRuntime

    shipped = pretrained.shipped()
    if shipped is not None:
        export, path = shipped
        return NetworkBackbone(export.space, export.preprocessing, OnnxRuntime(path, threads))
    found = cache.find(pretrained)
    if found is not None and found.failure is not None:
        if not retry:
            raise _ExportError(found.failure)
        found = None
    if found is not None:
        try:
            runtime = OnnxRuntime(cache.network_path(found.space), threads)
            return NetworkBackbone(found.space, found.preprocessing, runtime)
        except BackboneError as error:
            _log.warning("the export of %s is damaged and made anew: %s", pretrained.name, error)
    made = _export(pretrained, cache)
    runtime = OnnxRuntime(cache.network_path(made.space), threads)
    return NetworkBackbone(made.space, made.preprocessing, runtime)


def _export(pretrained: Pretrained, cache: ExportCache) -> Export:
    with needing(f"preparing {pretrained.name}, once,"):
        from .runtimes.export import export

    try:
        scratch = cache.scratch_file(".onnx")
    except OSError as error:
        raise _ExportError(f"the cache folder {cache.folder} can't be written: {error}") from error
    try:
        _log.warning(
            "preparing %s for fast use on this CPU, once; this takes some 20 seconds",
            pretrained.name,
        )
        weights = pretrained.weights()
        with needing(f"preparing {pretrained.name}, once,"):
            network = pretrained.network(weights)
        weights_file = WeightsFile.of(weights)
        space = space_of(pretrained.name, network, weights_file.sha256)
        try:
            export(network, scratch)
        except BackboneError as error:
            cache.add(Export(space, network.preprocessing, weights_file, str(error)), None)
            raise _ExportError(f"{pretrained.name}: {error}") from error
        made = Export(space, network.preprocessing, weights_file)
        cache.add(made, scratch)
        return made
    except OSError as error:  # the disk is full, perhaps
        raise _ExportError(f"the export can't be kept in {cache.folder}: {error}") from error
    finally:
        scratch.unlink(missing_ok=True)
