"""Programs on a card: by the code that a real one runs, with tensors that lie on the processor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bitgauge.agents import registry
from bitgauge.agents.devices import nvidia
from bitgauge.agents.passes import absolute, memory
from bitgauge.agents.passes.base import Child
from bitgauge.agents.runtimes import _cuda_queue
from bitgauge.agents.runtimes import torch as runtime
from bitgauge.agents.runtimes.base import Offer, SessionOptions
from bitgauge.agents.runtimes.torch import place
from bitgauge.agents.runtimes.torch.session import TorchSession
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.protocol.device_time import time_on_device
from bitgauge.benchmarks.raw.container import RawFile, read_raw, write_raw
from bitgauge.benchmarks.vocabulary.enums import FormatFamily, PassName, RawRole
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.devices import StackItem

from tests.labs.noisy_clock import SimulatedDevice
from tests.labs.rooms.passes import QUIET, child_spec

from . import programs
from .conftest import Programs
from .fake_cards import L2_BYTES, FakeCards

CARD = "cpu:0"
"""The processor by another name: no card, and not what the code takes for the processor."""
US = 1_000


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCards]:
    made = FakeCards(SimulatedDevice(30 * US, 200 * US))
    monkeypatch.setattr(place, "cuda", lambda: made)
    monkeypatch.setattr(place, "_tf32_now", [])
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    yield made
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def session(path: Path, **options: str) -> TorchSession:
    further = tuple(StackItem(name, value) for name, value in sorted(options.items()))
    return runtime._session(TorchSession, path, SessionOptions(further=further, batch=8), CARD)


def test_what_cuda_is_shown_says_where_a_process_computes() -> None:
    assert place.here({}) == place.here({"CUDA_VISIBLE_DEVICES": ""}) == "cpu"
    assert place.here(nvidia.variables("GPU-5f3a1c22")) == "cuda"


@pytest.mark.parametrize("name", ["mlp", "cnn", "transformer", "mlp-bf16", "mlp-dynamic"])
def test_a_program_that_was_moved_answers_as_before(
    program: Programs, digits: Any, cards: FakeCards, name: str
) -> None:
    images, _ = digits
    plain = runtime.load(program(name), SessionOptions()).run({"pixels": images[:8]})
    ours = session(program(name))
    assert np.array_equal(ours.run({"pixels": images[:8]})[0], plain[0])
    ours.bind({"pixels": images[:8]})()
    told = ours.options_set()
    assert (told["tf32"], told["inputs"]) == ("0", "transferred")
    assert {"fp16 reduced sums", "bf16 reduced sums", "fp16 accumulation"} <= set(told)


def test_the_card_tells_its_own_time_and_the_host_none_of_it(
    program: Programs, digits: Any, cards: FakeCards
) -> None:
    images, _ = digits
    call = session(program("mlp")).on_device({"pixels": images[:8]})
    assert call is not None
    enqueue = call.enqueue

    def both() -> None:
        enqueue()  # the program itself, which takes no simulated time
        cards.device.enqueue()

    timed = type(call)(both, call.clock, call.before, call.is_cold)
    took, handing = time_on_device(timed, cards.device.clock, 3)
    assert list(took) == [203 * US] * 3
    assert list(handing) == [30 * US] * 3
    assert runtime.load(program("mlp"), SessionOptions()).on_device({"pixels": images[:8]}) is None


def test_inputs_that_stay_on_the_card_are_moved_once(
    program: Programs, digits: Any, cards: FakeCards, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, _ = digits
    moves: list[int] = []
    there = place.ComputePlace.there

    def counted(self: place.ComputePlace, tensors: Any) -> Any:
        moves.append(len(tensors))
        return there(self, tensors)

    monkeypatch.setattr(place.ComputePlace, "there", counted)
    for options, further in (({}, 2), ({"inputs": "resident"}, 0)):
        made = session(program("mlp"), **options)
        call = made.bind({"pixels": images[:8]})
        before = len(moves)
        call()
        call()
        assert len(moves) - before == further
        assert made.options_set()["inputs"] == options.get("inputs", "transferred")


def test_a_cold_row_empties_twice_the_last_cache(
    program: Programs, digits: Any, cards: FakeCards
) -> None:
    images, _ = digits
    call = session(program("mlp"), cache="cold").on_device({"pixels": images[:8]})
    assert call is not None
    assert call.is_cold
    buffers: list[int] = []

    class Buffer:
        def zero_(self) -> None:
            buffers.append(0)

    def empty(size: int) -> Buffer:
        buffers.append(size)
        return Buffer()

    _cuda_queue.cache_flush(cards, empty)()
    assert buffers == [2 * L2_BYTES, 0]
    call.before()


def test_two_sessions_of_a_process_keep_each_its_arithmetic(
    program: Programs, digits: Any, cards: FakeCards
) -> None:
    """The reference without TF32 and the candidate with it alternate in a launch."""
    images, _ = digits
    seen: list[bool] = []
    calls = []
    for tf32 in ("", "1"):
        made = session(program("mlp"), **({"tf32": tf32} if tf32 else {}))
        execution = made._loaded()
        plain = execution.ready(())

        def run(*tensors: Any, plain: Any = plain) -> Any:
            seen.append(torch.backends.cuda.matmul.allow_tf32)
            assert torch.backends.cudnn.allow_tf32 is seen[-1]
            return plain(*tensors)

        execution.ready = lambda tensors, run=run: run  # type: ignore[method-assign,misc]
        calls.append(made.bind({"pixels": images[:8]}))
        made.run({"pixels": images[:8]})
    assert seen == [False, True]
    for at in (0, 1, 1, 0):
        calls[at]()
    assert seen[2:] == [False, True, True, False]


def test_a_graph_is_recorded_once_and_replayed(
    program: Programs, digits: Any, cards: FakeCards, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, _ = digits
    recorded = _cuda_queue.recorded

    def executed(of: Any, call: Any) -> Any:
        """A replay of nothing would leave the outputs of the recording: compute them."""
        replay, made = recorded(of, call)

        def again() -> None:
            replay()
            for target, one in zip(made.values(), call().values(), strict=True):
                target.copy_(one)

        return again, made

    monkeypatch.setattr(_cuda_queue, "recorded", executed)
    made = session(program("mlp"), execution="cudagraph")
    plain = runtime.load(program("mlp"), SessionOptions())
    for start in (0, 8):
        feeds = {"pixels": images[start : start + 8]}
        assert np.array_equal(made.run(feeds)[0], plain.run(feeds)[0])
    first = ["beside waits for current", "in beside", "current waits for beside"]
    assert cards.said == [*first, "recording", "recorded", *["replay"] * 3]
    assert made.options_set()["execution"] == "cudagraph"
    assert float(made.options_set()["difference to eager"]) == 0


def test_a_graph_that_answers_something_else_is_refused(
    program: Programs, cards: FakeCards
) -> None:
    """As one does whose work on the host was not recorded: what it left stays."""
    path = program("mlp")
    with pytest.raises(BitgaugeError, match="Execution cudagraph answers"):
        session(path, execution="cudagraph").run({"pixels": np.ones((8, 1, 8, 8), np.float32)})


def test_graphs_are_of_cards_alone(program: Programs) -> None:
    asked = SessionOptions(further=(StackItem("execution", "cudagraph"),))
    with pytest.raises(BitgaugeError, match="on cards of NVIDIA alone") as caught:
        runtime.load(program("mlp"), asked)
    assert caught.value.code is Code.UNSUPPORTED_ARTIFACT


def child(pass_name: PassName, path: Path, role: RawRole = RawRole.CANDIDATE) -> Child:
    spec = child_spec(
        *(pass_name, path),
        role=role,
        runtimes=(runtime.NAME,),
        evaluation=str(zoo.evaluation_path()),
    )
    return Child(spec, QUIET, {runtime.NAME: runtime}, registry.device("fake", ()))


def through_file(raw: RawFile, path: Path) -> RawFile:
    write_raw(path, raw)
    return read_raw(path)


def test_a_whole_pass_on_a_card_keeps_both_clocks_and_the_allocators_peak(
    program: Programs, cards: FakeCards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "here", lambda: CARD)
    asked = child(PassName.ABSOLUTE, program("small-static"))
    asked.batch = 8
    raw = through_file(absolute.measure(asked), tmp_path / "a.npz")
    assert raw.arrays["device_ns"].size == raw.arrays["enqueue_ns"].size > 0
    assert not raw.arrays["device_ns"].any(), "no program takes time of the simulated card"
    assert (raw.arrays["enqueue_ns"] > 0).all()
    assert raw.arrays["latency_ns"].min() > 0
    assert raw.meta["device_cache"] == "warm"
    asked = child(PassName.MEMORY, program("small-static"))
    asked.batch = 8
    held = through_file(memory.measure(asked), tmp_path / "m.npz")
    assert held.meta["allocator_peak_bytes"] == {"allocated": 3 << 20, "reserved": 5 << 20}


def test_the_reference_of_a_card_is_eager_without_tf32(program: Programs) -> None:
    further = tuple(
        StackItem(name, value)
        for name, value in (("execution", "compiled"), ("inputs", "resident"), ("tf32", "1"))
    )
    from bitgauge.benchmarks.vocabulary.values.jobs import Overrides

    spec = child_spec(
        PassName.PAIR,
        *(Path("baseline"), Path("candidate")),
        runtimes=(runtime.NAME,) * 2,
        references=1,
        overrides=Overrides(session_options=further),
    )
    made = Child(spec, QUIET, {runtime.NAME: runtime}, registry.device("nvidia", ()))
    assert made.options("candidate").further == further
    assert made.options("baseline").further == (StackItem("inputs", "resident"),)


def test_what_a_card_is_offered_follows_from_its_compute_capability() -> None:
    assert place.offer({}, "13.0") == Offer()
    hopper = place.offer({"gpu.compute_capability": "9.0"}, "13.0")
    assert hopper.providers == ("cuda",)
    assert hopper.without == ()
    assert {one.name for one in hopper.options} == {"execution", "tf32", "inputs", "cache"}
    ampere = place.offer({"gpu.compute_capability": "8.6"}, "13.0")
    assert ampere.without == (FormatFamily.FP8,)
    assert place.offer({"gpu.compute_capability": "12.0"}, "13.0").without == ()
    (why,) = place.offer({"gpu.compute_capability": "9.0"}, "").missing
    assert "install its build for CUDA" in why
    assert place.built_for() == (torch.version.cuda or "")


def test_a_card_offers_what_computes_on_it_and_names_an_option_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(place, "built_for", lambda: "13.0")
    stack = (StackItem("gpu.compute_capability", "8.6"),)
    described = registry.described(registry.runtime("torch", ()), stack)
    assert FormatFamily.FP8 not in described.families
    names = [one.name for one in described.options]
    assert len(names) == len(set(names))
    assert "cudagraph" in next(one for one in described.options if one.name == "execution").values
    on_host = registry.described(registry.runtime("torch", ()))
    assert "cuda" not in on_host.providers
    (offered,) = nvidia.offers("GPU-1", (described, on_host))
    assert offered.providers == ("cuda",)


def test_memory_that_ran_out_is_said_to_be_whose(cards: FakeCards) -> None:
    from bitgauge.agents.runtimes.torch import loading

    raised = torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
    found = loading.explained(raised, loading=False)
    assert found.code is Code.OUT_OF_DEVICE_MEMORY
    assert "of 16.0 GiB this process had 5.0, others and the context 10.0" in found.sentence


def test_an_export_of_the_zoo_can_be_moved_to_any_device() -> None:
    """Constants and devices inside the graph too, or a card would meet tensors of its host."""
    moved = place.ComputePlace("meta", {}).moved(
        programs.export(programs.module(programs.TRANSFORMER), programs.pixels())
    )
    assert {one.device.type for one in moved.state_dict.values()} == {"meta"}
    devices = {node.kwargs["device"] for node in moved.graph.nodes if "device" in node.kwargs}
    assert devices <= {"meta"}
