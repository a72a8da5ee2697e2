"""Networks run by ONNX Runtime on the CPU: no torch needed, and several times faster.

This is the one place that imports ONNX Runtime, since its published builds report to their vendor
from a few seconds after the import on, unless they were told not to before it.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path

import numpy as np

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # its Python call for this comes too late
import onnxruntime

from engine.backbones.runtimes.base import INPUT_NAME
from engine.cores import available_cores
from engine.errors import BackboneError
from engine.types import ByteArray, FloatArray

PIECE = 4
"""Pictures that a thread runs at a time: few for a core's cache, enough for dense layers."""


class OnnxRuntime:
    """An exported network.

    One picture is run by all threads together, which answers soonest. Of a batch each thread runs
    pieces of its own, so that no thread waits for another one after every layer: that takes an
    eighth less time on an idle machine, and far less on a busy one. For the same reason threads
    that must wait sleep instead of spinning.

    Args:
        path: of the exported network.
        threads: the most it may use; 0 is one for each core that this process may use.

    Raises:
        BackboneError: the file is no network that ONNX Runtime can run.
    """

    name = "onnxruntime"
    device = "cpu"

    def __init__(self, path: Path, threads: int = 0) -> None:
        self._path = path
        self._threads = threads or available_cores()
        self._together = _session(path, self._threads)
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="onelook-embed")

    def __call__(self, batch: ByteArray) -> FloatArray:
        if len(batch) == 1 or self._threads == 1:
            return _run(self._together, batch)
        pieces = max(min(len(batch), self._threads), -(-len(batch) // PIECE))
        run = partial(_run, self._alone)
        return np.concatenate(list(self._pool.map(run, np.array_split(batch, pieces))))

    @cached_property
    def _alone(self) -> onnxruntime.InferenceSession:
        """Of one thread. Made for the first batch, since single pictures don't need it."""
        return _session(self._path, 1)


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors; its warnings are about its own optimiser
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no base class of their own
        raise BackboneError(f"ONNX Runtime can't load {path}: {error}") from error


def _run(session: onnxruntime.InferenceSession, batch: ByteArray) -> FloatArray:
    features: FloatArray = session.run(None, {INPUT_NAME: batch})[0]
    return features
