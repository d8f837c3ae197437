from itertools import product

import pytest
from bitgauge.benchmarks.vocabulary.enums import (
    Disposition,
    EntryState,
    FailureGroup,
    JobState,
    RunStatus,
)
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.jobs import EntryView
from bitgauge.benchmarks.vocabulary.values.runs import Failure
from bitgauge.coordinator.decisions import jobs
from bitgauge.coordinator.decisions.jobs import ENDED, TRANSITIONS, JobEvent, advance, judge
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(("state", "event"), list(product(JobState, JobEvent)))
def test_every_state_and_event_is_decided(state: JobState, event: JobEvent) -> None:
    if (state, event) in TRANSITIONS:
        assert advance(state, event, "Job 7") is TRANSITIONS[state, event]
        return
    with pytest.raises(BitgaugeError) as caught:
        advance(state, event, "Job 7 of digits_cnn at epoch 2")
    assert caught.value.code is Code.ILLEGAL_TRANSITION
    assert "Job 7 of digits_cnn at epoch 2: it is " + state.value in caught.value.sentence


def test_an_ended_job_stays_ended() -> None:
    assert not [pair for pair in TRANSITIONS if pair[0] in ENDED]


def test_every_state_can_be_reached_and_left() -> None:
    edges = {(start, end) for (start, _), end in TRANSITIONS.items()}
    assert {end for _, end in edges} | {JobState.BUILDING} == set(JobState)
    ending = set(ENDED)
    while more := {start for start, end in edges if end in ending} - ending:
        ending |= more
    assert ending == set(JobState)


def failed(group: FailureGroup) -> Failure:
    return Failure(group, "code", "message", "advice")


@given(
    live=st.booleans(),
    entry=st.sampled_from(EntryState),
    status=st.sampled_from(RunStatus),
    group=st.sampled_from(FailureGroup),
    earlier=st.integers(0, 9),
    most=st.integers(1, 9),
)
def test_a_verdict_on_a_run_is_consistent(
    live: bool,
    entry: EntryState,
    status: RunStatus,
    group: FailureGroup,
    earlier: int,
    most: int,
) -> None:
    failure = None if status is RunStatus.MEASURED else failed(group)
    disposition, after = judge(
        live=live,
        entry=entry,
        status=status,
        failure=failure,
        earlier_attempts=earlier,
        max_attempts=most,
    )
    if not live or entry is not EntryState.READY:
        assert (disposition, after) == (Disposition.STALE, entry)
    elif disposition is Disposition.RETRY:
        assert (status, after) == (RunStatus.FAILED, EntryState.READY)
        assert group.retries
        assert earlier + 1 < most
    else:
        assert disposition is Disposition.ACCEPTED
        assert after in jobs.SETTLED
        assert (after is EntryState.ACCEPTED) == (status is RunStatus.MEASURED)


def entries(*states: EntryState) -> list[EntryView]:
    return [
        EntryView(index, "", f"recipe-{index}", state, reason=f"reason {index}")
        for index, state in enumerate(states)
    ]


def test_a_job_fails_only_when_nothing_was_measured() -> None:
    failed, unsupported = EntryState.FAILED, EntryState.UNSUPPORTED
    assert jobs.ending(entries(failed, EntryState.ACCEPTED)) == (JobEvent.FINISH, None)
    event, reason = jobs.ending(entries(unsupported, failed))
    assert event is JobEvent.FAIL
    assert reason == "Nothing could be measured; recipe-1: reason 1"
    event, reason = jobs.ending(entries(unsupported, unsupported))
    assert reason == "Nothing could be measured; recipe-0: reason 0"


def test_a_job_is_built_when_no_entry_waits() -> None:
    assert jobs.is_built(entries(EntryState.READY, EntryState.UNSUPPORTED))
    assert not jobs.is_built(entries(EntryState.READY, EntryState.BUILDING))
