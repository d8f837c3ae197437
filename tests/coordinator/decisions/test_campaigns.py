"""How many jobs of a campaign run at once."""

from __future__ import annotations

from bitgauge.coordinator.decisions import campaigns
from bitgauge.coordinator.decisions.campaigns import CampaignStep, to_submit
from hypothesis import given
from hypothesis import strategies as st

from tests.labs.coordinator import SPEC


# -- pure decisions -----------------------------------------------------------------------
@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=20))
def test_a_few_jobs_per_device_and_in_order(wanted: list[tuple[str, bool]]) -> None:
    steps = tuple(
        CampaignStep(n, device, device, SPEC, 1.0, refused="no" if refused else None)
        for n, (device, refused) in enumerate(wanted)
    )
    chosen = to_submit(steps[::-1])
    for device in "abc":
        waiting = [step.n for step in steps if step.device_id == device and step.waiting]
        there = [step.n for step in chosen if step.device_id == device]
        assert there == waiting[: campaigns.QUEUED_PER_DEVICE]
