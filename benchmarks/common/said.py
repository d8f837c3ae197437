"""What a library raised becomes one true sentence for people.

It names operator, node and value; it holds no path, address or digest and ends where a sentence
does, so equal failures read the same on every day and machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from traceback import walk_tb
from typing import Any

LONGEST = 240
"""Characters."""

UNNAMED = "an unnamed"
"""Before an operator of which the text does not tell which it is; the model may."""

_OF_A_MACHINE = (
    r"/(?:tmp|var|home|root|usr|opt|private|Users|mnt|media|srv|run|proc|sys|dev|etc)"
    r"/(?:[\w.+-]+/)*[\w.+-]*"
)
_OF_THE_DAY = r"/(?:[\w.+-]+/)*(?:[\w.+-]*(?:[0-9a-f]{32}|bitgauge-)|tmp[a-z0-9_]{8}\b)[\w.+/-]*"
"""Other words with slashes are names of nodes, such as ``/encoder/layer.0/MatMul``."""

_TRACE = "Traceback (most recent call last)"
_NOISE = (
    (r"\[Errno -?\d+\]\s*", ""),
    (r"(?i)\b(?:an )?unexpected error( occurred)?\b|\bno message\b", "an error"),
    (r"\x1b\[[0-9;]*m", ""),
    (r"\[\w+Error\] : \d+ : [A-Z_]+ :\s*", ""),
    (r"\[(?:ShapeInferenceError|TypeInferenceError)\]\s*", ""),
    (r"\S*\w_src/\S*:\d+\s+.*?\)\s+(?:const\s+)?(?=\S+ (?:was|==|!=|<|>))", ""),
    (r"(?:/\w[\w.+-]*)*/[\w.+-]+\.(?:cc|h|cpp|hpp):\d+:?\s*(?:[\w:~<>]+\([^()]*\)\s*)?", ""),
    (r"\b\w+\.(?:cc|h):\d+ \w+\s*", ""),
    (r"Exception during initialization:\s*", ""),
    (r"(?:const\s+)?[\w:]+[&*]?\s+(?:\w+::)+\w+\([^()]*\)\s*(?:const\s+)?", ""),
    (r"Load model from \S+ failed:\s*", ""),
    (r"(?:Error in|File) \"?(?:/[^\s\":]+)+\"?:?\s*", ""),
    (rf"[\"']?(?<![\w/])(?:{_OF_A_MACHINE}|{_OF_THE_DAY})[\"']?", "a file"),
    (r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", "a temporary tensor"),
    (r"\b[0-9a-f]{32,}\b", "a digest"),
    (r"0x[0-9a-f]+\b", "an address"),
    (r"\s+", " "),
)
_NO_MEMORY = r"(?i)bad allocation|bad_alloc|Failed to allocate memory"
_SHAPE = r"\{([\d,\s-]*)\}"


def said(error: BaseException, model: Any = None) -> str:
    """Why a library failed, without a full stop at its end.

    Args:
        error: what it raised.
        model: the decoded ONNX model (`onnx.ModelProto`) that it was given, to name what the
            library does not.
    """
    text = _cleaned(words_of(error))
    for pattern, words in _KNOWN:
        if (match := re.search(pattern, text)) is not None:
            return _cut(words(match, model))
    return _cut(_unknown(error, text, model))


def words_of(error: BaseException) -> str:
    """What it says of itself."""
    try:
        return str(error)
    except Exception:  # an exception may fail to say anything
        return ""


def _ending(text: str) -> str:
    """Of a trace what it ends with."""
    if _TRACE not in text:
        return text
    return (text.rpartition(_TRACE)[2].strip(": \n").splitlines() or [""])[-1]


def _cleaned(text: str) -> str:
    """A library's text without what differs between two equal failures."""
    text = _ending(text)
    for pattern, instead in _NOISE:
        text = re.sub(pattern, instead, text)
    return text.strip()


def plain(text: str) -> str:
    """What a stranger says, of any length, without what is of a machine, of a day or of a trace."""
    return _cleaned(text)


def _cut(text: str) -> str:
    """`text` up to the end of a sentence, without its full stop."""
    text = text.strip().rstrip(".:; ")
    if len(text) <= LONGEST:
        return text
    ends = [match.start() for match in re.finditer(r"[.;](?= |$)", text[:LONGEST])]
    if ends:
        return text[: ends[-1]]
    return text[:LONGEST].rsplit(" ", 1)[0].rstrip(",:; ") + " ..."


def _unknown(error: BaseException, text: str, model: Any) -> str:
    """What no pattern knows: the library's own words, or the name of what it raised."""
    kind = type(error).__name__
    if isinstance(error, MemoryError):
        return "it needs more memory than there is"
    if isinstance(error, KeyError) and (name := _cleaned(" ".join(map(str, error.args)))):
        return f"the library has nothing under {_tensor(name, model)}"
    if not text:
        return f"the library {_at_work(error)}ended with {kind} and no words"
    if isinstance(error, (AttributeError, IndexError, TypeError, AssertionError)):
        return f"the library itself ended with {kind} ({text})"
    return text


def _at_work(error: BaseException) -> str:
    """The operator that a library written in Python was at; empty where it had none in hand."""
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    held = (frame.f_locals.get("node") for frame in reversed(frames))
    node = next((one for one in held if isinstance(getattr(one, "op_type", None), str)), None)
    if node is None:
        return ""
    made = f" (unnamed, makes {node.output[0]!r})" if node.output else ""
    at = operator(node.op_type, node.name) if node.name else f"{node.op_type}{made}"
    return f"stopped at {at} and "


def _tensor(name: str, model: Any) -> str:
    """A tensor, with the operator that makes or reads it where the model has it."""
    graph = getattr(model, "graph", None)
    for node in () if graph is None else graph.node:
        if name in node.output:
            return f"{name!r}, which {operator(node.op_type, node.name, model)} makes"
        if name in node.input:
            return f"{name!r}, which {operator(node.op_type, node.name, model)} reads"
    return f"{name!r}"


def operator(op_type: str, name: str, model: Any = None) -> str:
    """An operator by its type and its node's name, else by what it makes where that is clear."""
    if name:
        return f"{op_type} {name!r}"
    graph = getattr(model, "graph", None)
    alike = [node for node in (() if graph is None else graph.node) if node.op_type == op_type]
    if len(alike) == 1 and alike[0].output:
        return f"{op_type} (unnamed, makes {alike[0].output[0]!r})"
    return f"{UNNAMED} {op_type}"


def _of_type(op_type: str, model: Any) -> str:
    """An operator whose node a library did not name, as far as the model tells which it is."""
    graph = getattr(model, "graph", None)
    names = [node.name for node in (() if graph is None else graph.node) if node.op_type == op_type]
    return operator(op_type, names[0] if len(names) == 1 else "", model)


def _ran(match: re.Match[str], model: Any) -> str:
    at = operator(match["op"], match["name"], model)
    inside = match["why"]
    shapes = re.search(rf"Input shape:{_SHAPE}, requested shape:{_SHAPE}", inside)
    if shapes is not None:
        return f"{at} cannot give {_dims(shapes[1])} values the shape {_dims(shapes[2])}"
    if re.search(_NO_MEMORY, inside):
        return f"{at} needs more memory than there is"
    inside = re.sub(r"^.* was false\.\s*(?=\S)", "", inside)  # a condition in C++, then words
    inside = re.sub(rf"{_SHAPE}", lambda found: _dims(found[1]), inside).strip().rstrip(".")
    return f"{at} fails: {inside}" if inside else f"{at} fails"


def _dims(text: str) -> str:
    return "x".join(part.strip() for part in text.split(",")) or "one"


def _type(match: re.Match[str], model: Any) -> str:
    at = operator(match["op"], match["name"] or "", model)
    return f"{at} does not take {match['value']!r} as {_word(match['type'])}"


def _word(kind: str) -> str:
    inner = re.sub(r"^tensor\((.*)\)$", r"\1", kind)
    return {"double": "float64", "float": "float32"}.get(inner, inner)


_KNOWN: tuple[tuple[str, Callable[[re.Match[str], Any], str]], ...] = (
    (
        r"Non-zero status code returned while running (?P<op>\w+) node\. Name:'(?P<name>[^']*)'"
        r"(?: Status Message:)?\s*(?P<why>.*)",
        _ran,
    ),
    (
        r"Type '(?P<type>[^']+)' of input parameter \((?P<value>[^)]*)\) of operator"
        r" \((?P<op>[^)]+)\)(?: in node \((?P<name>[^)]*)\))?",
        _type,
    ),
    (
        r"Optype \((?P<op>\w+)\) bound to different types \((?P<one>tensor\(\w+\)) and"
        r" (?P<other>tensor\(\w+\)) in node \((?P<name>[^)]*)\)",
        lambda match, model: (
            f"{operator(match['op'], match['name'], model)} is given {_word(match['one'])} and"
            f" {_word(match['other'])}, and takes one type"
        ),
    ),
    (
        r"Could not find an implementation for (?P<op>\w+)\((?P<version>\d+)\) node with name"
        r" '(?P<name>[^']*)'",
        lambda match, model: (
            f"ONNX Runtime has no kernel for {operator(match['op'], match['name'], model)}"
            f" of opset {match['version']} and its types"
        ),
    ),
    (
        r"In Node, \(\"(?P<name>[^\"]+)\".*No Op registered for (?P<op>\w+) with domain_version of"
        r" (?P<version>\d+)",
        lambda match, _: (
            f"opset {match['version']} has no operator {match['op']},"
            f" which node {match['name']!r} asks for"
        ),
    ),
    (
        r"(?:(?P<domain>[\w.]+):)?(?P<op>\w+)\(-?\d+\) is not a registered function/op",
        lambda match, model: (
            f"nothing here runs {_of_type(match['op'], model)}"
            + (f" of the domain {match['domain']!r}" if match["domain"] else "")
        ),
    ),
    (
        r"External data path does not exist",
        lambda *_: "the file of its external data is missing",
    ),
    (
        r"No Op registered for (?P<op>\w+) with domain_version of (?P<version>\d+)",
        lambda match, _: f"opset {match['version']} has no operator {match['op']}",
    ),
    (
        r"\(op_type: ?(?P<op>\w+)(?:, node name: ?(?P<name>[^)]*))?\):\s*(?P<why>.*)",
        lambda match, model: (
            f"the shapes at {operator(match['op'], (match['name'] or '').strip(), model)}"
            f" contradict each other: {match['why'].strip()}"
        ),
    ),
    (
        r"Node \((?P<name>[^)]*)\) Op \((?P<op>\w+)\) (?P<why>.*)",
        lambda match, model: (
            f"{operator(match['op'], match['name'], model)} cannot be: {match['why'].strip()}"
        ),
    ),
    (
        r"Quantization parameters are not specified for param (?P<value>\S+?)\.?(?:\s|$)",
        lambda match, model: f"calibration gave no range to {_tensor(match['value'], model)}",
    ),
    (
        r"(?i)incomplete symbolic shape inference",
        lambda *_: "its shapes cannot all be told from the graph",
    ),
    (
        r"(?P<value>\S+) in initializer but not in graph input",
        lambda match, _: (
            f"the initializer {match['value']!r} is not among the inputs, which a file of IR"
            " version 3 must list"
        ),
    ),
    (
        _NO_MEMORY,
        lambda *_: "it needs more memory than there is",
    ),
    (
        r"(?i)Error parsing message|Protobuf parsing failed|Wire format was corrupt",
        lambda *_: "its bytes do not decode as an ONNX model",
    ),
)
