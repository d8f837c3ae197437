"""Real children of every temper: each ends, takes its tree along, and says how."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.coordinator.decisions.steps import End, Ending, StepLimit
from bitgauge.coordinator.tasks.nursery.nursery import Nursery
from bitgauge.coordinator.tasks.nursery.order import Order, Site

from tests.labs.steps import tempers as steps
from tests.labs.steps.nurseries import LEVELS, settled

LIMIT = StepLimit(30.0, 256 << 20)
SHORT = StepLimit(0.3, 256 << 20)


@pytest.fixture(scope="module", params=LEVELS)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def nursery(place: Site) -> Iterator[Nursery]:
    made = settled(place)
    yield made
    made.end()


def order(work: Callable[..., Any], *arguments: Any, limit: StepLimit = LIMIT) -> Order:
    return Order(work, arguments, limit)


def test_each_step_is_a_process_of_its_own(nursery: Nursery) -> None:
    assert nursery.raised(order(steps.doubled, 21)) == 42
    assert [nursery.raised(order(steps.remembered)) for _ in range(2)] == [1, 1]


def test_what_it_says_against_its_input_is_a_value(nursery: Nursery) -> None:
    said = nursery.raised(order(steps.refused))
    assert isinstance(said, BadInput)
    assert (said.code, said.sentence) == (Code.BAD_MODEL, "It is no model.")


def test_a_defect_comes_with_its_trace(nursery: Nursery) -> None:
    said = nursery.raised(order(steps.defective))
    assert said.end is End.DEFECT
    assert "ZeroDivisionError: a defect" in said.trace


@pytest.mark.parametrize(
    ("work", "limit", "ending"),
    [
        (steps.endless, SHORT, Ending(End.TIME, SHORT)),
        (steps.greedy, LIMIT, Ending(End.MEMORY, LIMIT)),
        (steps.greedy_below, LIMIT, Ending(End.MEMORY, LIMIT)),
        (steps.absurd, LIMIT, Ending(End.MEMORY, LIMIT)),
        (steps.library_out_of_memory, LIMIT, Ending(End.MEMORY, LIMIT)),
        (steps.crashing, LIMIT, Ending(End.CRASH, signal=signal.SIGSEGV)),
        (steps.leaving, LIMIT, Ending(End.CRASH)),
        (steps.shot, LIMIT, Ending(End.LOST)),
    ],
)
def test_a_step_without_an_answer(
    nursery: Nursery, work: Callable[..., Any], limit: StepLimit, ending: Ending
) -> None:
    assert nursery.raised(order(work, limit=limit)) == ending
    assert nursery.raised(order(steps.doubled, 1)) == 2


def test_without_a_limit_of_memory_it_is_half_of_the_machine(nursery: Nursery) -> None:
    said = nursery.raised(order(steps.absurd, limit=StepLimit(30.0)))
    total = psutil.virtual_memory().total
    assert 0 < said.limit.memory_bytes <= total / 2


def test_nothing_that_a_step_started_or_wrote_outlives_it(nursery: Nursery, place: Site) -> None:
    assert nursery.raised(order(steps.hiding)) is None
    (own,) = psutil.Process().children()
    assert own.children() == []
    assert list(place.folder.iterdir()) == []


def test_an_interrupted_step_is_gone_before_the_interruption_goes_on(
    nursery: Nursery, place: Site
) -> None:
    """Ray cancels a task by an exception in the main thread of its worker."""
    below: list[psutil.Process] = []

    def interrupt() -> None:
        require_written(place)
        below.extend(psutil.Process().children(recursive=True))
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        nursery.raised(order(steps.hiding_for_ever))
    assert len(below) > 2
    require_ended(below, patience_s=0.0)
    assert list(place.folder.iterdir()) == []
    assert nursery.raised(order(steps.doubled, 2)) == 4


def test_nothing_outlives_the_worker_that_is_killed(nursery: Nursery, place: Site) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from bitgauge.coordinator.decisions.steps import StepLimit\n"
        "from bitgauge.coordinator.tasks.nursery.nursery import Nursery\n"
        "from bitgauge.coordinator.tasks.nursery.order import Order, Site\n"
        "from tests.labs.steps import tempers as steps\n"
        "order = Order(steps.hiding_for_ever, (), StepLimit(30.0))\n"
        "Nursery(Site(Path(sys.argv[1]), sys.argv[2])).raised(order)\n"
    )
    worker = subprocess.Popen([sys.executable, "-c", code, str(place.folder), place.sandbox])
    require_written(place)
    below = psutil.Process(worker.pid).children(recursive=True)
    assert len(below) > 2
    worker.kill()
    worker.wait()
    require_ended(below)
    assert list(place.folder.iterdir()) == []


def test_a_nursery_that_is_killed_is_replaced(nursery: Nursery, place: Site) -> None:
    def kill() -> None:
        require_written(place)
        mine = psutil.Process().children()
        next(one for one in mine if "nursery" in " ".join(one.cmdline())).kill()

    killer = threading.Thread(target=kill)
    killer.start()
    assert nursery.raised(order(steps.noted_endless)) == Ending(End.LOST)
    killer.join()
    assert nursery.raised(order(steps.doubled, 3)) == 6


def require_written(place: Site, patience_s: float = 20.0) -> None:
    """Wait until a step in `place` has written its note."""
    until = time.monotonic() + patience_s
    while not list(place.folder.glob("step-*/note")):
        assert time.monotonic() < until, "the step did not begin"
        time.sleep(0.01)


def require_ended(processes: list[psutil.Process], patience_s: float = 20.0) -> None:
    """Fail when one still runs; nobody may be there to collect it."""
    until = time.monotonic() + patience_s
    while left := [one for one in processes if runs(one)]:
        assert time.monotonic() < until, f"left over: {left}"
        time.sleep(0.02)


def runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
