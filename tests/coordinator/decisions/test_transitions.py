"""The tables of states: what stands in them happens, all else is refused in a sentence."""

from enum import Enum
from itertools import product
from typing import Any

import pytest
from bitgauge.benchmarks.vocabulary.enums import CampaignState, JobState
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.coordinator.decisions import campaigns, job_now, regressions
from bitgauge.coordinator.decisions.campaigns import CampaignEvent
from bitgauge.coordinator.decisions.job_now import JobEvent
from bitgauge.coordinator.decisions.regressions import RegressionEvent, RegressionState
from bitgauge.coordinator.decisions.transitions import Transitions

TABLES: dict[str, tuple[Transitions[Any, Any], type[Enum], type[Enum], Code, frozenset[Any]]] = {
    "jobs": (job_now.TRANSITIONS, JobState, JobEvent, Code.ILLEGAL_TRANSITION, job_now.ENDED),
    "campaigns": (
        campaigns.TRANSITIONS,
        CampaignState,
        CampaignEvent,
        Code.CAMPAIGN_STATE,
        campaigns.ENDED,
    ),
    "regressions": (
        regressions.TRANSITIONS,
        RegressionState,
        RegressionEvent,
        Code.ILLEGAL_TRANSITION,
        frozenset(RegressionState) - regressions.OPEN,
    ),
}
FIRST: dict[str, Enum] = {
    "jobs": JobState.BUILDING,
    "campaigns": CampaignState.PLANNED,
    "regressions": RegressionState.NEW,
}


@pytest.mark.parametrize("which", TABLES)
def test_every_state_and_event_is_decided(which: str) -> None:
    transitions, states, events, code, _ = TABLES[which]
    for state, event in product(states, events):
        if (state, event) in transitions.table:
            assert transitions.advance(state, event, "It") is transitions.table[state, event]
            continue
        with pytest.raises(BitgaugeError) as caught:
            transitions.advance(state, event, "Job 7 of digits_cnn at epoch 2")
        assert caught.value.code is code
        sentence = f"Job 7 of digits_cnn at epoch 2 is {state.value}; to {event.value} it, it"
        assert caught.value.sentence.startswith(sentence)


def test_the_sentence_names_the_states_in_which_it_may_happen() -> None:
    with pytest.raises(BitgaugeError) as caught:
        job_now.TRANSITIONS.advance(JobState.ANALYSING, JobEvent.SETTLE, "Job 7")
    assert caught.value.sentence == (
        "Job 7 is analysing; to settle it, it must be queued or leased."
    )


@pytest.mark.parametrize("which", TABLES)
def test_what_has_ended_stays_so(which: str) -> None:
    transitions, _, _, _, ended = TABLES[which]
    assert not [state for state, _ in transitions.table if state in ended]


@pytest.mark.parametrize("which", TABLES)
def test_every_state_can_be_reached_and_left(which: str) -> None:
    transitions, states, _, _, ended = TABLES[which]
    edges = {(start, end) for (start, _), end in transitions.table.items()}
    assert {end for _, end in edges} | {FIRST[which]} == set(states)
    ending = set(ended)
    while more := {start for start, end in edges if end in ending} - ending:
        ending |= more
    assert ending == set(states)
