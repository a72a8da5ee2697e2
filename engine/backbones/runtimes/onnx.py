"""Networks run by ONNX Runtime on the CPU: no torch needed, and several times faster."""

from __future__ import annotations

from pathlib import Path

import onnxruntime

from engine.backbones.runtimes.base import INPUT_NAME
from engine.cores import available_cores
from engine.errors import BackboneError
from engine.types import ByteArray, FloatArray


class OnnxRuntime:
    """An exported network.

    Its threads sleep while they wait for each other instead of spinning: that costs little on an
    idle machine, and on a busy one a spinning thread takes the core that the other waits for.

    Args:
        path: of the exported network.
        threads: the most it may use; 0 is one for each core that this process may use.

    Raises:
        BackboneError: the file is no network that ONNX Runtime can run.
    """

    name = "onnxruntime"
    device = "cpu"

    def __init__(self, path: Path, threads: int = 0) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or available_cores()
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors; its warnings are about its own optimiser
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its exceptions have no base class of their own
            raise BackboneError(f"ONNX Runtime can't load {path}: {error}") from error

    def __call__(self, batch: ByteArray) -> FloatArray:
        features: FloatArray = self._session.run(None, {INPUT_NAME: batch})[0]
        return features
