"""One row that cannot be read is named and failed, and stops nobody: each column of JSON is tried.

Each is damaged in three ways: no JSON, JSON of something else, and JSON with a null in it, which is
what a number that is not finite becomes where nobody looks.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bitgauge.benchmarks.vocabulary.enums import FailureGroup
from bitgauge.benchmarks.vocabulary.values.calibration import CalibrationSet, StratumCount
from bitgauge.benchmarks.vocabulary.values.campaigns import ScheduleView
from bitgauge.benchmarks.vocabulary.values.history import HistoryQuery, Regression
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, Workload
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, Progress
from bitgauge.coordinator.decisions.asker import ITSELF
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.upkeep.stored import STORED, Stored, unread
from bitgauge.coordinator.store.values import BuildKey, BuildOutcome, Looked

from tests.coordinator.store.test_campaigns import EVALUATION, ID, ORDER, OTHER, begun
from tests.labs.store import BASELINE, INT8, TERMS, Lab, failure, spec
from tests.labs.values import device

SECOND = device("second")
ENTRIES = 3
"""Of each job: when a job cannot be read, so many runs and rows are not shown."""
DAMAGE = {"no JSON": "{", "something else": '"x"', "a null": '[{"a": null}]'}


def lived_in(path: Path) -> Lab:
    """A store with at least two of everything, of which the first will be damaged."""
    lab = Lab(Store.open(path))
    lab.register()
    lab.register(SECOND)
    for batch in (1, 2):
        lab.measured(spec(workload=Workload(batch=batch)))
    lab.measured(spec(workload=Workload(batch=3)), "second")
    held = lab.claimed(lab.submit(), "rpi5")
    lab.store.renew(
        held.job_id,
        held.epoch,
        held.lease_token,
        progress=Progress(0, "fp32", "pair", 0.5),
        hold_ns=0,
        now_ns=lab.now_ns,
        terms=TERMS,
    )
    lab.report_failure(held, 1, FailureGroup.ARTIFACT)
    spoiled = lab.claimed(lab.submit(spec(workload=Workload(batch=4))), "second")
    lab.report(spoiled, 0, device_id=SECOND.device_id)
    for run in lab.store.unanalysed():
        lab.store.analysis_failed(run, failure(), lab.now_ns)
    key = BuildKey(BASELINE, "fp16", None, "tool", "onnxruntime", "onnx", 1)
    lab.store.cache_build(key, BuildOutcome(INT8, notes=("done",)), lab.now_ns)
    for _ in range(2):
        lab.submit()
        lab.submit(spec(entries=(Entry("fp32"), Entry("int8-static-u8s8-pc"))))
    for campaign in (ID, OTHER):
        begun(lab, campaign, campaign)
    for name in ("a", "b"):
        lab.store.set_schedule(ScheduleView(name, "0 3 * * *", 1, 2), ORDER)
    for digest in (BASELINE, INT8, EVALUATION):
        lab.store.record_blob(digest, lab.now_ns)
    for name in ("a", "b"):
        strata = (StratumCount("day", 2),)
        lab.store.add_calibration_set(CalibrationSet(name, 0, INT8, 2, "x", strata), ITSELF)
    _regression(lab)
    return lab


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "store.db"
    lived_in(path).store.close()
    return path


@pytest.fixture
def lab(original: Path, tmp_path: Path) -> Iterator[Lab]:
    found = Lab(Store.open(shutil.copy(original, tmp_path / "store.db")), numbers=count(1000))
    found.wait(1000)
    yield found
    found.store.close()


def _regression(lab: Lab) -> None:
    row = lab.store.rows(TableQuery())[0]
    value = MetricValue("latency_ratio", 1.0)
    made = Regression(
        "r", "new", "verdict", "latency_ratio", row, "s", value, value, 1.0, "slower", 1, 1, ("x",)
    )
    lab.store._connection.execute(
        "INSERT INTO regressions (regression_id, subject, signal, metric, state, row_key, run_id,"
        " changed_unix_ns, value) SELECT ?, 's', 'verdict', 'm', 'new', row_key,"
        " (SELECT run_id FROM runs LIMIT 1), 1, ? FROM table_rows LIMIT 1",
        ("r", msgspec.json.encode(made).decode()),
    )


def asked(lab: Lab) -> dict[str, Any]:
    """Everything that is asked of all of them together, whatever it answers."""
    store = lab.store
    calls: dict[str, Callable[[], Any]] = {
        "jobs": store.jobs,
        "queued": store.queued,
        "pending_builds": store.pending_builds,
        "avoid": store.avoid,
        "devices": lambda: store.devices(lab.now_ns, TERMS),
        "hearings": store.hearings,
        "schedules": store.schedules,
        "due": lambda: store.due_schedules(lab.now_ns),
        "campaigns": store.campaigns,
        "live": store.live_campaigns,
        "steps": lambda: [store.campaign_steps(one) for one in (ID, OTHER)],
        "views": lambda: [store.campaign(one) for one in (ID, OTHER)],
        "runs": lambda: [store.runs(job.job_id) for job in store.jobs()],
        "unanalysed": store.unanalysed,
        "unjudged": store.unjudged,
        "checks": store.ended_checks,
        "rows": lambda: store.rows(TableQuery()),
        "deciding": lambda: store.deciding_rows(TableQuery()),
        "cells": store.cells,
        "stale": store.stale_rows,
        "times": store.run_times,
        "asks": lambda: store.asks(0),
        "series": lambda: store.series(HistoryQuery()),
        "regressions": lambda: store.regressions(ended=True),
        "calibration sets": store.calibration_sets,
        "access": lambda: store.access().tokens,
        "tokens": store.token_views,
        "spare": lambda: store.spare_blobs(2**62),
    }
    return {name: call() for name, call in calls.items()}


def damage(lab: Lab, one: Stored, text: str) -> None:
    column = one.column
    sql = f"""UPDATE {one.table} SET {column} = ? WHERE {one.name} =
        (SELECT {one.name} FROM {one.table} WHERE {column} IS NOT NULL LIMIT 1)"""
    assert lab.store._connection.execute(sql, (text,)).rowcount == 1, "the column is in no row"


@pytest.mark.parametrize("text", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("one", STORED, ids=lambda one: f"{one.table}.{one.column}")
def test_one_column_that_can_not_be_read_stops_nobody(lab: Lab, one: Stored, text: str) -> None:
    before = asked(lab)
    assert unread(lab.store._connection) == []
    damage(lab, one, text)
    [found] = unread(lab.store._connection)
    assert found.startswith(f"{one.noun} ")
    assert f", {one.column}: what is stored" in found
    after = asked(lab)
    for name, was in before.items():
        assert len(after[name]) >= len(was) - ENTRIES, name
    assert len(after["jobs"]) == len(before["jobs"])
    assert len(after["devices"]) == len(before["devices"])
    assert len(after["schedules"]) == len(before["schedules"])
    assert len(after["campaigns"]) == len(before["campaigns"])
    # What the lab does by itself goes on.
    lab.store.fail_unreadable(Looked(), lab.now_ns)
    lab.store.use_inputs({"int8-dynamic": "tool 2"})
    lab.wait(1000)
    lab.store.expire(lab.now_ns)
    lab.register(SECOND, "i2")
    healthy = lab.submit()
    assert lab.claimed(healthy, "second").job_id == healthy
    asked(lab)
