"""A device whose runtime is another version: exactly its cells are stale, and the version is named.

Two real agents of one coordinator, in two Python environments with two versions of onnxruntime.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.enums import CellState, JobState
from bitgauge.benchmarks.vocabulary.values.jobs import Overrides, Selector
from bitgauge.benchmarks.vocabulary.values.rows import StackChange, TableQuery, TableRow
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.decisions.job_now import ENDED
from bitgauge.coordinator.store import questions
from bitgauge.coordinator.store.store import Store

from tests.processes.bench import AGENT, AgentService, patiently, small_job
from tests.processes.conftest import Up

from .older_runtime import OLDER, environment_with

pytestmark = [pytest.mark.kill, pytest.mark.timeout(600)]

CHANGED, UNTOUCHED = "changed", "untouched"
PATIENCE_S = 180.0
LITTLE = Overrides(warmup_ms=1, launches=1, budget_ms=50)


@contextmanager
def agent(up: Up, name: str, program: str = AGENT) -> Iterator[None]:
    """An agent with a state folder of its own, whatever environment it runs in."""
    home = up.home.parent / name
    token = up.home / "tokens" / "agent"
    command = [program, "run", "--coordinator", up.address, "--name", name]
    service = AgentService(
        home, [*command, "--token-file", str(token)], log=up.home.parent / f"{name}.log"
    )
    try:
        yield
    finally:
        service.end()


def wait_for(what: str, check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not check():
        assert time.monotonic() < deadline, what
        time.sleep(0.3)


def wait_for_runtime(client: Client, name: str, wanted: str) -> None:
    def is_there() -> bool:
        return any(
            (view.description.name, runtime.version) == (name, wanted)
            for view in patiently(client.devices)
            for runtime in view.description.runtimes
            if runtime.name == "onnxruntime"
        )

    wait_for(f"{name} did not register with onnxruntime {wanted}", is_there)


def measure(client: Client, name: str, key: str) -> str:
    """Measure the smallest job on a device; the id of the job."""
    spec = replace(small_job(client, key), selector=Selector(device=name), overrides=LITTLE)
    job_id = client.submit(spec).job_id

    def state() -> JobState:
        return patiently(lambda: client.job(job_id)).state

    wait_for(f"{key} did not end", lambda: state() in ENDED)
    assert state() is JobState.FINISHED
    return job_id


def states(rows: tuple[TableRow, ...]) -> dict[str, set[CellState]]:
    return {
        name: {row.state for row in rows if row.device_name == name}
        for name in {row.device_name for row in rows}
    }


def test_another_runtime_version_marks_the_right_cells_and_is_named(tmp_path: Path) -> None:
    older = environment_with(tmp_path / "older")
    newer = version("onnxruntime")
    up = Up.start(tmp_path / "home")
    try:
        with up.client() as client, agent(up, UNTOUCHED):
            with agent(up, CHANGED, older):
                wait_for_runtime(client, CHANGED, OLDER)
                wait_for_runtime(client, UNTOUCHED, newer)
                before = measure(client, CHANGED, "older")
                measure(client, UNTOUCHED, "untouched")
                rows = client.table(TableQuery())
                assert states(rows) == {
                    CHANGED: {CellState.MEASURED},
                    UNTOUCHED: {CellState.MEASURED},
                }
            with agent(up, CHANGED):
                wait_for_runtime(client, CHANGED, newer)
                rows = client.table(TableQuery())
                assert states(rows) == {CHANGED: {CellState.STALE}, UNTOUCHED: {CellState.MEASURED}}
                named = {change for row in rows for change in row.changes}
                assert StackChange("runtime.onnxruntime", OLDER, newer) in named
                # Of the machine nothing changed, so nothing of it is named.
                assert {one.name.partition(".")[0] for one in named} <= {"runtime", "kernel"}
                after = measure(client, CHANGED, "newer")
                assert states(client.table(TableQuery()))[CHANGED] == {CellState.MEASURED}
                said = compared(up, run_of(client, before), run_of(client, after))
                assert f"runtime.onnxruntime {OLDER} -> {newer}" in said
                kept = client.cells()
                require_recomputable(client, (before, after))
    finally:
        up.stop()
    with contextlib.closing(Store.open(tmp_path / "home" / "store.db")) as store:
        store.rebuild_table()
        assert questions.cells(store) == kept


def require_recomputable(client: Client, jobs: Iterable[str]) -> None:
    """The published numbers of every run follow from its raw data, to the last digit."""
    for run in (run for job_id in jobs for run in client.runs(job_id)):
        assert client.reanalyse(run.run_id).identical


def run_of(client: Client, job_id: str) -> str:
    return next(run.run_id for run in client.runs(job_id) if run.entry_index == 1)


def compared(up: Up, one: str, other: str) -> str:
    finished = up.bitgauge("compare", one, other)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
