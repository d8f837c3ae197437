"""What the parser of ONNX refuses, as one sentence that names the operators and what to do.

Pure: the errors come as plain values. Their texts hold lines of the library's sources and of a
card that is not there; what tells something is the operator, its name and the first clause.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, Refused

RECIPE = (
    "symmetric scales, weights per channel, biases left in float: build int8-modelopt_max-cal (in"
    " ONNX Runtime's quantizer ActivationSymmetric=True, WeightSymmetric=True, QuantizeBias=False,"
    " per_channel=True, QInt8 for both)"
)
"""How integers have to be written down for TensorRT, and the recipe that writes them so."""

_MOST_NAMED = 4
_IN_SOURCES = re.compile(r"\s*(?:In \w+ at|\(In \w+ at) /\S+")
_CUDA = re.compile(r"\[\w+\.cpp::[^\]]*\][^\n]*cudaError \d+[^\n]*")
_API = re.compile(r"I\w+::\w+: Error Code \d+: [\w ]+\((?:\[[^\]]*\] )?(?:[^:()]*: )?")
_CONDITION = re.compile(r"^(?=[^ ]*(?:\(|->|::)).*?(?:==|!=|<=|>=|<|>) \S+: ")
"""A condition of the library's sources before the words for people."""
_UNREADABLE = ("MODEL_DESERIALIZE_FAILED",)
_INVALID = ("INVALID_GRAPH",)


@dataclass(frozen=True, slots=True)
class ParserError:
    """One complaint of the parser.

    Attributes:
        code: name of its kind, such as ``UNSUPPORTED_NODE``.
        words: what it says.
        node: name of the node, "" where it names none.
        operator: type of that node.
    """

    code: str
    words: str
    node: str = ""
    operator: str = ""


def refusal(library: str, errors: Sequence[ParserError]) -> BitgaugeError:
    """The error to raise for what the parser said.

    Args:
        library: its name in sentences.
        errors: in its order, at least one.
    """
    if not errors or any(one.code in _UNREADABLE for one in errors):
        return BadInput(Code.BAD_MODEL, f"{library} cannot read the file as an ONNX model.")
    named = [one for one in errors if one.operator]
    if not named:
        code = Code.BAD_MODEL if errors[0].code in _INVALID else Code.UNSUPPORTED_ARTIFACT
        sentence = f"{library} says: {telling(errors[0].words)}."
        return BadInput(code, sentence) if code is Code.BAD_MODEL else Refused(code, sentence)
    why = telling(named[0].words)
    because = f": {why}" if why else ""
    return Refused(
        Code.UNSUPPORTED_ARTIFACT,
        f"{library} does not take {_operators(named)}{because}.{_advice(named)}",
    )


def _operators(errors: Sequence[ParserError]) -> str:
    """``ConvInteger (5 times) and Det 'd'``."""
    counted = Counter(one.operator for one in errors)
    names = {one.operator: one.node for one in errors}
    words = [
        f"{kind} ({count} times)" if count > 1 else f"{kind} {names[kind][:60]!r}"
        for kind, count in counted.most_common(_MOST_NAMED)
    ]
    if (more := len(counted) - len(words)) > 0:
        words.append(f"{more} further kinds")
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def telling(words: str) -> str:
    """The clause that says why; "" where the library gives none."""
    lines = [line for line in _CUDA.sub("", words).splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].startswith(("Invalid Node", "In node")):
        lines = lines[1:]  # it names the node again
    text = _API.sub("", _IN_SOURCES.sub("", " ".join(lines)))
    text = _CONDITION.sub("", text.replace("Assertion failed: ", "")).strip(" .")
    if text.endswith(")") and text.count("(") < text.count(")"):
        text = text[:-1].strip(" .")
    return "" if text in ("", "false") else said(RuntimeError(text))


def _advice(errors: Sequence[ParserError]) -> str:
    """What works instead, where that is known."""
    kinds = {one.operator for one in errors}
    words = " ".join(one.words for one in errors).lower()
    quantized = kinds & {"QuantizeLinear", "DequantizeLinear"}
    if quantized and ("int32" in words or "zero" in words or "uint8" in words):
        return f" It takes integers with {RECIPE}."
    if kinds & {"ConvInteger", "MatMulInteger", "DynamicQuantizeLinear"}:
        return f" Scales have to be fixed: it takes integers with {RECIPE}."
    if "MatMulNBits" in kinds:
        return (
            " It takes weights in blocks as DequantizeLinear with a block_size, in a model whose"
            " activations are float16: build int4-modelopt_rtn."
        )
    return ""
