"""Known issues: which rows they touch, and what a file of them may say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bitgauge.benchmarks.notices.file import parse_issues, required, shipped
from bitgauge.benchmarks.notices.issues import KnownIssue, Touched, touching
from bitgauge.benchmarks.vocabulary.enums import ModelClass
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.values.devices import StackItem

ONE = Touched("onnxruntime", "1.32.0", "fp8-static-e4m3-pt", "onnx", ModelClass.CNN)
ISSUE = KnownIssue("a", "t", "d", "s", "onnxruntime", ">=1.24,<1.33", ("fp8*",), ("onnx",))


def ids(one: Touched) -> list[str]:
    return [issue.id for issue in touching(shipped(), one)]


def test_the_shipped_ones_touch_what_they_were_seen_on_and_no_more() -> None:
    assert ids(ONE) == ["ort-fp8-relu"]
    assert ids(replace(ONE, recipe="int8-dynamic")) == []
    assert ids(replace(ONE, version="1.20.0")) == []
    lite = Touched("litert", "2.3.0", "int4-dynamic-s8s4-b32", "tflite", ModelClass.MLP)
    assert ids(lite) == []
    builtin = replace(lite, options=(StackItem("kernels", "builtin"),))
    assert ids(builtin) == ["litert-int4-blocks"]
    assert ids(replace(builtin, options=(StackItem("kernels", "xnnpack"),))) == []
    torch = Touched("torch", "2.13.0+cpu", "int8-static-u8s8-pc", "pt2", ModelClass.CNN)
    assert ids(torch) == ["torch-pt2e-conv-dynamic-batch"]
    assert ids(replace(torch, model_class=ModelClass.MLP)) == []
    vino = Touched("openvino", "2026.4.1", "int8-static-u8s8", "onnx", ModelClass.TRANSFORMER)
    assert ids(vino) == ["openvino-int8-transformer-batch"]
    assert ids(replace(vino, version="2026.5.0")) == []


@pytest.mark.parametrize(
    ("version", "touched"),
    [
        ("1.24.0", True),
        ("1.32.9", True),
        ("1.33.0", False),
        ("1.23.9", False),
        ("1.33.0rc1", False),
        ("1.30.0.dev20260101", True),
        ("", True),
        ("a build of ours", True),
    ],
)
def test_a_range_is_as_pip_writes_it_and_an_unknown_version_is_in_it(
    version: str, touched: bool
) -> None:
    assert bool(touching((ISSUE,), replace(ONE, version=version))) is touched


@pytest.mark.parametrize(
    "change",
    [{"runtime": "litert"}, {"recipe": "int8"}, {"kind": "tflite"}],
)
def test_every_condition_must_hold(change: dict[str, str]) -> None:
    assert touching((ISSUE,), ONE)
    assert not touching((ISSUE,), replace(ONE, **change))  # type: ignore[arg-type]


HEAD = '[[issue]]\nid = "a"\ntitle = "t"\nadvice = "d"\nsource = "s"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD, "touches everything"),
        (HEAD + 'runtime = "r"\nversions = "about 3"\n', "'about 3' is no range of versions"),
        (HEAD + 'versions = ">=1"\nrecipes = ["a"]\n', "says nothing without a runtime"),
        (HEAD + 'runtme = "r"\n', "did you mean runtime?"),
        (HEAD.replace('"a"', '"A b"') + 'runtime = "r"\n', "is no id"),
        (2 * (HEAD + 'runtime = "r"\n'), "two issues 'a'"),
        (HEAD + 'runtime = "r"\nmodel_classes = ["cn"]\n', "did you mean cnn?"),
        ('[[issue]]\nid = "a"\n', "title is missing"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(text: str, said: str) -> None:
    with pytest.raises(BadInput) as found:
        parse_issues(text, "x.toml")
    assert said in found.value.sentence
    assert found.value.sentence.startswith("Known issues x.toml, line ")


def test_an_issue_is_found_by_its_id() -> None:
    assert required("a", (ISSUE,)) is ISSUE
    with pytest.raises(BadInput, match="Unknown issue"):
        required("b", (ISSUE,))
