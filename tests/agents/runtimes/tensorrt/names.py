"""What our sources use of TensorRT's bindings, and what the bindings have, by name and signature.

A variable is called as the library's class (`CLASSES`), which is how an attribute is known for one
of that class. What is fetched with a default (`getattr(x, "NAME", None)`) may be missing in some
version. ``python -m tests.agents.runtimes.tensorrt.names MODULE`` prints what an installed module
has of what is used, as `constructed/names.json` holds it for published ones.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).parents[4] / "agents/runtimes/_tensorrt"
CLASSES = {
    "builder": "Builder",
    "network": "INetworkDefinition",
    "config": "IBuilderConfig",
    "parser": "OnnxParser",
    "parser_error": "ParserError",
    "profile": "IOptimizationProfile",
    "host_memory": "IHostMemory",
    "timing_cache": "ITimingCache",
    "tensor": "ITensor",
    "runtime": "Runtime",
    "engine": "ICudaEngine",
    "context": "IExecutionContext",
    "inspector": "EngineInspector",
    "runtime_config": "IRuntimeConfig",
}
MODULE = "trt"
RTX_ALONE = (
    *("ComputeCapability", "num_compute_capabilities", "set_compute_capability"),
    *("IRuntimeConfig", "create_runtime_config", "DynamicShapesKernelSpecializationStrategy"),
)
"""What is used of TensorRT for RTX and of no other."""

Names = Mapping[str, list[str] | None]
"""By ``Class.attribute``: parameters of each overload, ``?`` after one with a default; None for
what is no function."""


@dataclass(frozen=True, order=True)
class Use:
    """One attribute where it is used.

    Attributes:
        name: ``Class.attribute``, or that of the module alone.
        optional: it is asked whether it is there.
        given: number of positional arguments where it is called, else -1.
    """

    name: str
    optional: bool = False
    given: int = -1


def uses() -> tuple[Use, ...]:
    """Everything that is used, each once."""
    found = set()
    for path in sorted(SOURCES.glob("*.py")):
        found |= set(_uses(ast.parse(path.read_text())))
    return tuple(sorted(found))


def _uses(tree: ast.AST) -> Iterator[Use]:
    called = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = _class_of(node.value)
            if owner is not None and node.attr != "__init__":
                call = called.get(id(node))
                yield Use(f"{owner}{node.attr}", given=-1 if call is None else len(call.args))
        elif isinstance(node, ast.ClassDef):
            for base in node.bases:
                owner = _class_of(base)
                if owner:
                    methods = (
                        one
                        for one in node.body
                        if isinstance(one, ast.FunctionDef) and one.name != "__init__"
                    )
                    yield from (Use(f"{owner}{one.name}") for one in methods)
        elif _is_optional(node):
            assert isinstance(node, ast.Call)
            owner, named = _class_of(node.args[0]), node.args[1]
            if owner is not None and isinstance(named, ast.Constant):
                yield Use(f"{owner}{named.value!s}", optional=True)


def _is_optional(node: ast.AST) -> bool:
    named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    return named and node.func.id == "getattr" and len(node.args) == 3  # type: ignore[attr-defined]


def _class_of(node: ast.AST) -> str | None:
    """``Builder.`` for a variable of that name, "" for the module; None for anything else."""
    name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", None)
    if name == MODULE:
        return ""
    if name in CLASSES:
        return f"{CLASSES[name]}."
    if isinstance(node, ast.Attribute) and _class_of(node.value) == "":
        return f"{node.attr}."  # an enumeration or a class of the module
    return None


def held(module: object) -> Names:
    """What a module has of what is used."""
    found: dict[str, list[str] | None] = {}
    for use in uses():
        owner: object = module
        for part in use.name.split("."):
            static = inspect.getattr_static(owner, part, None)
            owner = getattr(owner, part, None)
        if owner is not None or static is not None:
            found[use.name] = _signatures(use.name.rpartition(".")[2], owner)
    return found


def _signatures(name: str, value: object) -> list[str] | None:
    if inspect.isclass(value):
        value, name = value.__init__, "__init__"
    if not callable(value):
        return None
    pattern = rf"^(?:\d+\. )?{re.escape(name)}\((.*)\) ->"
    return [
        " ".join(_parameters(one))
        for one in re.findall(pattern, value.__doc__ or "", re.MULTILINE)
        if one != "*args, **kwargs"
    ]


def _parameters(text: str) -> Iterator[str]:
    depth, part, parts = 0, "", []
    for sign in text:
        depth += (sign in "[(<") - (sign in "])>")
        if sign == "," and not depth:
            parts.append(part)
            part = ""
        else:
            part += sign
    for one in filter(None, (each.strip() for each in (*parts, part))):
        name = one.partition(":")[0].strip()
        if name != "self" and not (name == "arg0" and "Builder" in one):
            yield name + ("?" if " = " in one else "")


def problems(used: tuple[Use, ...], names: Names) -> list[str]:
    """What is used and not there, or called with another number of arguments."""
    found = []
    asked_for = {one.name for one in used if one.optional}
    for use in used:
        if use.name not in names:
            if use.name not in asked_for:
                found.append(f"{use.name} is not there")
            continue
        overloads = names[use.name]
        if use.given < 0 or not overloads:
            continue
        if not any(_takes(one.split(), use.given) for one in overloads):
            found.append(f"{use.name} takes ({'), ('.join(overloads)}), not {use.given} arguments")
    return found


def _takes(parameters: list[str], given: int) -> bool:
    return sum("?" not in one for one in parameters) <= given <= len(parameters)


if __name__ == "__main__":
    print(json.dumps(held(importlib.import_module(sys.argv[1])), indent=1, sort_keys=True))
