"""The table that is kept up equals the table made anew, and marks exactly what is stale."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from bitgauge.benchmarks.table.cells import cells
from bitgauge.benchmarks.vocabulary.enums import CellState, FailureGroup, Realness, RunStatus
from bitgauge.benchmarks.vocabulary.values.cells import Cell
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription, StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.rows import StackChange, TableQuery, TableRow
from bitgauge.coordinator.decisions.job_now import ENDED
from bitgauge.coordinator.store.sql.table import disagreements
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.values import BuildKey, BuildOutcome

from tests.labs.store import BASELINE, INT8, METRICS, TERMS, Lab, failure, spec
from tests.labs.values import device, runtime

OLD, NEW = StackItem("runtime.onnxruntime", "1.30.0"), StackItem("runtime.onnxruntime", "1.31.0")


def table(store: Store) -> tuple[tuple[TableRow, ...], tuple[Cell, ...]]:
    return store.rows(TableQuery()), store.cells()


def measured(
    lab: Lab, name: str = "rpi5", workload: Workload | None = None, **changes: object
) -> str:
    """A whole job on a device; `changes` are of each run."""
    job_id = lab.submit(spec(workload=workload or Workload()))
    lease = lab.claimed(job_id, name)
    for entry in lease.entries:
        lab.wait(1)
        told = lab.told(lease, entry.index, device_id=device(name).device_id)
        lab.store.report(replace(told, **changes), lab.now_ns, TERMS)  # type: ignore[arg-type]
    lab.analyse()
    return job_id


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_the_kept_table_is_the_one_made_anew(lab: Lab, seed: int) -> None:
    rng = random.Random(seed)
    names = ("rpi5", "nano", "tv-box")
    for name in names:
        lab.register(device(name))
    lab.register(device("emulator", realness=Realness.EMULATED))
    for _ in range(25):
        step = rng.random()
        name = rng.choice((*names, "emulator"))
        if step < 0.15:
            version = rng.choice(("1.30.0", "1.31.0"))
            lab.register(device(name, runtimes=(runtime(version=version, fingerprint=version),)))
            continue
        job_id = lab.submit(spec(workload=Workload(batch=rng.choice((1, 64)))))
        lease = lab.claim(job_id, name)
        if lease is None:
            continue
        fingerprint = rng.choice(("1.30.0", "1.31.0"))
        who = device(name).device_id
        for entry in lease.entries:
            fate = rng.random()
            lab.wait(1)
            if fate < 0.7:
                lab.report(lease, entry.index, device_id=who, fingerprint=fingerprint, stack=(OLD,))
            elif fate < 0.9:
                group = rng.choice(list(FailureGroup))
                lab.report(
                    lease,
                    entry.index,
                    device_id=who,
                    status=RunStatus.FAILED,
                    raw=(),
                    failure=failure(group),
                )
        if rng.random() < 0.8:
            lab.analyse(version=rng.choice((1, 2)))
        if rng.random() < 0.3:
            if lab.job(job_id).state not in ENDED:
                lab.store.cancel(job_id, "not wanted", lab.now_ns)
            lab.renew(lease)
    kept = table(lab.store)
    count = lab.store.rebuild_table()
    assert table(lab.store) == kept
    assert count == len(kept[0])
    assert cells(kept[0]) == tuple(sorted(kept[1], key=lambda cell: cells(kept[0]).index(cell)))


def test_where_the_newest_says_nothing_any_more_the_older_is_shown(lab: Lab) -> None:
    first = measured(lab)
    second = measured(lab)
    runs = {run.entry_index: run.run_id for run in lab.store.runs(second)}
    lab.store.analysis_failed(runs[1], failure(FailureGroup.HARNESS), lab.now_ns)
    shown = {row.recipe: row.run_id for row in lab.store.rows(TableQuery())}
    older = {run.recipe: run.run_id for run in lab.store.runs(first)}
    assert shown["int8-dynamic"] == older["int8-dynamic"]
    assert shown["fp32"] == runs[0]
    kept = table(lab.store)
    lab.store.rebuild_table()
    assert table(lab.store) == kept


def test_a_table_that_does_not_follow_from_its_runs_is_found(tmp_path: Path) -> None:
    lab = Lab(Store.open(tmp_path / "store.db"))
    lab.register()
    measured(lab)
    lab.store.close()
    (path,) = tmp_path.rglob("*.db")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert disagreements(with_names(connection)) == ()
        connection.execute("DELETE FROM table_rows WHERE recipe = 'fp32'")
        (found,) = disagreements(with_names(connection))
    assert "shows nothing, the runs say" in found


def with_names(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.row_factory = sqlite3.Row
    return connection


# -- staleness ----------------------------------------------------------------------------
def with_stack(name: str, item: StackItem) -> DeviceDescription:
    """A device whose onnxruntime is of this version, with a fingerprint that says so."""
    one = runtime(version=item.value, fingerprint=f"stack of {item.value}")
    other = runtime(name="litert", version="2.0", fingerprint="stack of litert")
    return device(name, runtimes=(one, other))


def states(lab: Lab) -> dict[str, set[CellState]]:
    found: dict[str, set[CellState]] = {}
    for row in lab.store.rows(TableQuery()):
        found.setdefault(row.device_name, set()).add(row.state)
    return found


def test_a_changed_runtime_marks_exactly_its_device_and_names_the_version(lab: Lab) -> None:
    for name in ("rpi5", "nano"):
        lab.register(with_stack(name, OLD))
        measured(lab, name, fingerprint="stack of 1.30.0", stack=(OLD,))
    assert states(lab) == {"rpi5": {CellState.MEASURED}, "nano": {CellState.MEASURED}}

    lab.register(with_stack("nano", NEW))
    assert states(lab) == {"rpi5": {CellState.MEASURED}, "nano": {CellState.STALE}}
    rows = lab.store.rows(TableQuery(device="nano"))
    named = {change for row in rows for change in row.changes}
    assert StackChange("runtime.onnxruntime", "1.30.0", "1.31.0") in named
    assert {cell.state for cell in lab.store.cells()} == {CellState.STALE}
    # Numbers of an old stack are shown still, marked.
    assert all(row.metric("latency_ratio").value == 0.5 for row in rows)

    # Measured again: fresh. Back to the old version: what is known is of another stack again.
    measured(lab, "nano", fingerprint="stack of 1.31.0", stack=(NEW,))
    assert states(lab)["nano"] == {CellState.MEASURED}
    lab.register(with_stack("nano", OLD))
    assert states(lab) == {"rpi5": {CellState.MEASURED}, "nano": {CellState.STALE}}


def test_a_reconnect_with_the_same_stack_marks_nothing(lab: Lab) -> None:
    lab.register(with_stack("rpi5", OLD))
    measured(lab, fingerprint="stack of 1.30.0", stack=(OLD,))
    lab.register(with_stack("rpi5", OLD), incarnation="i2")
    assert states(lab) == {"rpi5": {CellState.MEASURED}}


def test_a_runtime_that_is_gone_makes_its_rows_stale(lab: Lab) -> None:
    measured(lab)
    lab.register(device(runtimes=(runtime(name="litert"),)))
    (changes,) = {row.changes for row in lab.store.rows(TableQuery())}
    assert changes == (StackChange("runtime", "onnxruntime", None),)


def test_another_toolchain_makes_stale_what_it_built_and_nothing_else(lab: Lab) -> None:
    key = BuildKey(BASELINE, "int8-dynamic", None, "int8_dynamic/1 onnxruntime=1.30.0")
    lab.store.cache_build(key, BuildOutcome(INT8), lab.now_ns)
    lab.store.use_inputs({"int8-dynamic": key.toolchain, "int4-wo-b32": "x"})
    measured(lab)
    assert states(lab) == {"rpi5": {CellState.MEASURED}}
    newer = "int8_dynamic/1 onnxruntime=1.31.0"
    assert lab.store.use_inputs({"int8-dynamic": newer, "int4-wo-b32": "y"}) == 1
    stale = [row for row in lab.store.rows(TableQuery()) if row.state is CellState.STALE]
    assert [row.recipe for row in stale] == ["int8-dynamic"]
    assert stale[0].changes == (StackChange("toolchain", key.toolchain, newer),)
    assert lab.store.use_inputs({"int8-dynamic": newer, "int4-wo-b32": "y"}) == 0


def test_another_measuring_protocol_makes_all_of_it_stale(lab: Lab) -> None:
    measured(lab, measuring_version=7)
    (changes,) = {row.changes for row in lab.store.rows(TableQuery())}
    assert changes[0].name == "measuring_version"
    assert changes[0].before == "7"


# -- questions ----------------------------------------------------------------------------
def test_rows_of_one_workload(lab: Lab) -> None:
    measured(lab)
    measured(lab, workload=Workload(batch=64))
    query = TableQuery(workload=Workload(batch=64))
    rows = lab.store.rows(query)
    assert {row.workload for row in rows} == {Workload(batch=64)}
    assert len(rows) == 3
    assert len(lab.store.cells()) == 6


def test_a_job_that_something_newer_superseded_still_answers_for_itself(lab: Lab) -> None:
    first = measured(lab)
    second = measured(lab)
    assert {row.run_id for row in lab.store.rows(TableQuery(job_id=first))} == {
        run.run_id for run in lab.store.runs(first)
    }
    assert {row.run_id for row in lab.store.rows(TableQuery())} == {
        run.run_id for run in lab.store.runs(second)
    }


def test_a_device_that_is_renamed_is_shown_by_its_new_name(lab: Lab) -> None:
    measured(lab)
    lab.register(replace(device(), name="bench-4"))
    assert {row.device_name for row in lab.store.rows(TableQuery())} == {"bench-4"}
    assert len(lab.store.rows(TableQuery(device="bench-4"))) == 3


def test_metrics_are_those_of_the_newest_analysis(lab: Lab) -> None:
    job_id = measured(lab)
    better = tuple(replace(one, value=0.25, low=0.2, high=0.3) for one in METRICS[:1])
    for run in lab.store.runs(job_id):
        lab.store.analysed(run.run_id, 9, better, lab.now_ns)
    assert {row.metric("latency_ratio").value for row in lab.store.rows(TableQuery())} == {0.25}


def test_an_older_baseline_of_a_model_is_another_row(lab: Lab) -> None:
    measured(lab)
    other = Digest("f" * 64, 7)
    job_id = lab.submit(spec(baseline=other))
    lease = lab.claimed(job_id)
    for entry in lease.entries:
        lab.report(lease, entry.index)
    lab.analyse()
    assert len(lab.store.rows(TableQuery())) == 6
