"""Two artifacts that never change, written here so that laying them out imports no library.

A program without weights is little more than its graph as JSON in a zip of records as they are;
`tests/contracts/test_runtime.py` loads them with the library.
"""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from collections.abc import Sequence
from typing import Any

_WHEN = (1980, 1, 1, 0, 0, 0)
_FLOAT, _STRIDED = 7, 7


def empty() -> bytes:
    """Y = |x| of one float: the floor of memory and time."""
    return _program((1,), (("abs.default", ("x",), "y"),))


def sentinel() -> bytes:
    """Four products of (192, 192) with x itself, 57 million operations: no weights, so 6 kB."""
    chain = ("x", "h1", "h2", "h3", "y")
    nodes = [("mm.default", (source, "x"), target) for source, target in itertools.pairwise(chain)]
    return _program((192, 192), nodes)


def _program(shape: tuple[int, ...], nodes: Sequence[tuple[str, tuple[str, ...], str]]) -> bytes:
    names = {"x", *(target for _, _, target in nodes)}
    tensor = {
        "dtype": _FLOAT,
        "sizes": [{"as_int": size} for size in shape],
        "requires_grad": False,
        "device": {"type": "cpu", "index": None},
        "strides": [{"as_int": step} for step in _strides(shape)],
        "storage_offset": {"as_int": 0},
        "layout": _STRIDED,
    }
    graph = {
        "inputs": [_named("x")],
        "outputs": [_named("y")],
        "nodes": [_node(*one) for one in nodes],
        "tensor_values": dict.fromkeys(sorted(names), tensor),
        "sym_int_values": {},
        "sym_bool_values": {},
        "is_single_tensor_return": False,
        "custom_obj_values": {},
        "sym_float_values": {},
    }
    module = {
        "graph": graph,
        "signature": {
            "input_specs": [{"user_input": {"arg": _named("x")}}],
            "output_specs": [{"user_output": {"arg": _named("y")}}],
        },
        "module_call_graph": [{"fqn": "", "signature": _CALL}],
        "metadata": {},
        "treespec_namedtuple_fields": {},
    }
    program = {
        "graph_module": module,
        "opset_version": {"aten": 10},
        "range_constraints": {},
        "schema_version": {"major": 8, "minor": 20},
        "verifiers": ["TRAINING"],
        "torch_version": "2.13.0",
        "guards_code": [],
    }
    return _archive(
        {
            "data/weights/model_weights_config.json": b'{"config": {}}',
            "data/constants/model_constants_config.json": b'{"config": {}}',
            "models/model.json": json.dumps(program).encode(),
            "data/sample_inputs/model.pt": b"",
            "archive_format": b"pt2",
            "archive_version": b"0",
            ".data/version": b"3\n",
            "byteorder": b"little",
        }
    )


def _strides(shape: tuple[int, ...]) -> list[int]:
    steps = [1]
    for size in shape[:0:-1]:
        steps.insert(0, steps[0] * size)
    return steps


def _named(name: str) -> dict[str, Any]:
    return {"as_tensor": {"name": name}}


def _node(target: str, sources: tuple[str, ...], name: str) -> dict[str, Any]:
    sides = ("self", "mat2") if len(sources) > 1 else ("self",)
    return {
        "target": f"torch.ops.aten.{target}",
        "inputs": [
            {"name": side, "arg": _named(source), "kind": 1}
            for side, source in zip(sides, sources, strict=True)
        ],
        "outputs": [_named(name)],
        "metadata": {},
        "is_hop_single_tensor_return": None,
        "name": name,
    }


_LEAF: dict[str, Any] = {"type": None, "context": None, "children_spec": []}
_TUPLE = {"type": "builtins.tuple", "context": "null", "children_spec": [_LEAF]}
_NOTHING = {"type": "builtins.dict", "context": "[]", "children_spec": []}
_DICT = {"type": "builtins.dict", "context": '["y"]', "children_spec": [_LEAF]}
_CALL = {
    "inputs": [],
    "outputs": [],
    "in_spec": json.dumps(
        [1, {"type": "builtins.tuple", "context": "null", "children_spec": [_TUPLE, _NOTHING]}]
    ),
    "out_spec": json.dumps([1, _DICT]),
    "forward_arg_names": ["x"],
}


def _archive(records: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in records.items():
            archive.writestr(zipfile.ZipInfo(f"tiny/{name}", _WHEN), data)
    return buffer.getvalue()
