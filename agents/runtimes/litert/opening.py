"""An interpreter on a file: looked at first, then made as production makes it."""

from __future__ import annotations

import importlib
import importlib.util
import mmap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, Refused

from ..base import SessionOptions
from . import delegates
from .placement import Placement, placement

if TYPE_CHECKING:
    from bitgauge.benchmarks.common.tflite.tables import Tables

PACKAGES = {"ai-edge-litert": "ai_edge_litert", "tflite-runtime": "tflite_runtime"}
"""Distribution and module, the one to prefer first."""

KERNELS = "kernels"
"""The option that chooses what computes; without it XNNPACK takes what it can."""
BUILTIN, REFERENCE, XNNPACK = "builtin", "reference", "xnnpack"

_RESOLVERS = {
    XNNPACK: "AUTO",
    BUILTIN: "BUILTIN_WITHOUT_DEFAULT_DELEGATES",
    REFERENCE: "BUILTIN_REF",
}
_UNKNOWN_OPERATOR = ("didn't find op for builtin", "unresolved custom op", "unsupported data type")
_NOT_FOR_IT = ("not currently supported", "not supported", "unsupported type", "unimplemented")
_NO_MEMORY = ("bad_alloc", "failed to allocate", "out of memory")


def package() -> str | None:
    """The installed distribution; of two the newer name."""
    for name, module in PACKAGES.items():
        if importlib.util.find_spec(module) is not None:
            return name
    return None


def library() -> Any:
    """The module of the interpreter."""
    found = package()
    assert found is not None, "a runtime that is not installed is not loaded"
    return importlib.import_module(f"{PACKAGES[found]}.interpreter")


def own_kernels(chosen: str) -> str:
    """Whose kernels compute what no delegate took."""
    return BUILTIN if chosen == XNNPACK else chosen


def has_schema() -> bool:
    """Whether files can be looked into: the older package brings no schema."""
    return package() == "ai-edge-litert"


def kernels_of(options: SessionOptions) -> str:
    """Whose kernels a session computes with where no delegate does.

    Raises:
        Refused: `unsupported_artifact`, it is none that there is.
    """
    chosen = {one.name: one.value for one in options.further}.get(KERNELS, XNNPACK)
    if chosen not in _RESOLVERS:
        listed = ", ".join(sorted(_RESOLVERS))
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT, f"LiteRT has no kernels {chosen!r}; it has {listed}."
        )
    return chosen


def looked_at(path: Path) -> None:
    """Looks at a file before anything is built from it; see `verify`.

    The older package brings no schema: there LiteRT's own verifier stands alone.
    """
    if not has_schema():
        return
    with opened(path):
        pass


@contextmanager
def opened(path: Path) -> Iterator[Tables]:
    """The verified tables of a file, whose weights stay on the disk until somebody looks.

    Raises:
        BitgaugeError: it is none, or none that LiteRT may be given.
    """
    from bitgauge.benchmarks.common.tflite.tables import read

    from .verify import verify

    if not path.stat().st_size:
        raise BadInput(Code.BAD_MODEL, "The file is empty.")
    with path.open("rb") as file:
        found = read(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), "The file")
        verify(found)
        yield found


def interpreter(path: Path, options: SessionOptions, *, shows_all: bool = False) -> Any:
    """An allocated interpreter.

    Args:
        path: of a file that was looked at.
        options: of the session.
        shows_all: keeps every tensor after a call, which gives each operator a delegate of its
            own and changes no result.

    Raises:
        BitgaugeError: LiteRT refuses the file, or a delegate is not there.
    """
    binding = library()
    more: dict[str, Any] = {"experimental_preserve_all_tensors": True} if shows_all else {}
    chosen = kernels_of(options)
    if delegates.is_alone(options) and chosen == XNNPACK:
        chosen = BUILTIN  # XNNPACK would take what is left, and pass for it
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that all tensors take memory
        try:
            made = binding.Interpreter(
                model_path=str(path),
                num_threads=options.threads,
                experimental_op_resolver_type=getattr(binding.OpResolverType, _RESOLVERS[chosen]),
                experimental_delegates=delegates.load(binding, options),
                **more,
            )
            made.allocate_tensors()
        except BitgaugeError:
            raise
        except Exception as error:  # the binding raises ValueError and RuntimeError alike
            raise explain(error, loading=True) from error
    where = placed(made) if delegates.is_alone(options) else None
    if where is not None and (left := delegates.left_over(where)):
        raise Refused(
            Code.FELL_BACK, f"The delegate does not take the whole artifact: {left} would be left."
        )
    return made


def of_bytes(model: bytes, *, chosen: str, threads: int = 1) -> Any:
    """An allocated interpreter of a probe, which looks at what the binding raises."""
    binding = library()
    made = binding.Interpreter(
        model_content=model,
        num_threads=threads,
        experimental_op_resolver_type=getattr(binding.OpResolverType, _RESOLVERS[chosen]),
    )
    made.allocate_tensors()
    return made


def placed(made: Any) -> Placement | None:
    """Where the operators of an interpreter run; None for one that does not tell."""
    details = getattr(made, "_get_ops_details", None)
    return None if details is None else placement(details())


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
    if any(word in text for word in (*_UNKNOWN_OPERATOR, *(_NOT_FOR_IT if loading else ()))):
        return Refused(Code.UNSUPPORTED_ARTIFACT, sentence)
    if loading:
        return BadInput(Code.BAD_MODEL, sentence)
    return Refused(Code.RUN_FAILED, sentence)
