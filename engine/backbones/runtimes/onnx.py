"""Networks run by ONNX Runtime on the CPU: no torch needed, and several times faster.

This is the one place that imports ONNX Runtime, since its published builds report to their vendor
from a few seconds after the import on, unless they were told not to before it.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Lock

import numpy as np

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # its Python call for this comes too late
import onnxruntime

from ...cores import available_cores
from ...errors import BackboneError
from ...forking import abandon, in_forked_child
from ...types import ByteArray, FloatArray
from .base import INPUT_NAME

PIECE = 4
"""Pictures that a thread runs at a time: few for a core's cache, enough for dense layers."""


class OnnxRuntime:
    """An exported network.

    One picture is run by all threads together, which answers soonest. Of a batch each thread runs
    pieces of its own, so that no thread waits for another one after every layer: that takes an
    eighth less time on an idle machine, and far less on a busy one. For the same reason threads
    that must wait sleep instead of spinning.

    Thread-safe. In a forked child it goes on with one thread, and a session of its own.

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
        self._sessions = {self._threads: _session(path, self._threads)}
        self._making = Lock()
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="onelook-embed")
        in_forked_child(self._renew)

    def __call__(self, batch: ByteArray) -> FloatArray:
        if len(batch) == 1 or self._threads == 1:
            return _run(self._session(self._threads), batch)
        pieces = max(min(len(batch), self._threads), -(-len(batch) // PIECE))
        run = partial(_run, self._session(1))
        return np.concatenate(list(self._pool.map(run, np.array_split(batch, pieces))))

    def _renew(self) -> None:
        """Begin anew on one thread; the parent's sessions and pool are of no use here."""
        abandon(self._sessions, self._pool)
        self._sessions, self._making, self._threads = {}, Lock(), 1

    def _session(self, threads: int) -> onnxruntime.InferenceSession:
        """Of so many threads; that of one is made for the first batch, if there is one."""
        found = self._sessions.get(threads)
        if found is None:
            with self._making:
                found = self._sessions.get(threads) or _session(self._path, threads)
                self._sessions[threads] = found
        return found


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
