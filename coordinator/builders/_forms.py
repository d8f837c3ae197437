"""Runs an FP32 form of a model, whatever kind of file it is; nothing is timed here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import _sessions
from .base import Unsupported

Feeds = dict[str, Any]
Answers = dict[str, Any]
"""Arrays by the names of inputs, and of outputs."""

Form = Callable[[Feeds], Answers]


def opened(path: Path, kind: str) -> Form:
    """What runs the file at `path`, as its graph stands.

    Raises:
        Unsupported: nothing here runs files of its kind.
        Exception: the model cannot be loaded; each library raises classes of its own.
    """
    if kind not in _OPENERS:
        raise Unsupported(f"nothing here runs {kind}")
    return _OPENERS[kind](path)


def _onnx(path: Path) -> Form:
    session = _sessions.open_session(str(path), as_it_stands=True)
    names = [one.name for one in session.get_outputs()]
    return lambda feeds: dict(zip(names, session.run(None, feeds), strict=True))


def _tflite(path: Path) -> Form:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ModuleNotFoundError as error:
        raise Unsupported("ai-edge-litert, which runs tflite, is not installed") from error
    interpreter = Interpreter(str(path), num_threads=1)
    ins, outs = _named_tensors(interpreter)

    def run(feeds: Feeds) -> Answers:
        for name, at in ins.items():
            interpreter.resize_tensor_input(at, feeds[name].shape)
        interpreter.allocate_tensors()
        for name, at in ins.items():
            interpreter.set_tensor(at, feeds[name])
        interpreter.invoke()
        return {name: interpreter.get_tensor(at) for name, at in outs.items()}

    return run


def _named_tensors(interpreter: Any) -> tuple[dict[str, int], dict[str, int]]:
    """Index of each input and output by the names of the file's signature, else of its tensors."""
    for one in interpreter._get_full_signature_list().values():
        return dict(one["inputs"]), dict(one["outputs"])
    ins, outs = interpreter.get_input_details(), interpreter.get_output_details()
    return (
        {one["name"]: one["index"] for one in ins},
        {one["name"]: one["index"] for one in outs},
    )


_OPENERS: dict[str, Callable[[Path], Form]] = {"onnx": _onnx, "tflite": _tflite}
