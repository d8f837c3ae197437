"""The nine architectures that the onnx package ships for backend tests, with random weights.

They are as tools of 2017 wrote them: opset 9, IR version 3, every initializer an input too, weights
made by ConstantOfShape. There each weight is one constant, so that all logits tie; here each is
drawn from a seed, scaled so that values neither vanish nor grow along the graph.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.coordinator.builders.base import BuildRequest, Unsupported
from bitgauge.coordinator.builders.registry import build
from bitgauge.coordinator.models.formats.onnx.order.base import NOTHING
from bitgauge.coordinator.tasks.order import put_in_order
from onnx import numpy_helper

QUICK = ("squeezenet", "shufflenet")
SLOW = (
    *("bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "vgg19"),
    "zfnet512",
)
_SCALES = (1, 4)
"""Which inputs of BatchNormalization must be positive."""


def architecture(name: str, seed: int = 7) -> Any:
    """One of them with random weights, still in its old form."""
    import onnx.backend.test

    (package,) = onnx.backend.test.__path__
    model = onnx.load(Path(package) / "data/light" / f"light_{name}.onnx")
    graph, generator = model.graph, np.random.default_rng(seed)
    users = {name: (node, at) for node in graph.node for at, name in enumerate(node.input)}
    stored = {tensor.name: tensor for tensor in graph.initializer}
    for node in [one for one in graph.node if one.op_type == "ConstantOfShape"]:
        made, shape = node.output[0], numpy_helper.to_array(stored[node.input[0]])
        array = _drawn(tuple(map(int, shape)), *users[made], generator)
        graph.node.remove(node)
        graph.initializer.append(numpy_helper.from_array(array, made))
        value = onnx.helper.make_tensor_value_info(made, onnx.TensorProto.FLOAT, array.shape)
        graph.input.append(value)
    for tensor in graph.initializer:
        if (
            tensor.data_type == onnx.TensorProto.FLOAT
            and tensor.name in stored.keys() & users.keys()
        ):
            array = _drawn(tuple(tensor.dims), *users[tensor.name], generator)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    return model


def _drawn(shape: tuple[int, ...], node: Any, at: int, generator: np.random.Generator) -> Any:
    """Weights as before training: He's scale for a matrix, about one for what only scales."""
    if len(shape) >= 2:
        fan = np.prod(shape[1:]) if len(shape) > 2 else max(shape)
        array = generator.standard_normal(shape) * np.sqrt(2 / fan)
    elif node.op_type == "BatchNormalization" and at in _SCALES:
        array = (
            generator.uniform(0.3, 0.6, shape) if at == 1 else generator.uniform(0.8, 1.2, shape)
        )
    elif node.op_type in ("Mul", "Unsqueeze"):
        array = generator.uniform(0.5, 1.0, shape)
    else:
        array = generator.standard_normal(shape) * 0.1
    return array.astype(np.float32)


def samples(model: Any, count: int, seed: int) -> dict[str, Any]:
    """Random images under the names of a set's arrays."""
    stored = {tensor.name for tensor in model.graph.initializer}
    (given,) = (one for one in model.graph.input if one.name not in stored and _is_image(one))
    dims = [one.dim_value for one in given.type.tensor_type.shape.dim][1:]
    values = np.random.default_rng(seed).standard_normal((count, *dims)).astype(np.float32)
    return {f"inputs/{given.name}": values}


def _is_image(value: Any) -> bool:
    return len(value.type.tensor_type.shape.dim) == 4


RECIPES = ("fp16", "int8-dynamic", "int8-static-u8s8-pc")


def ordered(name: str, folder: Path) -> tuple[Path, Path]:
    """One of them as it is put in order for a job, and its calibration set."""
    model = architecture(name)
    sent, evaluation, calibration = (folder / one for one in ("sent.onnx", "e.npz", "c.npz"))
    onnx.save(model, sent)
    for seed, path in enumerate((evaluation, calibration)):
        np.savez(path, **samples(model, 2, seed))
    put_in_order(sent, evaluation, NOTHING, folder / "ordered.onnx")
    return folder / "ordered.onnx", calibration


def refusal(baseline: Path, calibration: Path, recipe: str, folder: Path) -> str:
    """Why an artifact cannot be built; empty where it can, and passes its check."""
    try:
        build(BuildRequest(parse(recipe), baseline, folder / f"{recipe}.onnx", calibration))
    except (Unsupported, BitgaugeError) as error:
        return getattr(error, "reason", "") or str(error)
    return ""
