"""Quantizes or casts an ONNX model with ModelOpt: ``quantize.py SPEC.json ANSWER.json``.

Runs in the environment `modelopt`: the standard library, numpy and its packages.

The spec says `source` and `output` (files of ONNX), `mode` (`int8`, `fp8`, `int4`, `fp16` or
`bf16`), `method` (how ranges are found, as ModelOpt spells it; for the floats it is not looked at),
and `calibration` (npz, `inputs/NAME`) with `calls`, the samples of each call, or neither of them.

The answer says how many operators were `quantized`, by kind what was `left`, and `maker`.
"""

from __future__ import annotations

import json
import sys
import tempfile
import types
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

# With this ModelOpt compiles, at its first use, an extension that packs four bits; where that fails
# it packs them with numpy. There is no wheel of it, and nothing is compiled here.
sys.modules.setdefault("cppimport", types.ModuleType("cppimport"))

SEED = 20_240_229
_HALVES = ("fp16", "bf16")
_PRODUCTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_MOST_WORDS = 300


class CallReader:
    """Hands the calls of the calibration set over one by one, in its own order."""

    def __init__(self, calls: list[dict[str, Any]]) -> None:
        self._calls = calls
        self._left = iter(calls)

    def get_next(self) -> dict[str, Any] | None:
        """The next call, or None at the end."""
        return next(self._left, None)

    def get_first(self) -> dict[str, Any]:
        """The first one, by which ModelOpt learns the shapes of the products."""
        return self._calls[0]

    def rewind(self) -> None:
        """Begin again."""
        self._left = iter(self._calls)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._calls)

    def __next__(self) -> dict[str, Any]:
        if (found := self.get_next()) is None:
            raise StopIteration
        return found


def main(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Do what `spec` says; the answer."""
    np.random.seed(SEED)
    maker = f"ModelOpt {version('nvidia-modelopt')}"
    calls = _calls(spec)
    try:
        with tempfile.TemporaryDirectory(dir=Path(spec["output"]).parent) as folder:
            made = _made(spec, calls, Path(folder))
    except (ValueError, NotImplementedError, RuntimeError, AssertionError) as error:
        return {"unsupported": f"ModelOpt does not take the model: {_said(error)}."}
    quantized, left = _counted(made)
    data = made.SerializeToString(deterministic=True)
    Path(spec["output"]).write_bytes(data)
    return {"quantized": quantized, "left": left, "maker": maker}


def _calls(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The inputs of each calibration call; none without a set."""
    if not spec["calibration"]:
        return []
    with np.load(spec["calibration"], allow_pickle=False) as file:
        kind = "inputs/"
        inputs = {name[len(kind) :]: file[name] for name in file.files if name.startswith(kind)}
    found, start = [], 0
    for count in spec["calls"]:
        found.append({name: array[start : start + count] for name, array in inputs.items()})
        start += count
    return found


def _made(spec: Mapping[str, Any], calls: list[dict[str, Any]], folder: Path) -> Any:
    """What ModelOpt makes of the model, decoded: of a copy, as it rewrites what it is given."""
    source, output = folder / "model.onnx", folder / "made.onnx"
    onnx.save(onnx.load(spec["source"]), str(source))
    if spec["mode"] in _HALVES:
        return _cast(spec, calls, source, folder)
    from modelopt.onnx.quantization import quantize

    quantize(
        str(source),
        quantize_mode=spec["mode"],
        calibration_data_reader=CallReader(calls) if calls else None,
        calibration_method=spec["method"],
        calibration_eps=["cpu"],
        output_path=str(output),
        high_precision_dtype="fp32",
        dq_only=True,
        log_level="WARNING",
    )
    return onnx.load(str(output))


def _cast(spec: Mapping[str, Any], calls: list[dict[str, Any]], source: Path, folder: Path) -> Any:
    """The model in 16 bits, but for what would overflow there on the calibration set."""
    from modelopt.onnx.autocast import convert_to_mixed_precision

    samples = folder / "samples"
    samples.mkdir()
    for at, call in enumerate(calls):
        np.savez(samples / f"{at:06}.npz", **call)
    return convert_to_mixed_precision(
        str(source),
        low_precision_type=spec["mode"],
        keep_io_types=True,
        calibration_data=str(samples) if calls else None,
        providers=["cpu"],
    )


def _counted(model: Any) -> tuple[int, dict[str, int]]:
    """Products that read codes or give 16 bits, and how many of each kind do neither."""
    makers = {name: node.op_type for node in model.graph.node for name in node.output}
    known = onnx.shape_inference.infer_shapes(model).graph
    small = {onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16}
    halves = {one.name for one in known.value_info if one.type.tensor_type.elem_type in small}
    quantized, left = 0, Counter[str]()
    for node in model.graph.node:
        if node.op_type not in _PRODUCTS:
            continue
        codes = any(makers.get(name) == "DequantizeLinear" for name in node.input[:2])
        if codes or node.output[0] in halves:
            quantized += 1
        else:
            left[node.op_type] += 1
    return quantized, dict(left)


def _said(error: Exception) -> str:
    """The first line of what a library says."""
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return first[:_MOST_WORDS].rstrip(".")


if __name__ == "__main__":
    onnxruntime.set_default_logger_severity(3)
    asked, said = map(Path, sys.argv[1:])
    said.write_text(json.dumps(main(json.loads(asked.read_text()))))
