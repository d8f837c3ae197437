"""An ONNX file compiled by OpenVINO for the CPU, in the precision that was asked for.

Two of its defaults compute something else than the artifact says, without a word: on a processor
with bfloat16 its float32 is computed in bfloat16 (max logit error 0.03 against 3e-6), and where
weights alone are integers it quantizes the activations too, in groups of 32 (0.1 against 3e-6).
Both are set here and read back after compiling; what was not granted is refused.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, Refused

from ..base import SessionOptions

DEVICE = "CPU"

PRECISION = "precision"
"""Option: in which type float operators are computed; without it `FLOAT32`."""
FLOAT32, BFLOAT16 = "f32", "bf16"

DYNAMIC_QUANTIZATION = "dynamic_quantization"
"""Option: how many activations share a scale where weights alone are integers; without it none
are quantized."""
GROUPS = ("32",)

SHAPES = "shapes"
"""Option: `STATIC` has the free first axis of every input fixed to the workload's batch before
kernels are made; without it shapes stay as the file has them."""
STATIC = "static"

_NO_MEMORY = ("bad_alloc", "bad allocation", "cannot allocate", "out of memory")
_UNKNOWN = ("opconversionfailure", "not supported", "notimplemented", "not implemented")
_NOISE = re.compile(r"^(?:Exception from .*|Check '.*|FrontEnd API failed with \w+:|)$")
_NO_OPTIONS = {"SUPPORTED_PROPERTIES", "NETWORK_NAME", "LOG_LEVEL"}
"""Properties that name the model or say nothing of how it is computed."""


def library() -> Any:
    """The module."""
    import openvino

    return openvino


@functools.cache
def core() -> Any:
    """The one object that compiles; it is kept, because it loads plug-ins."""
    return library().Core()


def chosen(options: SessionOptions) -> dict[str, str]:
    """The runtime's own options by name.

    Raises:
        Refused: `unsupported_artifact`, one is none that it has, or has no such value.
    """
    known = {PRECISION: (BFLOAT16,), DYNAMIC_QUANTIZATION: GROUPS, SHAPES: (STATIC,)}
    found = {one.name: one.value for one in options.further}
    for name, value in found.items():
        if value not in known.get(name, ()):
            listed = ", ".join(f"{one}={' or '.join(values)}" for one, values in known.items())
            raise Refused(
                Code.UNSUPPORTED_ARTIFACT,
                f"OpenVINO has no option {name[:80]}={value[:80]} here; it has {listed}.",
            )
    return found


def compiled(source: Path | bytes, options: SessionOptions, *, profiled: bool = False) -> Any:
    """A model of the library, its kernels made.

    Args:
        source: an ONNX file, or one in memory.
        options: of the session.
        profiled: whether it notes how long each operator takes.

    Raises:
        BitgaugeError: OpenVINO refuses it, or would not compute it as asked.
    """
    wanted = chosen(options)
    asked: dict[str, Any] = {
        "INFERENCE_NUM_THREADS": options.threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": wanted.get(PRECISION, FLOAT32),
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": int(wanted.get(DYNAMIC_QUANTIZATION, 0)),
        # Which processors a child may use is the harness's to say.
        "ENABLE_CPU_PINNING": False,
    }
    if profiled:
        asked["PERF_COUNT"] = True
    try:
        model = _read(source)
        if wanted.get(SHAPES) == STATIC:
            _fix(model, options.batch)
        made = core().compile_model(model, DEVICE, asked)
    except BitgaugeError:
        raise
    except Exception as error:  # the binding raises RuntimeError and classes of each front end
        raise explain(error, loading=True) from error
    _granted(made, asked)
    return made


def _read(source: Path | bytes) -> Any:
    """The model in a file, by the reader of ONNX and no other: the library has seven."""
    if not (source.stat().st_size if isinstance(source, Path) else source):
        # Its reader takes nothing for a model of nothing.
        raise BadInput(Code.BAD_MODEL, "The file is empty.")
    from openvino.frontend import FrontEndManager

    reader = _reader(FrontEndManager)
    if isinstance(source, Path):
        return reader.convert(reader.load(str(source)))
    import io

    return reader.convert(reader.load(io.BytesIO(source)))


@functools.cache
def _reader(manager: Any) -> Any:
    return manager().load_by_framework("onnx")


def _fix(model: Any, batch: int) -> None:
    """Gives every free first axis its size; other free axes stay."""
    ov = library()
    shapes = {}
    for port in model.inputs:
        shape = port.get_partial_shape()
        if shape.rank.is_static and len(shape) and shape[0].is_dynamic:
            shape[0] = ov.Dimension(batch)
            shapes[port] = shape
    if shapes:
        model.reshape(shapes)


def _granted(made: Any, asked: dict[str, Any]) -> None:
    """That it computes as asked; a hint may be taken for another one without a word.

    Raises:
        Refused: `unsupported_artifact`, it does not.
    """
    precision = made.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    wanted = str(asked["INFERENCE_PRECISION_HINT"])
    if precision != wanted:
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT,
            f"OpenVINO was asked to compute in {wanted} and would compute in {precision} here.",
        )
    for name in ("DYNAMIC_QUANTIZATION_GROUP_SIZE", "INFERENCE_NUM_THREADS"):
        got = int(made.get_property(name))
        if got != asked[name]:
            raise Refused(
                Code.UNSUPPORTED_ARTIFACT,
                f"OpenVINO was asked for {name} {asked[name]} and takes {got} here.",
            )


def properties(made: Any) -> dict[str, str]:
    """What a compiled model was made with, read back from it."""
    found = {}
    for name in made.get_property("SUPPORTED_PROPERTIES"):
        if name in _NO_OPTIONS:
            continue
        value = made.get_property(name)
        named = getattr(value, "get_type_name", None)  # a type of elements
        text = named() if named is not None else getattr(value, "name", None)
        found[str(name)] = str(text or value)
    return dict(sorted(found.items()))


def explain(error: Exception, *, loading: bool) -> BitgaugeError:
    """One sentence of what OpenVINO said, under the code of who must act.

    Args:
        error: what the binding raised.
        loading: while the model was compiled; else while it ran.
    """
    text = str(error)
    lines = [line.strip() for line in text.splitlines()]
    telling = [line for line in lines if not _NOISE.match(line)]
    sentence = f"OpenVINO says: {said(RuntimeError('. '.join(telling) or text))}."
    lower = text.lower()
    if any(word in lower for word in _NO_MEMORY):
        return Refused(Code.OUT_OF_MEMORY, sentence)
    if loading and any(word in lower for word in _UNKNOWN):
        return Refused(Code.UNSUPPORTED_ARTIFACT, sentence)
    if loading:
        return BadInput(Code.BAD_MODEL, sentence)
    return Refused(Code.RUN_FAILED, sentence)
