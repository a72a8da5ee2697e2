"""A backbone's name, a device and a runtime -> a backbone that is ready to run."""

from __future__ import annotations

from engine.backbones.base import Backbone
from engine.backbones.names import DEFAULT_BACKBONE, named
from engine.backbones.preprocessing import Preprocessing
from engine.backbones.pretrained import space_of
from engine.backbones.runtimes.base import Runtime
from engine.types import ByteArray, FloatArray, Space


class NetworkBackbone(Backbone):
    """A network's space and preprocessing, and the runtime that runs it."""

    def __init__(self, space: Space, preprocessing: Preprocessing, runtime: Runtime) -> None:
        self.name = space.backbone
        self.space = space
        self.preprocessing = preprocessing
        self.device = runtime.device
        self.runtime = runtime.name
        self._run = runtime

    def _features(self, batch: ByteArray) -> FloatArray:
        return self._run(batch)


def load_backbone(
    name: str = DEFAULT_BACKBONE, *, device: str = "auto", runtime: str = "auto"
) -> Backbone:
    """Loads a backbone by its name.

    Args:
        name: see `available_backbones`; `fake` is a backbone for tests.
        device: `cpu`, `cuda` or `mps`; `auto` takes CUDA, then Apple's MPS, then the CPU.
        runtime: `torch`; `auto` takes what is fastest on the device.

    Raises:
        BackboneError: there is no such backbone, device or runtime, or the weights don't fit it.
        BackboneUnavailableError: the weights are neither here nor reachable.
    """
    if name.partition(":")[0] == "fake":
        from engine.testing.fake_backbone import FakeBackbone

        return FakeBackbone.named(name)
    from engine.backbones.runtimes.torch import TorchRuntime, resolve_device

    pretrained = named(name)
    weights = pretrained.weights()
    network = pretrained.network(weights)
    space = space_of(pretrained, weights, network)
    return NetworkBackbone(
        space, network.preprocessing, TorchRuntime(network, resolve_device(device))
    )
