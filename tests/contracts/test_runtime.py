"""Every runtime module keeps the same contract; a new file is picked up by itself."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from bitgauge.agents import registry
from bitgauge.agents.devices import cpu
from bitgauge.agents.execution.probing import checked
from bitgauge.agents.passes._batches import Batches
from bitgauge.agents.runtimes.base import RuntimeModule, Session, SessionOptions
from bitgauge.benchmarks.raw.anchors import readable
from bitgauge.benchmarks.vocabulary.enums import Capability
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.kernel_modes import MEANING
from bitgauge.benchmarks.vocabulary.session_options import option_problem, order_problem
from bitgauge.benchmarks.vocabulary.values.devices import StackItem

from tests.matrix import NVIDIA, require_ran

FOUND = registry.find("runtimes", ())
ELSEWHERE = (
    {
        name: f"{name} is not among the development extras; make test-runtimes asks it"
        for name in ("torch", "llamacpp", "genai", "transformers")
    }
    | {
        name: f"{name} is not among the development extras; make long-{name} asks it"
        for name in ("executorch", "openvino")
    }
    | {
        name: f"{name} executes on an NVIDIA GPU alone; make long-rtx asks what needs none"
        for name in ("tensorrt", "tensorrt_rtx")
    }
)
THERE = {one.name for one in registry.probe_runtimes(FOUND)[0]}


@pytest.fixture(params=sorted(FOUND.modules))
def runtime(request: pytest.FixtureRequest) -> RuntimeModule:
    if request.param not in THERE:
        pytest.skip(ELSEWHERE.get(request.param, f"NOT RUN: {request.param} is not installed here"))
    return registry.runtime(request.param, ())


@pytest.fixture
def calls(runtime: RuntimeModule, tmp_path: Path) -> RuntimeModule:
    """A runtime that makes sessions, not decoders alone."""
    path = tmp_path / "asked"
    path.write_bytes(runtime.empty_artifact())
    runtime.prepare()
    try:
        runtime.load(path, SessionOptions()).close()
    except BitgaugeError as error:
        if error.code is not Code.UNSUPPORTED_ARTIFACT or runtime.TRAITS.decoder is None:
            raise
        pytest.skip(f"{runtime.NAME} makes decoders alone, which test_decoder.py asks")
    return runtime


def test_nothing_is_skipped() -> None:
    assert FOUND.problems == ()
    assert {"onnxruntime", "fake"} <= set(FOUND.modules)


def test_the_description_says_what_it_is(runtime: RuntimeModule) -> None:
    described = runtime.probe()
    assert described.name == runtime.NAME
    assert described.version
    assert described.families
    assert runtime.HINT
    assert isinstance(runtime.RANK, int)
    assert described == runtime.probe()


def test_the_empty_artifact_runs(calls: RuntimeModule, tmp_path: Path) -> None:
    is_ours = getattr(calls, "__name__", "").startswith("bitgauge.")
    if is_ours and calls.NAME != "fake":
        require_ran(cpu.describe(), calls.NAME, NVIDIA if calls.TRAITS.hardware else "")
    calls.prepare()
    path = tmp_path / "floor"
    path.write_bytes(calls.empty_artifact())
    session = calls.load(path, SessionOptions(threads=1))
    specs = session.input_specs
    assert specs
    assert all(np.dtype(spec.dtype) for spec in specs)
    feeds = Batches(None, specs, 1).first()
    first, second = session.run(feeds), session.run(feeds)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    names = session.output_names
    assert len(set(names)) == len(names) == len(first), "each output has a name of its own"
    if told := session.options_set():
        assert told == session.options_set()
        assert all(name and text for name, text in told.items())
        more = calls.load(path, SessionOptions(threads=2, arena=False))
        assert more.options_set() != told, "options that change are told"
        more.close()
    call = session.bind(feeds)
    call()
    call()
    session.close()


def test_a_file_that_is_no_artifact_is_one_sentence(calls: RuntimeModule, tmp_path: Path) -> None:
    path = tmp_path / "junk"
    path.write_bytes(b"this is no model")
    with pytest.raises(BitgaugeError) as caught:
        calls.load(path, SessionOptions())
    assert caught.value.code is Code.BAD_MODEL
    assert "\n" not in caught.value.sentence


def test_probing_imports_nothing_heavy() -> None:
    program = (
        "import sys; from bitgauge.agents import registry;"
        "registry.probe_runtimes(registry.find('runtimes', ()));"
        "registry.describe_meters(registry.find('meters', ()));"
        "registry.device('cpu', ()).describe();"
        "print([m for m in ('numpy', 'onnxruntime', 'torch', 'grpc') if m in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"


def test_a_probe_names_operators_and_known_modes(
    runtime: RuntimeModule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels = runtime.TRAITS.kernels
    if kernels is None:
        pytest.skip(f"{runtime.NAME} has no probe")
    monkeypatch.chdir(tmp_path)
    runtime.prepare()
    modes = kernels()
    assert modes
    assert set(modes.values()) <= set(MEANING)
    assert checked(msgspec.json.encode({"modes": modes})).modes == modes
    assert kernels() == modes
    assert not list(tmp_path.iterdir())


def test_it_advertises_what_its_traits_say(runtime: RuntimeModule) -> None:
    told, traits = registry.described(runtime), runtime.TRAITS
    assert told.artifact_kinds == traits.artifact_kinds
    assert told.artifact_kinds
    assert all(kind == kind.lower().strip() for kind in told.artifact_kinds)
    assert told.capabilities == traits.capabilities
    assert (told.options, told.exact_options) == (traits.options, traits.exact_options)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # a compiler's own, of its library
def test_every_option_that_is_offered_can_be_set(calls: RuntimeModule, tmp_path: Path) -> None:
    traits = calls.TRAITS
    assert option_problem(traits.exact_options, registry.described(calls)) is None
    assert order_problem(traits.exact_options) is None
    calls.prepare()
    path = tmp_path / "floor"
    path.write_bytes(calls.empty_artifact())
    for option in traits.options:
        assert option.values
        assert option.words
        for value in option.values:
            given = (StackItem(option.name, value),)
            session = calls.load(path, SessionOptions(further=given))
            assert session.options_set().get(option.name, value) == value
            session.close()


def declares(runtime: RuntimeModule, capability: Capability) -> bool:
    """Whether it is declared; what is not is not there, under that name or as a value."""
    there = getattr(runtime.TRAITS, capability.value)
    assert bool(there) == (capability in runtime.TRAITS.capabilities)
    return bool(there)


def test_ours_declare_what_they_have() -> None:
    """One that is declared no more costs numbers without anybody noticing."""
    told = {name: set(registry.runtime(name, ()).TRAITS.capabilities) for name in FOUND.modules}
    every = set(Capability) - {Capability.ALONE, Capability.DECODER, Capability.DEQUANTIZES}
    assert told["executorch"] == {Capability.SENTINEL}
    assert told["openvino"] == every - {Capability.ARENA}
    assert told["tensorrt"] == told["tensorrt_rtx"] == {Capability.GRAPH, Capability.SENTINEL}
    assert told["onnxruntime"] == every
    assert told["torch"] == every - {Capability.ARENA}
    assert told["litert"] == every - {Capability.PROFILE, Capability.ARENA}
    assert told["llamacpp"] == {Capability.KERNELS, Capability.SENTINEL, Capability.DECODER}
    assert told["transformers"] == {Capability.DECODER, Capability.DEQUANTIZES}
    assert told["genai"] == {Capability.SENTINEL, Capability.DECODER}
    assert told["fake"] == {Capability.KERNELS, Capability.SENTINEL, Capability.DECODER}


@pytest.mark.parametrize("capability", Capability)
def test_what_is_declared_is_there_and_works(
    runtime: RuntimeModule,
    capability: Capability,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not declares(runtime, capability):
        assert capability not in registry.described(runtime).capabilities
        return
    monkeypatch.chdir(tmp_path)
    runtime.prepare()
    WORKS[capability](runtime, tmp_path)


def floor(runtime: RuntimeModule, folder: Path) -> Path:
    path = folder / "floor"
    path.write_bytes(runtime.empty_artifact())
    return path


def fed(session: Session) -> dict[str, np.ndarray]:
    return Batches(None, session.input_specs, 1).first()


def graph_works(runtime: RuntimeModule, folder: Path) -> None:
    """With its tensors shown it answers what production answers, and it says what it executes."""
    assert runtime.TRAITS.graph is not None
    opened = runtime.TRAITS.graph(floor(runtime, folder), SessionOptions(), folder)
    feeds = fed(opened.session)
    shown = opened.look(feeds)
    observed = shown.observe(feeds)
    assert feeds.keys() <= observed.keys()
    assert shown.facts.producers.keys() <= observed.keys()
    for name, answer in zip(shown.facts.outputs, opened.session.run(feeds), strict=True):
        assert np.array_equal(observed[name], answer)


def profile_works(runtime: RuntimeModule, folder: Path) -> None:
    assert runtime.TRAITS.profile is not None
    session = runtime.TRAITS.profile(floor(runtime, folder), SessionOptions(), folder)
    found = session.profile([fed(session)], warm=1, most=5, budget_ns=1_000_000_000)
    assert found.operators
    assert found.calls == 5


def kernels_work(runtime: RuntimeModule, folder: Path) -> None:
    assert runtime.TRAITS.kernels is not None
    assert runtime.TRAITS.kernels()


def anchors_work(runtime: RuntimeModule, folder: Path) -> None:
    assert runtime.TRAITS.anchors is not None
    found = runtime.TRAITS.anchors()
    assert found
    assert readable(found)


def one_call(runtime: RuntimeModule, path: Path) -> Callable[[], None]:
    """A call of a session, or of a decoder where the runtime makes decoders alone."""
    if runtime.TRAITS.decoder is None or "fake" in runtime.TRAITS.artifact_kinds:
        session = runtime.load(path, SessionOptions(threads=1))
        return session.bind(fed(session))
    decoder = runtime.TRAITS.decoder(path, SessionOptions(threads=1))

    def request() -> None:
        decoder.reset()
        decoder.feed(np.arange(8))
        decoder.greedy()

    return request


def sentinel_works(runtime: RuntimeModule, folder: Path) -> None:
    """It is always the same, and no call takes longer than a few milliseconds."""
    make = runtime.TRAITS.sentinel
    assert make is not None
    assert make() == make()
    path = folder / "sentinel"
    path.write_bytes(make())
    call = one_call(runtime, path)
    took = []
    for _ in range(20):
        before = time.perf_counter_ns()
        call()
        took.append(time.perf_counter_ns() - before)
    assert 10_000 < min(took) < 20_000_000


def arena_works(runtime: RuntimeModule, folder: Path) -> None:
    """Both ways load, and what they were made with differs."""
    path = floor(runtime, folder)
    on, off = (runtime.load(path, SessionOptions(arena=arena)) for arena in (True, False))
    assert on.options_set() != off.options_set()


def loads_by_itself(runtime: RuntimeModule, folder: Path) -> None:
    session = runtime.load(floor(runtime, folder), SessionOptions())
    assert session.run(fed(session))


def decoder_works(runtime: RuntimeModule, folder: Path) -> None:
    """What `test_decoder` asks of it in full."""
    assert runtime.TRAITS.decoder is not None
    decoder = runtime.TRAITS.decoder(floor(runtime, folder), SessionOptions())
    decoder.feed(np.zeros(1, np.int64))
    assert 0 <= decoder.greedy() < decoder.vocabulary
    decoder.close()


WORKS: dict[Capability, Callable[[RuntimeModule, Path], None]] = {
    Capability.GRAPH: graph_works,
    Capability.PROFILE: profile_works,
    Capability.KERNELS: kernels_work,
    Capability.ANCHORS: anchors_work,
    Capability.SENTINEL: sentinel_works,
    Capability.ARENA: arena_works,
    Capability.ALONE: loads_by_itself,
    Capability.DECODER: decoder_works,
    Capability.DEQUANTIZES: decoder_works,
}
