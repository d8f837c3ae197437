"""Several users of one lab: what each may change and have, and a storm of one beside the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from bitgauge.benchmarks.vocabulary.enums import JobState, ModelClass, Role
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.values.campaigns import RefreshOrder, Suite, SuiteModel
from bitgauge.benchmarks.vocabulary.values.history import HistoryQuery
from bitgauge.benchmarks.vocabulary.values.jobs import Entry
from bitgauge.coordinator.decisions.asker import Asker
from bitgauge.coordinator.decisions.campaigns import CampaignEvent
from bitgauge.coordinator.decisions.quotas import DAY_NS, Quotas
from bitgauge.coordinator.lab.campaigns.asks import Asks
from bitgauge.coordinator.lab.campaigns.campaigns import Campaigns
from bitgauge.coordinator.lab.campaigns.driver import CampaignDriver
from bitgauge.coordinator.store.values import TokenRecord

from tests.labs.coordinator import BASELINE, EVALUATION, SPEC, Lab, open_lab, report_of
from tests.labs.refused import refused

ANN, BOB, ROOT = (Asker(name, owns_all=name == "root") for name in ("ann", "bob", "root"))
ORDER = RefreshOrder(
    suite=Suite(
        name="small",
        models=(SuiteModel("digits", BASELINE, EVALUATION, None, ModelClass.CNN),),
        recipes=("int8-dynamic",),
    )
)
NIGHTLY = "0 3 * * *"
FEW = Quotas(campaigns=2, schedules=2, notes=2, acts=6)


@pytest.fixture
async def lab(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    async with open_lab(monkeypatch) as made:
        await made.register()
        yield made


def campaigns_of(lab: Lab, quotas: Quotas = FEW) -> Campaigns:
    return Campaigns(lab.writer, lab.leases.terms, Asks(lab.writer), quotas)


async def let_in(lab: Lab, name: str, sha256: bytes = b"s" * 32) -> None:
    token = TokenRecord(name, Role.SUBMIT, sha256)
    await lab.ask(lambda store: store.create_token(token, lab.clock()))


async def audited(lab: Lab) -> list[tuple[str, str, str]]:
    found = await lab.ask(lambda store: store.audit())
    return [(one.who, one.what, one.object) for one in reversed(found)]


async def test_a_schedule_is_changed_by_its_owner_or_an_admin(lab: Lab) -> None:
    campaigns = campaigns_of(lab)
    made = await campaigns.set_schedule("nightly", NIGHTLY, ORDER, ANN)
    with refused(Code.FORBIDDEN, "Schedule 'nightly' belongs to ann, not to bob"):
        await campaigns.set_schedule("nightly", "0 4 * * *", ORDER, BOB)
    with refused(Code.FORBIDDEN):
        await campaigns.set_schedule(" nightly ", "0 4 * * *", ORDER, BOB)
    with refused(Code.FORBIDDEN):
        await campaigns.remove_schedule("nightly", BOB)
    with refused(Code.UNKNOWN_SCHEDULE):
        await campaigns.remove_schedule("other", BOB)
    assert await lab.ask(lambda store: store.schedules()) == (made,)
    await campaigns.set_schedule("nightly", "0 5 * * *", ORDER, ROOT)
    with refused(Code.FORBIDDEN, "belongs to root"):
        await campaigns.remove_schedule("nightly", ANN)
    await campaigns.remove_schedule("nightly", ROOT)
    assert await audited(lab) == [
        ("ann", "schedule.set", "nightly"),
        ("root", "schedule.set", "nightly"),
        ("root", "schedule.remove", "nightly"),
    ]


async def test_a_schedule_comes_round_as_often_as_it_may(lab: Lab) -> None:
    campaigns = campaigns_of(lab)
    for cron in ("* * * * * *", "* * * * *", "*/1 3 * * *"):
        with refused(Code.BAD_ARGUMENT):
            await campaigns.set_schedule("s", cron, ORDER, BOB)
    # One that an earlier version took: a start each second is a start each quarter of an hour.
    made = await campaigns.set_schedule("s", NIGHTLY, ORDER, BOB)
    often = replace(made, cron="* * * * * *", next_unix_ns=lab.clock())
    await lab.writer.change(lambda store: store.set_schedule(often, ORDER))
    driver = CampaignDriver(lab.writer, campaigns, lab.jobs, Asks(lab.writer))
    await let_in(lab, "bob")
    for _ in range(30):
        await driver.step()
        lab.clock.now_ns += 10**9
    assert len(await lab.ask(lambda store: store.campaigns())) == 1


async def test_whose_token_ended_starts_nothing_by_schedule(lab: Lab) -> None:
    campaigns = campaigns_of(lab)
    await let_in(lab, "ann")
    for asker in (ANN, Asker("local")):
        made = await campaigns.set_schedule(f"of {asker.name}", NIGHTLY, ORDER, asker)
    await lab.ask(lambda store: store.revoke_token("ann", lab.clock()))
    lab.clock.now_ns = made.next_unix_ns
    driver = CampaignDriver(lab.writer, campaigns, lab.jobs, Asks(lab.writer))
    for _ in range(3):
        await driver.step()
    started = await lab.ask(lambda store: store.campaigns())
    assert [one.schedule for one in started] == ["of local"]
    assert (await audited(lab)).count(("coordinator", "schedule.skip", "of ann")) == 1
    await let_in(lab, "ann", b"new" * 11)  # a token that was issued anew is the same person's
    lab.clock.now_ns += DAY_NS
    await driver.step()
    started = await lab.ask(lambda store: store.campaigns())
    assert sorted(str(one.schedule) for one in started) == ["of ann", "of local", "of local"]


async def test_schedules_of_one_user_have_a_quota(lab: Lab) -> None:
    campaigns = campaigns_of(lab)
    for name in ("a", "b", "a"):
        await campaigns.set_schedule(name, NIGHTLY, ORDER, ANN)
    with refused(Code.QUOTA, "There are 2 schedules of 'ann'", "--schedule-quota"):
        await campaigns.set_schedule("c", NIGHTLY, ORDER, ANN)
    await campaigns.set_schedule("c", NIGHTLY, ORDER, BOB)
    await campaigns.remove_schedule("a", ANN)
    await campaigns.set_schedule("d", NIGHTLY, ORDER, ANN)


async def test_campaigns_of_one_user_have_a_quota_and_a_key_its_own(lab: Lab) -> None:
    campaigns = campaigns_of(lab)
    made, created = await campaigns.start(ORDER, "key", "ann")
    again, created_again = await campaigns.start(ORDER, "key", "ann")
    assert (created, created_again, again) == (True, False, made)
    other, bobs = await campaigns.start(ORDER, "key", "bob")
    assert bobs
    assert other != made
    await campaigns.start(ORDER, "", "ann")
    with refused(Code.QUOTA, "There are 2 campaigns of 'ann' that have not ended"):
        await campaigns.start(ORDER, "", "ann")
    with refused(Code.FORBIDDEN):
        await campaigns.move(made, CampaignEvent.CANCEL, BOB)
    for event in (CampaignEvent.PAUSE, CampaignEvent.RESUME):
        with refused(Code.FORBIDDEN):
            await campaigns.move(made, event, BOB)
    await campaigns.move(made, CampaignEvent.CANCEL, ANN)
    await campaigns.start(ORDER, "", "ann")


async def test_nobody_fills_the_audit_in_a_loop(lab: Lab) -> None:
    campaigns = campaigns_of(lab)
    for _ in range(FEW.acts):
        await campaigns.set_schedule("s", NIGHTLY, ORDER, BOB)
    with refused(Code.QUOTA, "There are 6 acts of 'bob' within a day", "--act-quota"):
        await campaigns.set_schedule("s", NIGHTLY, ORDER, BOB)
    with refused(Code.QUOTA):
        await campaigns.start(ORDER, "", "bob")
    await campaigns.set_schedule("t", NIGHTLY, ORDER, ANN)
    await campaigns.remove_schedule("s", BOB)  # who has too much may always take away
    lab.clock.now_ns += DAY_NS
    await campaigns.set_schedule("s", NIGHTLY, ORDER, BOB)


async def test_a_job_s_key_is_its_user_s_own(lab: Lab) -> None:
    first, _ = await lab.jobs.submit(SPEC, "ann")
    other = replace(SPEC, model_name="another")
    second, created = await lab.jobs.submit(other, "bob")
    assert created
    assert second != first
    with refused(Code.IDEMPOTENCY_CONFLICT):
        await lab.jobs.submit(other, "ann")
    assert await lab.jobs.submit(SPEC, "ann") == (first, False)
    with refused(Code.FORBIDDEN, f"Job {first} belongs to ann"):
        await lab.jobs.cancel(first, BOB)
    await lab.jobs.cancel(second, BOB)
    assert await audited(lab) == []
    await lab.jobs.cancel(first, ROOT)
    assert await audited(lab) == [("root", "job.cancel", first)]


async def test_a_row_is_annotated_by_who_measured_it_or_an_admin(lab: Lab) -> None:
    await lab.jobs.submit(SPEC, "ann")
    lease = await lab.claimed()
    for entry in lease.entries:
        await lab.leases.report(report_of(lease, entry.index))
    await lab.until(lease.job_id, lambda view: view.state is JobState.FINISHED)
    now_ns, query = lab.clock(), HistoryQuery(model_name=SPEC.model_name)
    with refused(Code.FORBIDDEN, "belongs to ann, not to bob"):
        await lab.ask(lambda store: store.annotate(query, "mine now", now_ns, BOB))
    assert await audited(lab) == []
    for asker in (ANN, ROOT):
        await lab.ask(lambda store, by=asker: store.annotate(query, "a fan", now_ns, by))  # type: ignore[misc]
    assert [who for who, *_ in await audited(lab)] == ["ann", "root"]


async def test_a_storm_of_one_user_leaves_the_others_their_turn(lab: Lab) -> None:
    """Submits and cancels a thousand times: bounded work, and everybody else is prompt."""
    await lab.jobs.submit(replace(SPEC, idempotency_key=""), "ann")
    lease = await lab.claimed()
    build = replace(SPEC, idempotency_key="", entries=(Entry("fp32"), Entry("int8-dynamic")))
    over = asyncio.Event()
    took: dict[str, list[float]] = {"renew": [], "list": []}

    async def others() -> None:
        while not over.is_set():
            began = time.monotonic()
            token = lease.lease_token
            assert await lab.leases.renew(lease.job_id, lease.epoch, token, None, 0) == "ok"
            took["renew"].append(time.monotonic() - began)
            began = time.monotonic()
            await lab.listed(50, active_only=False)
            took["list"].append(time.monotonic() - began)
            await asyncio.sleep(0.02)

    async def storm(turns: int) -> None:
        for _ in range(turns):
            job_id, _ = await lab.jobs.submit(build, "bob")
            await lab.jobs.cancel(job_id, BOB)

    beside = asyncio.create_task(others())
    began = time.monotonic()
    await asyncio.gather(*(storm(100) for _ in range(10)))
    print(f"1,000 submits and cancels took {time.monotonic() - began:.1f} s")
    over.set()
    await beside
    for name, seconds in took.items():
        p99 = sorted(seconds)[int(len(seconds) * 0.99)]
        print(f"{name}: p99 {p99:.3f} s of {len(seconds)}")
        assert p99 < 1.0
    assert len(lab.parts.dispatcher._working) == 0
    assert await lab.ask(lambda store: store.waiting_of("bob")) == 0
    assert await audited(lab) == []
