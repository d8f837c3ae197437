"""What was told is in the file: a reader sees it at once, and it is there after a new start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bitgauge.benchmarks.vocabulary.enums import FailureGroup, ModelClass, Role
from bitgauge.benchmarks.vocabulary.values.campaigns import ScheduleView
from bitgauge.benchmarks.vocabulary.values.history import HistoryQuery
from bitgauge.benchmarks.vocabulary.values.jobs import Entry
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.coordinator.decisions.asker import Asker
from bitgauge.coordinator.decisions.campaigns import CampaignEvent
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.upkeep.invariants import examine
from bitgauge.coordinator.store.values import BuildOutcome, TokenRecord

from tests.labs.rooms.past import FAILED, judge, measure
from tests.labs.store import INT8, TERMS, Lab, failure, spec
from tests.labs.values import device

from .test_campaigns import ID as CAMPAIGN
from .test_campaigns import ORDER, begun


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def lab(path: Path) -> Iterator[Lab]:
    lab = Lab(Store.open(path))
    lab.register()
    yield lab
    lab.store.close()


def said(store: Store, now_ns: int) -> dict[str, Any]:
    """All that a store answers, by question."""
    jobs = store.jobs(limit=1000)
    return {
        "devices": store.devices(now_ns, TERMS),
        "jobs": jobs,
        "specs": [store.spec(job.job_id) for job in jobs],
        "runs": [store.runs(job.job_id) for job in jobs],
        "rows": store.rows(TableQuery()),
        "cells": store.cells(),
        "series": store.series(HistoryQuery()),
        "regressions": store.regressions(ended=True),
        "unjudged": store.unjudged(),
        "campaigns": [store.campaign(one.campaign_id) for one in store.campaigns()],
        "schedules": store.schedules(),
        "asks": store.asks(0),
        "access": store.access(),
        "blobs": store.blobs(),
    }


def an_artifact_is_built(lab: Lab) -> None:
    job_id = lab.submit(spec(entries=(Entry("fp32"), Entry("int8-dynamic"))))
    lab.store.built(job_id, 1, BuildOutcome(INT8), lab.now_ns)


def a_lease_is_renewed(lab: Lab) -> None:
    lab.renew(lab.claimed(lab.submit()), hold_s=3)


def a_run_is_accepted(lab: Lab) -> None:
    lab.report(lab.claimed(lab.submit()), 1)


def an_attempt_is_to_be_repeated(lab: Lab) -> None:
    lab.report_failure(lab.claimed(lab.submit()), 1, FailureGroup.HARNESS)


def an_analysis_fails(lab: Lab) -> None:
    lab.report(lab.claimed(lab.submit()), 1)
    (run,) = lab.store.unanalysed()
    lab.store.analysis_failed(run, failure(), lab.now_ns)


def a_lease_runs_out(lab: Lab) -> None:
    lab.claimed(lab.submit())
    lab.wait(61)
    lab.store.expire(lab.now_ns)


def a_job_is_cancelled(lab: Lab) -> None:
    lab.store.cancel(lab.submit(), "not wanted", lab.now_ns)


def a_regression_is_opened_and_explained(lab: Lab) -> None:
    measure(lab)
    judge(lab)
    measure(lab, accuracy_delta_pp=FAILED)
    opened = judge(lab)
    lab.store.explain(opened[0].regression_id, "known", lab.now_ns, Asker("ann"))


def a_device_is_retired(lab: Lab) -> None:
    lab.claimed(lab.submit())
    lab.store.retire(device().device_id, "smoke", lab.now_ns)


def a_campaign_begins_and_ends(lab: Lab) -> None:
    begun(lab)
    lab.store.move_campaign(CAMPAIGN, CampaignEvent.CANCEL, lab.now_ns, reason="cancelled")


def a_schedule_is_set_and_a_question_noted(lab: Lab) -> None:
    lab.store.set_schedule(ScheduleView("s", "0 3 * * *", 1, 2), ORDER)
    lab.store.note_asks({(ModelClass.CNN, None, None): 2}, 10)


def a_token_is_made_and_ended(lab: Lab) -> None:
    lab.store.create_token(TokenRecord("ci", Role.READ, b"1" * 32), lab.now_ns)
    lab.store.revoke_token("ci", lab.now_ns)


def a_blob_is_recorded(lab: Lab) -> None:
    lab.store.record_blob(INT8, lab.now_ns)


HAPPENS: tuple[Callable[[Lab], None], ...] = (
    an_artifact_is_built,
    a_lease_is_renewed,
    a_run_is_accepted,
    an_attempt_is_to_be_repeated,
    an_analysis_fails,
    a_lease_runs_out,
    a_job_is_cancelled,
    a_regression_is_opened_and_explained,
    a_device_is_retired,
    a_campaign_begins_and_ends,
    a_schedule_is_set_and_a_question_noted,
    a_token_is_made_and_ended,
    a_blob_is_recorded,
)


@pytest.mark.parametrize("happens", HAPPENS, ids=lambda one: one.__name__)
def test_what_was_told_is_in_the_file(lab: Lab, path: Path, happens: Callable[[Lab], None]) -> None:
    before = said(lab.store, lab.now_ns)
    happens(lab)
    told = said(lab.store, lab.now_ns)
    assert told != before
    reader = Store.open_readonly(path)
    assert said(reader, lab.now_ns) == told
    reader.close()
    lab.store.close()
    lab.store = Store.open(path)
    assert said(lab.store, lab.now_ns) == told
    assert [one for one in examine(path).findings if "never recorded" not in one] == []
