"""What is known of a job, in few words."""

from dataclasses import replace
from typing import Any

from bitgauge.benchmarks.common.ids import run_id
from bitgauge.benchmarks.vocabulary.enums import (
    Disposition,
    EntryState,
    FailureGroup,
    JobState,
    ModelClass,
)
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry
from bitgauge.benchmarks.vocabulary.values.runs import Failure
from bitgauge.coordinator.decisions.job_now import SETTLED, EntryNow, JobNow, RunNow

from tests.labs import values

JOB = "00000000-0000-4000-8000-000000000001"
BASELINE, INT8 = Digest("a" * 64, 10), Digest("b" * 64, 5)
READY, ACCEPTED, FAILED = EntryState.READY, EntryState.ACCEPTED, EntryState.FAILED
SPEC = values.job(baseline=BASELINE, entries=(Entry("fp32"), Entry("int8-dynamic", INT8)))
MOST = 5
LOST = Failure(FailureGroup.HARNESS, "agent_lost", "the agent was lost", "Nothing.")


def job(*states: EntryState, **changes: Any) -> JobNow:
    """A leased job at epoch 2 with entries in these states."""
    entries = tuple(
        EntryNow(index, f"recipe-{index}", state, f"reason {index}" if state in SETTLED else None)
        for index, state in enumerate(states)
    )
    usual = {"first_leased_unix_ns": 0, "claims_left": 3, "claim_limit": MOST}
    return replace(
        JobNow(JOB, SPEC, ModelClass.CNN, JobState.LEASED, 2, entries), **{**usual, **changes}
    )


def known(index: int, disposition: Disposition, epoch: int = 2, **changes: Any) -> RunNow:
    return RunNow(run_id(JOB, epoch, index), epoch, index, disposition, **changes)
