"""LiteRT (once TensorFlow Lite) on the CPU: XNNPACK, its built-in or its reference kernels.

The parent only asks for versions; the interpreter is imported by `load`, in the child.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
from collections import Counter
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, Refused
from bitgauge.benchmarks.vocabulary.values.devices import (
    RuntimeDescription,
    RuntimeOption,
    StackItem,
)

from ..base import RuntimeMissing, SessionOptions, Traits
from . import tiny
from .session import LiteRtSession, signature_of

NAME = "litert"
RANK = 5
HINT = "pip install 'bitgauge[litert]'"

KERNELS = "kernels"
"""The option that chooses what computes; without it XNNPACK takes what it can."""
BUILTIN, REFERENCE, XNNPACK = "builtin", "reference", "xnnpack"

_PACKAGES = {"ai-edge-litert": "ai_edge_litert", "tflite-runtime": "tflite_runtime"}
"""Distribution and module, the one to prefer first."""
_FAMILIES = (FormatFamily.FP32, FormatFamily.FP16, FormatFamily.INT8, FormatFamily.INT4)
_UNKNOWN_OPERATOR = ("didn't find op for builtin", "unresolved custom op", "unsupported data type")
_NO_MEMORY = ("bad_alloc", "failed to allocate", "out of memory")


def probe() -> RuntimeDescription:
    """Version of the installed package; see `base.RuntimeModule.probe`."""
    package = _package()
    if package is None:
        raise RuntimeMissing("LiteRT is not installed in the agent's environment.")
    installed = importlib.metadata.version(package)
    items = {package: installed, "numpy": importlib.metadata.version("numpy")}
    return RuntimeDescription(
        name=NAME,
        version=installed,
        providers=(XNNPACK,),
        families=_FAMILIES,
        versions=tuple(StackItem(name, value) for name, value in sorted(items.items())),
    )


def _package() -> str | None:
    """The installed distribution; of two the newer name."""
    for package, module in _PACKAGES.items():
        if importlib.util.find_spec(module) is not None:
            return package
    return None


def prepare() -> None:
    """Imports the interpreter."""
    _interpreter_module()


def _interpreter_module() -> Any:
    package = _package()
    assert package is not None, "a runtime that is not installed is not loaded"
    return importlib.import_module(f"{_PACKAGES[package]}.interpreter")


def load(path: Path, options: SessionOptions) -> LiteRtSession:
    """A session on a ``.tflite`` file; see `base.RuntimeModule.load`.

    The interpreter verifies the file before it builds anything from it.
    """
    library = _interpreter_module()
    chosen = {one.name: one.value for one in options.further}.get(KERNELS, XNNPACK)
    resolvers = library.OpResolverType
    resolver = {
        XNNPACK: resolvers.AUTO,
        BUILTIN: resolvers.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        REFERENCE: resolvers.BUILTIN_REF,
    }[chosen]
    try:
        interpreter = library.Interpreter(
            model_path=str(path),
            num_threads=options.threads,
            experimental_op_resolver_type=resolver,
        )
        signature = signature_of(interpreter)
        interpreter.allocate_tensors()
    except BitgaugeError:
        raise
    except Exception as error:  # the binding raises ValueError and RuntimeError alike
        raise explain(error, loading=True) from error
    made = {KERNELS: chosen, "threads": str(options.threads), **_executed(interpreter)}
    return LiteRtSession(interpreter, signature, made, functools.partial(explain, loading=False))


def _executed(interpreter: Any) -> dict[str, str]:
    """How much of the graph a delegate took: in one piece, or in many with borders between."""
    details = getattr(interpreter, "_get_ops_details", None)
    if details is None:  # an interpreter that does not tell
        return {}
    counts = Counter(one["op_name"] for one in details())
    pieces = counts.pop("DELEGATE", 0)
    return {"operators": str(counts.total()), "delegated pieces": str(pieces)}


def explain(error: Exception, *, loading: bool) -> BitgaugeError:
    """One sentence of what LiteRT said, under the code of who must act.

    Args:
        error: what the binding raised.
        loading: while the session was made; else while it ran.
    """
    sentence = f"LiteRT says: {said(error)}."
    text = str(error).lower()
    if any(word in text for word in _NO_MEMORY):
        return Refused(Code.OUT_OF_MEMORY, sentence)
    if any(word in text for word in _UNKNOWN_OPERATOR):
        return Refused(Code.UNSUPPORTED_ARTIFACT, sentence)
    if loading:
        return BadInput(Code.BAD_MODEL, sentence)
    return Refused(Code.RUN_FAILED, sentence)


def probe_kernels() -> dict[str, str]:
    """What the kernels do here; see `base.Traits`.

    Raises:
        RuntimeMissing: only the package of the older name is there, which has no schema.
    """
    try:
        from . import kernels
    except ImportError as error:
        raise RuntimeMissing("Kernels are probed with ai-edge-litert alone.") from error
    library = _interpreter_module()

    def loaded(model: bytes) -> Any:
        interpreter = library.Interpreter(model_content=model, num_threads=1)
        interpreter.allocate_tensors()
        return interpreter

    return kernels.modes(loaded)


def empty_artifact() -> bytes:
    """A model that takes the absolute value of one float."""
    return tiny.EMPTY


def sentinel_artifact() -> bytes:
    """A model of four matrix products; see `tiny`."""
    return tiny.SENTINEL


TRAITS = Traits(
    artifact_kinds=("tflite",),
    options=(
        RuntimeOption(
            KERNELS, (BUILTIN, REFERENCE), "without XNNPACK, several to a hundred times slower"
        ),
    ),
    kernels=probe_kernels,
    sentinel=sentinel_artifact,
)
