"""What saturates in a job is queued in exact mode, once, in the transaction in which it ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bitgauge.agents.runtimes.ort import EXACT_MODE
from bitgauge.benchmarks.vocabulary.enums import JobState
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobView, Overrides, Selector
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.store.values import BuildOutcome

from tests.labs.store import ENTRIES, INT4, INT8, Lab, spec
from tests.labs.values import device

SATURATED = MetricValue("saturated_pct", 0.3, n=1000, flags=("saturating",))
SOUND = MetricValue("saturated_pct", 0.0, n=1000)
pytestmark = pytest.mark.usefixtures("nano")


def measure(lab: Lab, job_id: str, saturating: tuple[int, ...], on: str = "rpi5") -> JobView:
    """Take a job, report every entry and analyse it; some entries saturate."""
    lease = lab.claimed(job_id, on)
    for entry in lease.entries:
        lab.report(lease, entry.index, device_id=device(on).device_id)
    for run in lab.store.unanalysed():
        at = lab.store.run(run).entry_index
        found = SATURATED if at in saturating else SOUND
        lab.store.analysed(run, 2, (found,), lab.now_ns)
    return lab.job(job_id)


def test_what_saturates_is_queued_in_exact_mode_on_the_same_device(lab: Lab) -> None:
    asked = spec(idempotency_key="mine", priority=3)
    view = measure(lab, lab.submit(asked), (1,), "nano")
    assert view.state is JobState.FINISHED
    [(exact, _)] = lab.store.queued()
    assert view.exact_by == exact.job_id
    assert exact.exact_of == view.job_id
    assert lab.store.spec(exact.job_id) == replace(
        asked,
        entries=(replace(ENTRIES[0], artifact=asked.baseline), Entry("int8-dynamic", INT8)),
        overrides=replace(asked.overrides, session_options=(EXACT_MODE,)),
        selector=Selector(device=device("nano").device_id),
        idempotency_key="",
        wait_for_device=True,
    )


def test_a_recipe_that_was_built_is_not_built_anew(lab: Lab) -> None:
    job_id = lab.submit(spec(entries=(Entry("fp32"), Entry("int8-static-u8s8-pc"))))
    lab.store.built(job_id, 1, BuildOutcome(INT4), lab.now_ns)
    view = measure(lab, job_id, (1,))
    assert view.exact_by is not None
    assert lab.store.spec(view.exact_by).entries[1] == Entry("int8-static-u8s8-pc", INT4)


def test_the_exact_job_is_the_last(lab: Lab) -> None:
    view = measure(lab, lab.submit(), (1, 2))
    assert view.exact_by is not None
    again = measure(lab, view.exact_by, (1, 2))
    assert (again.state, again.exact_by, again.exact_of) == (JobState.FINISHED, None, view.job_id)
    assert lab.store.queued() == ()


def test_other_runtimes_have_no_such_mode(lab: Lab) -> None:
    view = measure(lab, lab.submit(spec(runtime="litert")), (1,))
    assert (view.state, view.exact_by) == (JobState.FINISHED, None)
    assert lab.store.queued() == ()


def test_the_row_of_the_baseline_names_no_provider(lab: Lab) -> None:
    """It ran where its hardware class says, whatever the artifacts beside it were placed with."""
    options = (StackItem("provider", "qnn"),)
    view = measure(lab, lab.submit(spec(overrides=Overrides(session_options=options))), ())
    rows = lab.store.rows(TableQuery(job_id=view.job_id))
    told = {one.recipe: one.overrides.session_options for one in rows}
    assert told.pop("fp32") == ()
    assert set(told.values()) == {options}
