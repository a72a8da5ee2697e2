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
"""Most that a thread runs at a time: few pictures for a core's cache, enough for dense layers."""
PIECES_A_THREAD = 2
"""Of a batch, where it has as many pictures: a thread that is held up leaves one to the others."""


class OnnxRuntime:
    """An exported network.

    One picture is run by all threads together, which answers soonest, unless another call has them.
    Of a batch each thread runs pieces of its own, so that no thread waits for another one after
    every layer: that takes an eighth less time on an idle machine, and far less on a busy one. For
    the same reason threads that must wait sleep instead of spinning.

    Thread-safe. In a forked child it goes on with one thread, and a session of its own.

    Args:
        path: of the exported network.
        threads: the most it may use; 0 is one for each core that this process may use.

    Raises:
        BackboneError: the file is no network that ONNX Runtime can run.
    """

    name = "onnxruntime"
    device = "cpu"
    at_once = 2

    def __init__(self, path: Path, threads: int = 0) -> None:
        self._path = path
        self._threads = threads or available_cores()
        self._sessions = {self._threads: _session(path, self._threads)}
        self._making, self._counting, self._calls = Lock(), Lock(), 0
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="onelook-embed")
        in_forked_child(self._renew)

    def __call__(self, batch: ByteArray) -> FloatArray:
        with self._counting:
            alone = self._calls == 0
            self._calls += 1
        try:
            if self._threads == 1 or (len(batch) == 1 and alone):
                return _run(self._session(self._threads), batch)
            return self._divided(batch)
        finally:
            with self._counting:
                self._calls -= 1

    def _divided(self, batch: ByteArray) -> FloatArray:
        size = min(PIECE, max(1, len(batch) // (PIECES_A_THREAD * self._threads)))
        run = partial(_run, self._session(1))
        pieces = np.array_split(batch, -(-len(batch) // size))
        return np.concatenate(list(self._pool.map(run, pieces)))

    def _renew(self) -> None:
        """Begin anew on one thread; the parent's sessions and pool are of no use here."""
        abandon(self._sessions, self._pool)
        self._sessions, self._threads = {}, 1
        self._making, self._counting, self._calls = Lock(), Lock(), 0

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
