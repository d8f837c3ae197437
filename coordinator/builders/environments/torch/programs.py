"""Exported programs for the scripts beside this one: read, called, exported again.

Runs in the environment `torch`: the standard library, numpy and its packages.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils import _pytree

_KNOW_OPERATORS = "torch.ao.quantization.fx._decomposed", "torchao.quantization"
"""Modules that make operators of quantized programs known."""


def read(path: str) -> Any:
    """The program of a file that was looked at; not a byte of it is unpickled.

    What a file may hold as a pickle is sample inputs, which nobody needs; lines of code that guard
    its inputs are dropped.
    """
    for one in _KNOW_OPERATORS:
        importlib.import_module(one)
    # By its name a file is warned of that does not end in .pt2.
    with _unpickling_nothing(), open(path, "rb") as file:
        program = torch.export.load(file)
    program._guards_code = []
    return program


@contextlib.contextmanager
def _unpickling_nothing() -> Iterator[None]:
    kept = torch.load
    try:
        torch.load = _nothing
        yield
    finally:
        torch.load = kept


def _nothing(*_: object, **__: object) -> dict[str, object]:
    return {}


def first_line(error: BaseException) -> str:
    """What an error says, on one line and without its point."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300].rstrip(".")


def given_to(program: Any) -> list[Any]:
    """The nodes of what a call must give, in its order."""
    names = set(program.graph_signature.user_inputs)
    return [one for one in program.graph.nodes if one.op == "placeholder" and one.name in names]


def arguments(program: Any, leaves: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What a call is given, in the form that the program takes."""
    positional, named = _pytree.tree_unflatten(list(leaves), program.call_spec.in_spec)
    return tuple(positional), dict(named)


def tensors_of(program: Any, arrays: Mapping[str, Any], rows: slice) -> list[Any]:
    """Some samples as the inputs of a call, in its order, of the types that it takes."""
    return [
        torch.from_numpy(np.ascontiguousarray(arrays[one.name][rows])).to(one.meta["val"].dtype)
        for one in given_to(program)
    ]


def called(program: Any, run: Any, arrays: Mapping[str, Any], rows: slice) -> list[Any]:
    """What a module of a program returns for some samples, in the order of its outputs."""
    positional, named = arguments(program, tensors_of(program, arrays, rows))
    with torch.no_grad():
        found: list[Any] = _pytree.tree_leaves(run(*positional, **named))
    return [one for one in found if one is not None]


def exported(module: Any, program: Any) -> Any:
    """A module that takes what `program` does, exported for the same sizes."""
    sizes = _Sizes(program)
    nodes = given_to(program)
    examples = [torch.zeros(sizes.example(one), dtype=one.meta["val"].dtype) for one in nodes]
    shapes = [sizes.dims(one) for one in nodes]
    positional, named = arguments(program, shapes)
    return _export(module, arguments(program, examples), (*positional, *named.values()))


def exported_for(module: Any, program: Any, leaves: Sequence[Any]) -> Any:
    """The same for the sizes of these inputs alone."""
    return _export(module, arguments(program, leaves), None)


def _export(module: Any, given: tuple[tuple[Any, ...], dict[str, Any]], shapes: Any) -> Any:
    with torch.no_grad():
        return torch.export.export(module, *given, dynamic_shapes=shapes, strict=False)


class _Sizes:
    """The axes that a call may choose, each by its symbol.

    Args:
        program: whose inputs they are.
    """

    def __init__(self, program: Any) -> None:
        self._dims: dict[str, Any] = {}
        self._examples: dict[Any, int] = {}
        for symbol, limits in program.range_constraints.items():
            low, high = _whole(limits.lower, 0), _whole(limits.upper, None)
            number = len(self._dims)
            self._dims[str(symbol)] = torch.export.Dim(f"size{number}", min=low, max=high)
            least = max(low or 0, 2) + number  # equal sizes would be taken for one
            self._examples[symbol] = least if high is None else min(least, high)

    def dims(self, node: Any) -> dict[int, Any]:
        """By the number of the axis, what an exporter is told of an input."""
        return {
            at: self._dims.get(str(size.node.expr), torch.export.Dim.AUTO)
            for at, size in enumerate(node.meta["val"].shape)
            if isinstance(size, torch.SymInt)
        }

    def example(self, node: Any) -> list[int]:
        """Sizes of an input that a call could have."""
        return [
            int(size.node.expr.xreplace(self._examples))
            if isinstance(size, torch.SymInt)
            else int(size)
            for size in node.meta["val"].shape
        ]


def _whole(value: Any, otherwise: int | None) -> int | None:
    try:
        found = int(value)
    except (TypeError, ValueError, OverflowError, AttributeError):
        return otherwise
    return found if abs(found) < 1 << 62 else otherwise


def without_what_nobody_reads(module: Any) -> None:
    """Drop the weights of a graph module that no operator reads any more."""
    for node in reversed(list(module.graph.nodes)):
        if node.op == "get_attr" and not node.users:
            module.graph.erase_node(node)
    module.graph.lint()
    module.recompile()
    used = {str(one.target) for one in module.graph.nodes if one.op == "get_attr"}
    held = [*module.named_parameters(remove_duplicate=False), *module.named_buffers()]
    called_modules = {str(one.target) for one in module.graph.nodes if one.op == "call_module"}
    for name, _ in held:
        within = any(name.startswith(f"{one}.") for one in called_modules)
        if name not in used and not within:
            owner, _, last = name.rpartition(".")
            delattr(module.get_submodule(owner), last)


def output_names(program: Any) -> list[str]:
    """Names of what a program returns: keys of dicts, places in lists and tuples."""
    spec = program.call_spec.out_spec
    leaves = _pytree.tree_unflatten(list(range(spec.num_leaves)), spec)
    paths, _ = _pytree.tree_flatten_with_path(leaves)
    names = []
    for path, _ in paths:
        words = ".".join(str(getattr(one, "key", getattr(one, "idx", ""))) for one in path)
        named = words or "output"
        names.append(named if not named[0].isdigit() else f"output_{named}")
    return names
