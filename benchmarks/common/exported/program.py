"""The graph of an exported program and its tensors, read from its text.

The text follows the library's published schema (`torch/_export/serde/schema.py`): of its unions,
such as an argument or a size, one key says which it is.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .archive import Archive, damaged, opened, refused
from .rules import MAX_DEPTH, ForeignText, forbid

SCHEMA_MAJOR = 8
"""Of the schema; another one is another language."""
MAX_NODES = 1_000_000
"""Operators of one program, inner graphs included."""

_DTYPES = {
    1: "uint8",
    2: "int8",
    3: "int16",
    4: "int32",
    5: "int64",
    6: "float16",
    7: "float32",
    8: "float64",
    10: "complex64",
    11: "complex128",
    12: "bool",
    13: "bfloat16",
    28: "uint16",
    29: "float8_e4m3fn",
    30: "float8_e5m2",
    34: "uint32",
    35: "uint64",
}
_WEIGHTS, _CONSTANTS = "data/weights/", "data/constants/"
_SAMPLES = "data/sample_inputs/"
_HELD = {"parameter": "parameter_name", "buffer": "buffer_name", "tensor_constant": ""}
_SYMBOL = re.compile(r"(?:Symbol\(')?(\w+)(?:'[^()]*\))?")
_MULTIPLE = re.compile(r"Mul\(Integer\((\d{1,9})\), (Symbol\(.*\))\)")
_INNER = "export.access_subclass_inner_tensor.default"
_CONFIGS = {_WEIGHTS: "_weights_config.json", _CONSTANTS: "_constants_config.json"}
_OF_OBJECTS = ("custom_obj_", "opaque_obj_")


@dataclass(frozen=True, slots=True)
class TensorMeta:
    """What a tensor of the graph is.

    Attributes:
        dtype: numpy's name, or one that numpy has not: ``bfloat16``, ``float8_e4m3fn``.
        sizes: the least and the most of each axis; None where nothing says the most.
    """

    dtype: str
    sizes: tuple[tuple[int, int | None], ...]

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Its axes, None where a call may choose."""
        return tuple(low if low == high else None for low, high in self.sizes)

    @property
    def elements(self) -> int:
        """How many it has; 0 where a call chooses."""
        return math.prod(size or 0 for size in self.shape)


@dataclass(frozen=True, slots=True)
class OperatorCall:
    """One operator: its name without ``torch.ops.``, and tensors by name.

    Attributes:
        inputs: names of the tensors of each argument, by the argument's name.
    """

    kind: str
    inputs: tuple[tuple[str, tuple[str, ...]], ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pickled:
    """A record that only a pickle can be made of, with what it is for."""

    record: str
    name: str

    @property
    def is_sample(self) -> bool:
        """Whether it is an example of a call, which nobody needs to run the program."""
        return self.record.startswith(_SAMPLES)


@dataclass(frozen=True, slots=True)
class Program:
    """One exported program.

    Attributes:
        inputs: what a call must be given, by name, in its order.
        outputs: what it returns, by its place in what the owner's function returned.
        operators: those of the graph, and of graphs within it.
        tensors: every tensor of the outer graph, by name.
        held: names of the tensors that the file holds: parameters, buffers, constants, and the
            inner tensors of those that are made of several.
        pickled: records that are unpickled at load.
        written_by: version of the library that wrote it.
        keeps_state: a call changes a buffer, so that the next one computes something else.
    """

    inputs: dict[str, TensorMeta]
    outputs: dict[str, TensorMeta]
    operators: tuple[OperatorCall, ...]
    tensors: dict[str, TensorMeta]
    held: frozenset[str]
    pickled: tuple[Pickled, ...]
    written_by: str
    keeps_state: bool


def read(path: Path, label: str) -> Program:
    """The program in the file at `path`, which is called `label` in every sentence.

    Raises:
        BadInput: REFUSED_FORMAT for what would run code when it is loaded, BAD_MODEL for what is
            damaged, or is not one program.
        OSError: it cannot be read.
    """
    with opened(path, label) as archive:
        _refuse_native(archive)
        name = _only_model(archive)
        told = _decoded(archive, f"models/{name}.json")
        try:
            forbid(told)
        except ForeignText as why:
            raise refused(label, str(why)) from why
        pickled = _pickled(archive, name)
        try:
            return _program(told, pickled, label)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise damaged(label, "its graph is not what the schema wants") from error


def _refuse_native(archive: Archive) -> None:
    for name in archive.sizes:
        if "aotinductor" in name.lower() or name.endswith((".so", ".o", ".cpp", ".cubin")):
            raise refused(
                archive.label, "native code (an AOTInductor package), which is built on the target"
            )
        if name.startswith(("executorch/", "xl_model_weights/", "mtia")):
            raise refused(archive.label, "what another runtime loads, beside no program or with it")


def _only_model(archive: Archive) -> str:
    models = [
        name.removeprefix("models/").removesuffix(".json")
        for name in archive.sizes
        if name.startswith("models/")
    ]
    if len(models) != 1:
        why = f"it has {len(models)} programs; save the one that is to be measured alone"
        raise damaged(archive.label, why)
    if f"models/{models[0]}.json" not in archive.sizes:
        raise damaged(archive.label, "its program is no JSON")
    return models[0]


def _decoded(archive: Archive, record: str) -> Any:
    try:
        told = json.loads(archive.text(record))
    except (ValueError, RecursionError) as error:
        raise damaged(archive.label, f"{record} is no JSON") from error
    if not isinstance(told, dict):
        raise damaged(archive.label, f"{record} is no object")
    return told


def _pickled(archive: Archive, model: str) -> tuple[Pickled, ...]:
    """Every record that the library would unpickle, whatever it is said to be.

    Raises:
        BadInput: a record is a raw pickle or an object of a class, or is not what it is said to be.
    """
    found = []
    for folder, ending in _CONFIGS.items():
        if f"{folder}{model}.pt" in archive.sizes:
            raise refused(archive.label, "its weights as one pickle, as older versions wrote them")
        config = _decoded(archive, f"{folder}{model}{ending}").get("config")
        if not isinstance(config, dict):
            raise damaged(archive.label, "its list of weights is none")
        found += [one for at in config.items() if (one := _payload(archive, folder, *at))]
    sample = f"{_SAMPLES}{model}.pt"
    if archive.sizes.get(sample):
        found.append(Pickled(sample, "sample inputs"))
    return tuple(found)


def _payload(archive: Archive, folder: str, name: str, payload: Any) -> Pickled | None:
    """One weight: None where its record is the bytes of a plain tensor, as many as it says."""
    label = archive.label
    record = f"{folder}{payload.get('path_name')}" if isinstance(payload, dict) else ""
    if record not in archive.sizes:
        raise damaged(label, f"the record of weight {name[:80]!r} is not in it")
    if payload["path_name"].startswith(_OF_OBJECTS):
        raise refused(label, f"an object of a class, {name[:80]!r}, which only a pickle makes")
    if payload.get("use_pickle") not in (False, None):
        return Pickled(record, name)
    meta = payload.get("tensor_meta")
    try:
        sizes, strides = ([int(one["as_int"]) for one in meta[key]] for key in ("sizes", "strides"))
        offset, width = int(meta["storage_offset"]["as_int"]), _width(_DTYPES[meta["dtype"]])
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(label, f"weight {name[:80]!r} is not described") from error
    if min((*sizes, *strides, offset), default=0) < 0 or len(sizes) != len(strides):
        raise damaged(label, f"weight {name[:80]!r} has a size or stride below zero")
    last = offset + sum((size - 1) * step for size, step in zip(sizes, strides, strict=True))
    needed = 0 if 0 in sizes else (last + 1) * width
    if needed > archive.sizes[record]:
        raise damaged(
            label,
            f"weight {name[:80]!r} is said to reach {needed:,} bytes and the file holds"
            f" {archive.sizes[record]:,} of it",
        )
    return None


def _width(dtype: str) -> int:
    """Bytes of one element."""
    bits = re.search(r"\d+", dtype)
    return int(bits[0]) // 8 if bits else 1


def _program(told: Mapping[str, Any], pickled: tuple[Pickled, ...], label: str) -> Program:
    version = told["schema_version"]
    if version["major"] != SCHEMA_MAJOR:
        raise damaged(
            label,
            f"it is of schema {version['major']}.{version['minor']}, and {SCHEMA_MAJOR} is read;"
            f" torch {str(told.get('torch_version'))[:20]} wrote it",
        )
    ranges = {
        name: (int(one.get("min_val") or 0), _most(one.get("max_val")))
        for name, one in told["range_constraints"].items()
    }
    module = told["graph_module"]
    graph, signature = module["graph"], module["signature"]
    tensors = {name: _tensor(meta, ranges) for name, meta in graph["tensor_values"].items()}
    operators = tuple(_operators(graph, 0))
    if len(operators) > MAX_NODES:
        raise damaged(label, f"it has {len(operators):,} operators")
    inputs, held = _inputs(signature["input_specs"], tensors, label)
    held |= {name for one in operators if one.kind == _INNER for name in one.outputs}
    outputs, keeps_state = _outputs(module, tensors, label)
    written = _written(operators)
    if own := sorted(written & set(inputs)):
        raise damaged(label, f"it writes into its input {own[0]!r}, which is the caller's")
    return Program(
        inputs=inputs,
        outputs=outputs,
        operators=operators,
        tensors=tensors,
        held=frozenset(held),
        pickled=pickled,
        written_by=str(told.get("torch_version", ""))[:40],
        keeps_state=keeps_state or bool(written & held),
    )


def _written(operators: Sequence[OperatorCall]) -> set[str]:
    """Tensors that an operator changes in place: its name ends with an underscore."""
    return {
        one.inputs[0][1][0]
        for one in operators
        if re.fullmatch(r"\w+\.[a-z0-9_]*[a-z0-9]_\.\w+", one.kind)
        and one.inputs
        and one.inputs[0][1]
    }


def _most(value: Any) -> int | None:
    return int(value) if isinstance(value, int) and value < 1 << 62 else None


def _tensor(meta: Mapping[str, Any], ranges: Mapping[str, tuple[int, int | None]]) -> TensorMeta:
    sizes: list[tuple[int, int | None]] = []
    for one in meta["sizes"]:
        if "as_int" in one:
            sizes.append((int(one["as_int"]), int(one["as_int"])))
        else:
            sizes.append(_reach(one["as_expr"]["expr_str"], ranges))
    return TensorMeta(_DTYPES.get(meta["dtype"], "unknown"), tuple(sizes))


def _reach(text: str, ranges: Mapping[str, tuple[int, int | None]]) -> tuple[int, int | None]:
    """The least and the most of a size: of a symbol, or of a multiple of one."""
    multiple = _MULTIPLE.fullmatch(text)
    factor = int(multiple[1]) if multiple else 1
    symbol = _SYMBOL.fullmatch(multiple[2] if multiple else text)
    low, high = ranges.get(symbol[1], (0, None)) if symbol else (0, None)
    return factor * low, None if high is None else factor * high


def _operators(graph: Mapping[str, Any], depth: int) -> Iterator[OperatorCall]:
    if depth > MAX_DEPTH:
        raise ValueError("depth")
    for node in graph["nodes"]:
        inputs = []
        for given in node["inputs"]:
            arg = given["arg"]
            if "as_graph" in arg:
                yield from _operators(arg["as_graph"]["graph"], depth + 1)
            inputs.append((str(given["name"]), tuple(_names(arg))))
        outputs = tuple(name for one in node["outputs"] for name in _names(one))
        yield OperatorCall(str(node["target"]).removeprefix("torch.ops."), tuple(inputs), outputs)


def _names(argument: Mapping[str, Any]) -> Iterator[str]:
    """The tensors that an argument names."""
    for key in ("as_tensor", "as_optional_tensor"):
        one = argument.get(key)
        if isinstance(one, dict):
            yield from _names(one) if "name" not in one else [str(one["name"])]
    for key in ("as_tensors", "as_optional_tensors"):
        for one in argument.get(key) or ():
            yield from _names(one) if "name" not in one else [str(one["name"])]


def _inputs(
    specs: Sequence[Mapping[str, Any]], tensors: Mapping[str, TensorMeta], label: str
) -> tuple[dict[str, TensorMeta], set[str]]:
    """What a caller gives, and what the file holds."""
    given: dict[str, TensorMeta] = {}
    held: set[str] = set()
    for spec in specs:
        ((kind, told),) = spec.items()
        if kind in _HELD:
            held.add(str(told["arg"]["name"]))
            continue
        named = list(_names(told["arg"])) if kind == "user_input" else []
        if not named:
            what = str(told.get("name") or kind)
            raise damaged(
                label,
                f"it takes {what[:80]!r}, which is no tensor; export it with tensors as inputs",
            )
        given[named[0]] = tensors[named[0]]
    return given, held


def _outputs(
    module: Mapping[str, Any], tensors: Mapping[str, TensorMeta], label: str
) -> tuple[dict[str, TensorMeta], bool]:
    """What a caller gets, by name, and whether a call changes anything besides."""
    returned: list[Mapping[str, Any]] = []
    keeps_state = False
    for spec in module["signature"]["output_specs"]:
        ((kind, told),) = spec.items()
        if kind == "user_output":
            returned.append(told["arg"])
        elif kind == "user_input_mutation":
            raise damaged(label, "it writes into its inputs, which belong to the caller")
        else:
            keeps_state = True
    spec = json.loads(module["module_call_graph"][0]["signature"]["out_spec"])[1]
    paths = list(_leaves(spec, ()))
    if len(paths) != len(returned):
        raise ValueError("outputs")
    found: dict[str, TensorMeta] = {}
    for path, one in zip(paths, returned, strict=True):
        named = list(_names(one))
        if not named:
            if "as_none" in one:
                continue
            raise damaged(label, "it returns what is no tensor; export it with tensors as outputs")
        words = ".".join(path) or "output"
        found[words if not words[0].isdigit() else f"output_{words}"] = tensors[named[0]]
    return found, keeps_state


def _leaves(spec: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The way to each leaf: keys of dicts, places in lists and tuples."""
    if spec["type"] is None:
        yield path
        return
    children = spec["children_spec"]
    keys: Sequence[Any] = range(len(children))
    if spec["type"] in ("builtins.dict", "collections.OrderedDict"):
        keys = json.loads(spec["context"]) if isinstance(spec["context"], str) else spec["context"]
    for key, child in zip(keys, children, strict=True):
        yield from _leaves(child, (*path, str(key)))
