"""What every sentence keeps that people are shown, wherever it comes from.

It holds no trace, no "unexpected error", no "no message", no temporary path and no digest in full.
Our own sentences are read from the source; those of libraries are made at each place where one
enters.
"""

from __future__ import annotations

import ast
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import onnx
import pytest
from bitgauge.agents.execution import executor
from bitgauge.agents.runtimes import ort
from bitgauge.agents.worker import launch, worker
from bitgauge.benchmarks.common.said import LONGEST, said
from bitgauge.benchmarks.vocabulary.catalogue import CATALOGUE
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.coordinator.builders import floats, registry
from bitgauge.coordinator.builders.base import BuildRequest, Unsupported
from bitgauge.coordinator.decisions.steps import End, Ending, StepLimit, error_of
from bitgauge.coordinator.lab.loops import failure_of
from bitgauge.coordinator.models.formats.onnx.order import put_in_order, versions
from bitgauge.coordinator.services.edge import as_bitgauge_error
from bitgauge.coordinator.tasks import predict_saturation
from hypothesis import given
from hypothesis import strategies as st

from tests.coordinator.builders.check.nets import plain, saved
from tests.labs.graphs.disorder import Disorder, model_of

ROOT = Path(__file__).parents[2]
FORBIDDEN = (
    r"Traceback|(?i:unexpected error|no message)|/onnxruntime_src|\[ONNXRuntimeError\]"
    rf"|/tmp/|/var/tmp/|{re.escape(tempfile.gettempdir())}|tmp[a-z0-9_]{{8}}/|\b[0-9a-f]{{64}}\b"
)
DO_NOT_SAY = re.compile(r"(?i)unexpected error|no message\b|traceback")
READ_TRACES = ("said.py", "_outside.py")
"""Modules that look for such words in what others said."""
SHA = "0123456789abcdef" * 4
TRACE = (
    'Traceback (most recent call last):\n  File "/tmp/tmpq1w2e3r4/quantize.py", line 3, in run\n'
    "    raise ValueError(name)\nValueError: the axis 3 is not there"
)
RESHAPE = (
    "[ONNXRuntimeError] : 1 : FAIL : Non-zero status code returned while running Reshape node."
    " Name:'/head/Reshape' Status Message: /onnxruntime_src/onnxruntime/core/providers/cpu/tensor/"
    "reshape_helper.h:45 onnxruntime::ReshapeHelper::ReshapeHelper(bool)"
    " size != 0 was false. Input shape:{4,8}, requested shape:{1,8}"
)


class Silent(Exception):
    """One that cannot even be printed."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


NASTY = [
    ValueError(),
    ValueError(TRACE),
    ValueError("unexpected error"),
    RuntimeError("An unexpected error occurred: no message"),
    RuntimeError(RESHAPE),
    RuntimeError(f"[ONNXRuntimeError] : 3 : NO_SUCHFILE : Load model from /lab/{SHA}.12 failed:no"),
    RuntimeError(f"cannot read /data/lab/blobs/{SHA[:2]}/{SHA}.12/model.onnx"),
    RuntimeError(f"blob {SHA} is gone\nsecond line at 0x7f00aa00"),
    RuntimeError("the file /elsewhere/tmpab12cd_9/preprocessed.onnx is cut short"),
    FileNotFoundError(2, "No such file or directory", "/tmp/bitgauge-build-x/preprocessed.onnx"),
    OSError(28, "No space left on device", f"{tempfile.gettempdir()}/a/b.onnx"),
    KeyError("weight_3"),
    KeyError(),
    AttributeError("'NoneType' object has no attribute 'shape'"),
    IndexError("list index out of range"),
    AssertionError(),
    TypeError("x" * 3000),
    MemoryError("Unable to allocate 90.0 GiB"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    RecursionError("maximum recursion depth exceeded"),
    Silent(),
]


def require_clean(sentence: str) -> None:
    assert sentence.strip()
    assert "\n" not in sentence
    found = re.search(FORBIDDEN, sentence)
    assert found is None, f"{found and found[0]!r} in: {sentence}"


# -- ours ---------------------------------------------------------------------------------
def texts(source: str) -> Iterator[tuple[int, str]]:
    """Every string of a module but docstrings and what only a log gets."""
    tree = ast.parse(source)
    left = {
        id(one)
        for node in ast.walk(tree)
        for one in ast.walk(node)
        if (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.Call) and ast.unparse(node.func).startswith("_log."))
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left:
            yield node.lineno, node.value


def test_no_sentence_of_ours_says_that_it_does_not_know() -> None:
    sources = {
        path: path.read_text("utf-8")
        for room in ("agents", "benchmarks", "coordinator")
        for path in ROOT.glob(f"{room}/**/*.py")
    }
    assert len(sources) > 300
    said_so = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path, source in sources.items()
        if path.name not in READ_TRACES and DO_NOT_SAY.search(source)
        for line, text in texts(source)
        if " " in text and DO_NOT_SAY.search(text)
    ]
    assert said_so == []


def test_advice_is_clean() -> None:
    for meaning in CATALOGUE.values():
        require_clean(meaning.advice)


# -- of libraries -------------------------------------------------------------------------
def _built(error: Exception, folder: Path, patch: pytest.MonkeyPatch) -> str:
    def build(_request: BuildRequest) -> None:
        raise error

    patch.setattr(floats, "build", build)
    path, calibration = saved(folder, plain())
    with pytest.raises((BitgaugeError, Unsupported)) as caught:
        registry.build(BuildRequest(parse("fp16"), path, folder / "a.onnx", calibration))
    return getattr(caught.value, "reason", "") or str(caught.value)


def _worked(error: Exception, _folder: Path, patch: pytest.MonkeyPatch) -> str:
    told: list[str] = []

    def run_launch(*_told: object) -> None:
        raise error

    patch.setattr(launch, "run_launch", run_launch)
    channel = SimpleNamespace(at="load", failed=lambda _code, sentence: told.append(sentence))
    worker._work(None, channel)  # type: ignore[arg-type]
    (sentence,) = told
    return sentence


def _ordered(error: Exception, _folder: Path, patch: pytest.MonkeyPatch) -> str:
    def taken(*_told: object) -> None:
        raise error

    patch.setattr(versions, "taken", taken)
    if isinstance(error, MemoryError):
        return "it is for whoever runs the step"
    (sentence,) = put_in_order(model_of(Disorder(opset=9)), lambda _: "").left_out
    return sentence


def _predicted(error: Exception, _folder: Path, _patch: pytest.MonkeyPatch) -> str:
    with pytest.raises(BitgaugeError) as caught, predict_saturation._refusing():
        raise error
    return str(caught.value)


Way = Callable[[Exception, Path, pytest.MonkeyPatch], str]
WAYS: dict[str, Way] = {
    "said": lambda error, *_: said(error),
    "said of a model": lambda error, *_: said(error, plain()),
    "a build": _built,
    "a step of the order": _ordered,
    "a prediction": _predicted,
    "a pass on the device": _worked,
    "loading on the device": lambda error, *_: str(ort.explain(error, loading=True)),
    "running on the device": lambda error, *_: ort.explain(error, loading=False).sentence,
    "the agent": lambda error, *_: executor._failure_of(error).message,
    "a call": lambda error, *_: str(as_bitgauge_error(error, "Submit")),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("error", NASTY, ids=lambda error: type(error).__name__)
def test_what_a_library_says_is_made_fit_where_it_enters(
    error: Exception, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentence = WAYS[way](error, tmp_path, monkeypatch)
    require_clean(sentence)
    assert len(sentence) < LONGEST + 300


PARTS = st.sampled_from(
    [
        *("the axis", "of", "x.", "\n", SHA, f"/var/tmp/{SHA}", "unexpected error", "no message"),
        *("Traceback (most recent call last):", "/tmp/a.onnx", "/enc/layer.0/Add", "0xabc0"),
        *("/lab/tmpab12cd34/m.onnx:", f"'/data/{SHA}.4/x'", "[ShapeInferenceError]", "(Conv)"),
    ]
)


@given(st.lists(PARTS, max_size=8).map(" ".join), st.sampled_from([ValueError, KeyError, OSError]))
def test_whatever_a_library_puts_together_is_made_fit(
    text: str, kind: Callable[[str], Exception]
) -> None:
    require_clean(said(kind(text)))


@pytest.mark.parametrize("end", list(End))
def test_how_a_step_ends_is_a_sentence_of_its_own(end: End) -> None:
    error = error_of(Ending(end, StepLimit(3.0, 1 << 30), 11, TRACE), "Building int8-dynamic")
    failure = failure_of(error)
    for sentence in (str(error), failure.message, failure.advice):
        require_clean(sentence)


def test_a_file_that_is_none_is_named_and_not_where_it_lies(tmp_path: Path) -> None:
    from bitgauge.coordinator.models.recognise import inspect_model

    path = tmp_path / f"{SHA}.9"
    model = plain()
    model.graph.node[0].op_type = "Nothing"
    for content in (b"", b"\x08\x07junk", onnx.ModelProto().SerializeToString(), b"PK\x03\x04"):
        path.write_bytes(content)
        with pytest.raises(BitgaugeError) as caught:
            inspect_model(path, "Artifact mine.onnx")
        require_clean(str(caught.value))
        assert "mine.onnx" in caught.value.sentence
