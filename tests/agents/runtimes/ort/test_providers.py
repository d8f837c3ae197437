"""Providers of ONNX Runtime: what is offered where, what is refused by name, and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitgauge.agents import registry
from bitgauge.agents.runtimes import ort
from bitgauge.agents.runtimes.base import Offer, SessionOptions
from bitgauge.agents.runtimes.ort import providers
from bitgauge.agents.runtimes.ort.providers import placing, qnn
from bitgauge.agents.runtimes.ort.providers.placing import AssignedNode, words_of
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from onnx import TensorProto, helper

STACK = {"qualcomm.soc": "SM8550", "qualcomm.soc_model": "43"}
HALFLESS = {"qualcomm.soc": "QCM6490", "qualcomm.soc_model": "93"}


def asked(stack: dict[str, str] = STACK, **further: str) -> SessionOptions:
    items = {name.replace("__", "."): value for name, value in further.items()}
    return SessionOptions(
        further=tuple(StackItem(*one) for one in sorted(items.items())),
        device=tuple(StackItem(*one) for one in stack.items()),
    )


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "_version", lambda _: "2.7.0")


def model(path: Path, op_type: str = "Abs", opset: int = 17, domain: str = "") -> Path:
    kind = TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node(op_type, ["x"], ["y"], name="it", domain=domain)],
        "g",
        [helper.make_tensor_value_info("x", kind, [1, 4])],
        [helper.make_tensor_value_info("y", kind, [1, 4])],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    path.write_bytes(
        helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    )
    return path


def refused(path: Path, options: SessionOptions) -> BitgaugeError:
    with pytest.raises(BitgaugeError) as caught:
        ort.load(path, options)
    assert "\n" not in caught.value.sentence
    return caught.value


@pytest.mark.usefixtures("installed")
def test_it_is_offered_on_devices_of_its_own_alone() -> None:
    assert providers.offer({"architecture": "x86_64"}) == Offer()
    offered = providers.offer(STACK)
    assert {one.name for one in offered.options} == {
        *("provider", "provider.precision", "provider.performance")
    }
    assert offered.versions == (StackItem("onnxruntime-qnn", "2.7.0"),)
    told = registry.described(ort, [StackItem(*one) for one in STACK.items()])
    assert told.providers == ("CPUExecutionProvider", "qnn")
    assert set(offered.options) <= set(told.options)
    assert registry.described(ort).options == ort.TRAITS.options


def test_without_its_package_the_device_says_which_extra_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(providers, "_version", lambda _: None)
    offered = providers.offer(STACK)
    assert offered.options == ()
    assert offered.missing[0].endswith("pip install 'bitgauge[qnn]'")
    found = registry.find("runtimes", ())
    said = registry.probe_runtimes(found, [StackItem(*one) for one in STACK.items()])[1]
    assert f"onnxruntime: {offered.missing[0]}" in said


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (asked({}, provider="qnn"), Code.UNSUPPORTED_ARTIFACT, "no provider besides"),
        (asked(provider="cuda"), Code.UNSUPPORTED_ARTIFACT, "no option provider=cuda"),
        (
            asked(provider="qnn", provider__backend_path="libQnnSaver.so"),
            Code.UNSUPPORTED_ARTIFACT,
            "no option provider.backend_path=libQnnSaver.so",
        ),
        (asked(provider__precision="fp16"), Code.UNSUPPORTED_ARTIFACT, "need provider itself"),
        (
            asked({"qualcomm.soc": "SM1"}, provider="qnn"),
            Code.UNKNOWN_SOC,
            "The chip SM1 is none that is known",
        ),
        (
            asked(provider="qnn"),
            Code.UNSUPPORTED_ARTIFACT,
            "in floats: Abs 'it'; the HTP v73 of SM8550 has none but half precision, which",
        ),
        (
            asked(HALFLESS, provider="qnn"),
            Code.UNSUPPORTED_ARTIFACT,
            "in floats: Abs 'it'; the HTP v68 of QCM6490 computes in integers alone",
        ),
        (
            asked(HALFLESS, provider="qnn", provider__precision="fp16"),
            Code.UNSUPPORTED_ARTIFACT,
            "no fp16 here: the HTP v68 of QCM6490 computes in integers alone",
        ),
    ],
)
def test_what_cannot_be_asked_for_is_refused_by_name(
    options: SessionOptions, code: Code, words: str, tmp_path: Path
) -> None:
    error = refused(model(tmp_path / "model.onnx"), options)
    assert error.code is code
    assert words in error.sentence


@pytest.mark.usefixtures("installed")
def test_a_program_that_was_built_elsewhere_is_refused(tmp_path: Path) -> None:
    path = model(tmp_path / "model.onnx", "EPContext", domain="com.microsoft")
    error = refused(path, asked(provider="qnn"))
    assert error.code is Code.REFUSED_FORMAT
    assert "built on the device" in error.sentence


def test_an_opset_that_is_newer_than_the_runtime_is_no_broken_file(tmp_path: Path) -> None:
    error = refused(model(tmp_path / "model.onnx", opset=99), SessionOptions())
    assert error.code is Code.OPSET_TOO_NEW
    assert "99" in error.sentence


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("where", ["not there", "no library", "no device", "no backend"])
def test_a_provider_that_fails_is_one_sentence(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a package that is not whole, and by ONNX Runtime itself where it knows no such device."""
    library = tmp_path / "libonnxruntime_providers_qnn.so"
    library.write_bytes(b"no library")
    computes = tmp_path / ("libQnnSaver.so" if where == "no backend" else "libQnnHtp.so")
    computes.write_bytes(b"")
    if where != "not there":
        (tmp_path / "onnxruntime_qnn.py").write_text(
            f"def get_library_path(): return {str(library)!r}\n"
            f"def get_qnn_htp_path(): return {str(computes)!r}\n"
        )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime_qnn", None)
    if where != "not there":
        monkeypatch.delitem(__import__("sys").modules, "onnxruntime_qnn")
    if where == "no device":
        monkeypatch.setattr(qnn, "_register", lambda _: None)
    half = asked(provider="qnn", provider__precision="fp16")
    error = refused(model(tmp_path / "model.onnx"), half)
    wanted = Code.ACCELERATOR_MISSING if where == "no device" else Code.PROVIDER_FAILED
    assert error.code is wanted, error


def test_operators_that_fell_back_are_named() -> None:
    nodes = [
        AssignedNode("d", "Det", "CPU"),
        *(AssignedNode(f"a{at}", "Add", "CPU") for at in range(3)),
    ]
    assert words_of(nodes) == "Add (3 times) and Det 'd'"
    assert words_of(nodes[:1]) == "Det 'd'"
    assert placing.elsewhere([*nodes, AssignedNode("c", "Conv", qnn.EXECUTES)], qnn.EXECUTES) == (
        *nodes,
    )
    many = [AssignedNode(f"n{at}", f"Kind{at}", "CPU") for at in range(9)]
    assert words_of(many).endswith("and 3 further kinds")
