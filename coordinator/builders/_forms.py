"""Runs an FP32 form of a model, whatever kind of file it is; nothing is timed here."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..environments.definition import definition
from . import _outside, _sessions
from ._checks.onnx.graph import with_outputs
from ._lite import LiteInterpreter
from .base import Unsupported

Feeds = dict[str, Any]
Arrays = dict[str, Any]
"""By the names of inputs, of outputs, or of tensors on the way."""


@dataclass(frozen=True, slots=True)
class Computed:
    """What a form computes.

    Attributes:
        outputs: of each call.
        inner: float32 tensors that the first call computes on its way, in that order, when it is
            asked for; none where they cannot be had.
    """

    outputs: tuple[Arrays, ...]
    inner: Callable[[], Arrays]


def environment_of(kind: str) -> str:
    """The builder environment in which files of a kind are run; empty for ours."""
    return _ENVIRONMENTS.get(kind, "")


def toolchain(kind: str) -> str:
    """What shapes the answers of a form that is run in an environment."""
    return definition(environment_of(kind)).toolchain


def computed(
    path: Path, kind: str, calls: Sequence[Feeds], environment: Path | None = None
) -> Computed:
    """Run the file at `path`, as its graph stands.

    Args:
        path: of the form.
        kind: its artifact kind.
        calls: inputs of each call, at least one.
        environment: root of the builder environment that `environment_of` names.

    Raises:
        Unsupported: nothing here runs files of its kind.
        Exception: the model cannot be loaded, or takes no such call; each library raises classes
            of its own.
    """
    if kind not in _RUN:
        raise Unsupported(f"nothing here runs {kind}")
    return _RUN[kind](path, calls, environment)


def _onnx(path: Path, calls: Sequence[Feeds], _: Path | None) -> Computed:
    session = _sessions.open_session(str(path), as_it_stands=True)
    names = [one.name for one in session.get_outputs()]
    outputs = tuple(dict(zip(names, session.run(None, one), strict=True)) for one in calls)
    return Computed(outputs, lambda: _inner_of_onnx(path, calls[0]))


def _inner_of_onnx(path: Path, feeds: Feeds) -> Arrays:
    """What the nodes of a graph compute; nothing of one whose weights lie beside the file."""
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    made = [name for node in model.graph.node for name in node.output if name]
    try:
        watched = with_outputs(model, made).SerializeToString()
        found = _sessions.open_session(watched, as_it_stands=True).run(made, feeds)
    except Exception:  # of its own classes: an output that is no tensor, say
        return {}
    return _floats(dict(zip(made, found, strict=True)))


def _tflite(path: Path, calls: Sequence[Feeds], _: Path | None) -> Computed:
    lite = LiteInterpreter(path.read_bytes())
    return Computed(tuple(map(lite.run, calls)), lambda: _inner_of_tflite(path, calls[0]))


def _inner_of_tflite(path: Path, feeds: Feeds) -> Arrays:
    watched = LiteInterpreter(path.read_bytes(), as_it_stands=True, tensors=True)
    watched.run(feeds)
    return _floats(watched.values(watched.computed()))


def _pt2(path: Path, calls: Sequence[Feeds], environment: Path | None) -> Computed:
    assert environment is not None, "it is run where its library is"
    with tempfile.TemporaryDirectory(prefix="form-") as folder:
        files = {name: Path(folder) / f"{name}.npz" for name in ("samples", "outputs", "inner")}
        given = {f"{at}/{name}": one[name] for at, one in enumerate(calls) for name in one}
        np.savez(files["samples"], allow_pickle=False, **given)
        answer = _outside.answer(environment, "torch/answers.py", {"source": path, **files})
        if "refused" in answer:
            raise ValueError(str(answer["refused"]))
        made, inner = (_read(files[name]) for name in ("outputs", "inner"))
    outputs = [Arrays() for _ in calls]
    for key, value in made.items():
        at, _, name = key.partition("/")
        outputs[int(at)][name] = value
    return Computed(tuple(outputs), lambda: inner)


def _read(path: Path) -> Arrays:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _floats(found: Arrays) -> Arrays:
    return {name: one for name, one in found.items() if getattr(one, "dtype", None) == np.float32}


_RUN: dict[str, Callable[[Path, Sequence[Feeds], Path | None], Computed]] = {
    "onnx": _onnx,
    "pt2": _pt2,
    "tflite": _tflite,
}
_ENVIRONMENTS = {"pt2": "torch"}
