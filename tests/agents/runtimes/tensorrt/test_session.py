"""One engine on one stream: what is copied, what the device's clock sees, what a graph holds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from bitgauge.agents.runtimes._tensorrt.cuda import CudaStream
from bitgauge.agents.runtimes._tensorrt.flavours import RTX
from bitgauge.agents.runtimes._tensorrt.opened import EngineGraph
from bitgauge.agents.runtimes._tensorrt.opening import inspected
from bitgauge.agents.runtimes._tensorrt.session import EngineSession
from bitgauge.agents.runtimes.base import TimedByDevice
from bitgauge.benchmarks.protocol.device_time import time_on_device
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code

from .card import COPY, KERNEL, SET, Card, fake_library

if TYPE_CHECKING:
    from bitgauge.agents.runtimes.base import Feeds, Outputs

X = np.arange(12, dtype=np.float32).reshape(3, 4)
COPIED = X.nbytes


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Card:
    return Card(tmp_path_factory.mktemp("card"))


def session(card: Card, *, graph: bool = False, data: bytes = b"an engine") -> EngineSession:
    return EngineSession(fake_library(card), data, card.stream(), {"batch": "4"}, cuda_graph=graph)


def test_a_call_computes_on_the_device(card: Card) -> None:
    made = session(card)
    assert [(one.name, one.dtype, one.shape) for one in made.input_specs] == [
        ("x", "float32", (None, 4))
    ]
    assert made.output_names == ("y",)
    (answer,) = made.run({"x": X})
    assert np.array_equal(answer, 2 * X)
    (smaller,) = made.run({"x": X[:1]})
    assert np.array_equal(smaller, 2 * X[:1])
    assert np.array_equal(answer, 2 * X), "an answer is the caller's own"
    made.close()


@pytest.mark.parametrize("graph", [False, True])
def test_a_timed_call_copies_in_computes_and_copies_out(card: Card, graph: bool) -> None:
    made = session(card, graph=graph)
    given = X.copy()
    call = made.bind({"x": given})
    before = card.count(COPY), card.count(KERNEL), card.lib.fake_launches()
    call()
    given += 1
    call()
    after = card.count(COPY), card.count(KERNEL), card.lib.fake_launches()
    assert np.subtract(after, before).tolist() == [4, 2, 2 if graph else 0]
    assert np.array_equal(made._on_host("y", (3, 4)), 2 * (X + 1))
    made.close()


@pytest.mark.parametrize("graph", [False, True])
def test_the_devices_clock_sees_the_engine_alone(card: Card, graph: bool) -> None:
    """Copies are of another clock: inputs lie on the device before it runs."""
    made = session(card, graph=graph)
    assert isinstance(made, TimedByDevice)
    call, stream = made.on_device({"x": X}), made.stream
    copies = card.count(COPY)
    on_device, _ = time_on_device(call, time.perf_counter_ns, 3)
    assert list(on_device) == pytest.approx([1000] * 3, rel=1e-3)
    assert card.count(COPY) == copies
    flushes = card.count(SET)
    call.before()
    stream.flush()
    assert card.count(SET) == flushes + 2
    made.close()


@pytest.mark.parametrize("graph", [False, True])
def test_resident_calls_take_turns_each_with_its_own_inputs(card: Card, graph: bool) -> None:
    made = session(card, graph=graph)
    one, other = (made.resident({"x": given}) for given in (X, X[:2] + 100))
    place = made._places["y"]
    for call, wanted in ((one, 2 * X), (other, 2 * (X[:2] + 100)), (one, 2 * X)):
        call()
        made.stream.download(place.host, place.device, wanted.nbytes)
        made.stream.wait()
        assert np.array_equal(made._on_host("y", wanted.shape), wanted)
    assert np.array_equal(made.run({"x": X + 5})[0], 2 * (X + 5)), "a call of the host's inputs"
    made.close()


@pytest.mark.parametrize("graph", [False, True])
def test_timed_calls_take_turns_with_resident_ones(card: Card, graph: bool) -> None:
    """As in a launch: two inputs of the host in turn, and the same two on the device."""
    made = session(card, graph=graph)
    given = (X, X[:2] + 100)
    timed = [made.bind({"x": one}) for one in given]
    resident = [made.resident({"x": one + 1000}) for one in given]
    for call, other, wanted in zip(timed, resident, given, strict=True):
        other()
        call()
        assert np.array_equal(made._on_host("y", wanted.shape), 2 * wanted)
    made.close()


def test_memory_goes_back(card: Card) -> None:
    before = card.lib.fake_allocated()
    made = session(card)
    assert card.lib.fake_allocated() == before + 4
    made.run({"x": X})
    made.resident({"x": X})
    made.close()
    assert card.lib.fake_allocated() == before


@pytest.mark.parametrize(
    "given", [X.astype(np.float64), X[0], X[:, :3], np.zeros((5, 4), np.float32)]
)
def test_inputs_that_do_not_fit_are_one_sentence(card: Card, given: np.ndarray) -> None:
    made = session(card)
    for call in (made.run, made.bind, made.resident):
        with pytest.raises(BitgaugeError) as caught:
            call({"x": given})
        assert caught.value.code is Code.RUN_FAILED
        assert "'x'" in caught.value.sentence
    made.close()


def test_an_engine_that_the_library_does_not_take_is_one_sentence(card: Card) -> None:
    with pytest.raises(BitgaugeError, match="of another card") as caught:
        session(card, data=b"broken")
    assert caught.value.code is Code.RUN_FAILED


def test_rtx_compiles_its_kernels_before_it_executes_anything(card: Card) -> None:
    """Unasked it would do so behind the first calls, and change kernels while a clock runs."""
    plain = session(card)
    assert plain.engine.runtime_config is None
    made = EngineSession(fake_library(card, flavour=RTX), b"an engine", card.stream(), {})
    told = made.engine.runtime_config
    assert told.dynamic_shapes_kernel_specialization_strategy == "EAGER"
    for one in (plain, made):
        one.close()


def test_no_driver_and_no_card_are_told_apart(card: Card) -> None:
    with pytest.raises(BitgaugeError, match="driver is not here") as caught:
        CudaStream("libnothing-of-the-kind.so.1")
    assert caught.value.code is Code.DRIVER_MISSING
    card.lib.fake_driver(0)
    try:
        with pytest.raises(BitgaugeError, match="no CUDA-capable device is detected") as caught:
            card.stream()
    finally:
        card.lib.fake_driver(1)
    assert caught.value.code is Code.DEVICE_HIDDEN


def test_memory_that_is_not_there_is_its_own_failure(card: Card) -> None:
    with pytest.raises(BitgaugeError) as caught:
        card.stream().allocate(2 << 30)
    assert caught.value.code is Code.OUT_OF_DEVICE_MEMORY


class Wrong(EngineSession):
    """One whose answers are not production's."""

    def run(self, feeds: Feeds) -> Outputs:
        return [one + 1 for one in super().run(feeds)]


def opened(card: Card, *, wrong: bool = False) -> EngineGraph:
    def opens(debug: bool) -> EngineSession:
        if debug and wrong:
            return Wrong(fake_library(card), b"an engine", card.stream(), {})
        return session(card)

    return EngineGraph(opens(False), opens, inspected)


def test_debug_tensors_are_shown_where_the_answers_stay_as_they_were(card: Card) -> None:
    graph = opened(card)
    shown = graph.look({"x": X})
    assert (shown.exposure, shown.why_not) == ("all", "")
    found = shown.observe({"x": X + 1})
    assert set(found) == {"x", "inner", "y"}
    assert np.array_equal(found["inner"], 2 * (X + 1))
    assert dict(shown.facts.producers) == {"inner": "tensor", "y": "output"}
    assert len(shown.facts.operators) == 3


def test_where_marking_changes_an_answer_the_outputs_alone_are_seen(card: Card) -> None:
    shown = opened(card, wrong=True).look({"x": X})
    assert shown.exposure == ""
    assert "answers otherwise" in shown.why_not
    assert set(shown.observe({"x": X})) == {"x", "y"}
