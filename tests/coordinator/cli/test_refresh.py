"""What people and CI type and read of refreshes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from bitgauge.benchmarks.vocabulary.enums import CampaignState
from bitgauge.benchmarks.vocabulary.errors import Code, Unavailable
from bitgauge.benchmarks.vocabulary.values.campaigns import (
    CampaignDevice,
    CampaignJob,
    CampaignView,
    CellChange,
    PlannedCell,
    PlannedJob,
    RefreshOrder,
    RefreshPlan,
    ScheduleView,
    SkippedDevice,
)
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.rows import StackChange
from bitgauge.coordinator.cli import common, refresh
from bitgauge.coordinator.client.campaigns import Started

from tests.labs.coordinator import SPEC
from tests.labs.rooms.typed import Bitgauge

ID = "3f0c91d2-0000-4000-8000-000000000000"
NOW_NS = 1_795_000_000_000_000_000
CELL = PlannedCell(
    "digits",
    "int8-dynamic",
    Workload(batch=8),
    "bench",
    "onnxruntime",
    "stale",
    (StackChange("onnxruntime", "1.22", "1.23"),),
    seconds=90.0,
)
PLAN = RefreshPlan(
    jobs=(PlannedJob(replace(SPEC, workload=Workload(batch=8)), "id", "bench", 130.0, (CELL,)),),
    cut=(replace(CELL, recipe="fp16", why="never_run", changes=()),),
    fresh=4,
    skipped=(SkippedDevice("rpi5", "is unreachable"),),
    seconds=130.0,
    budget_s=150,
)
RUNNING = CampaignView(
    ID,
    "zoo",
    CampaignState.RUNNING,
    NOW_NS,
    jobs=(CampaignJob(0, "bench", "digits", Workload(), "leased", 3, 1, "job-1"),),
    devices=(CampaignDevice("bench", 1, 0, 3, 1, 86.0, "digits batch 8: fp16 pair"),),
)
LOST = CellChange("lost", "digits", "fp16", Workload(), "bench", "onnxruntime", reason="it crashed")
ENDED = replace(
    RUNNING,
    state=CampaignState.FINISHED,
    ended_unix_ns=NOW_NS + 10**9,
    jobs=(CampaignJob(0, "bench", "digits", Workload(), "finished", 3, 3, "job-1"),),
    devices=(CampaignDevice("bench", 1, 1, 3, 3, 0.0),),
    diff=(LOST, replace(LOST, kind="new", reason=None)),
)
SCHEDULE = ScheduleView("zoo", "0 3 * * *", NOW_NS, NOW_NS, NOW_NS, ID)


@dataclass
class FakeClient:
    """A coordinator whose campaigns end when they are looked at for the second time."""

    answers: list[CampaignView | Exception] = field(default_factory=lambda: [RUNNING, ENDED])
    orders: list[RefreshOrder] = field(default_factory=list)
    calls: list[tuple[str, ...]] = field(default_factory=list)

    def find_missing(self, digests: Sequence[Digest]) -> tuple[Digest, ...]:
        return ()

    def plan_refresh(self, order: RefreshOrder) -> RefreshPlan:
        self.orders.append(order)
        return PLAN

    def start_campaign(self, order: RefreshOrder, key: str) -> Started:
        self.orders.append(order)
        self.calls.append(("start", key))
        return Started(RUNNING, PLAN, created=not key)

    def campaign(self, campaign_id: str) -> CampaignView:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def campaigns(self, limit: int) -> tuple[CampaignView, ...]:
        return (RUNNING, ENDED)[:limit]

    def schedules(self) -> tuple[ScheduleView, ...]:
        return (SCHEDULE,)

    def set_schedule(self, name: str, cron: str, order: RefreshOrder) -> ScheduleView:
        self.orders.append(order)
        self.calls.append(("schedule", name, cron))
        return SCHEDULE

    def remove_schedule(self, name: str) -> ScheduleView:
        return SCHEDULE

    def pause_campaign(self, campaign_id: str) -> CampaignView:
        self.calls.append(("pause", campaign_id))
        return replace(RUNNING, state=CampaignState.PAUSED)

    def resume_campaign(self, campaign_id: str) -> CampaignView:
        self.calls.append(("resume", campaign_id))
        return RUNNING

    def cancel_campaign(self, campaign_id: str) -> CampaignView:
        self.calls.append(("cancel", campaign_id))
        return replace(ENDED, state=CampaignState.CANCELLED, reason="cancelled")


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    fake = FakeClient()
    monkeypatch.setattr(common, "_connected", lambda _: contextlib.nullcontext(fake))
    monkeypatch.setattr(refresh, "POLL_S", 0.0)
    return fake


def test_a_dry_run_says_what_why_and_how_long(client: FakeClient, bitgauge: Bitgauge) -> None:
    said = bitgauge("refresh", "zoo", "--dry-run", "--budget", "2.5min").out
    for words in (
        "bench: digits, batch 8, 1 thread, onnxruntime, 3 min",
        "int8-dynamic: stale (onnxruntime 1.22 -> 1.23)",
        "not within the budget of 3 min:",
        "digits fp16, batch 8, 1 thread on bench: never run, 90 s",
        "rpi5 is left out: it is unreachable",
        "1 cell in 1 job, about 3 min of device time; 4 fresh, 1 cut by the budget",
    ):
        assert words in said
    assert client.orders[0].budget_s == 150
    assert client.calls == []
    assert json.loads(bitgauge("refresh", "zoo", "--dry-run", "--json").out)["fresh"] == 4


def test_a_refresh_is_followed_and_its_files_are_whole(
    client: FakeClient, bitgauge: Bitgauge, tmp_path: Path
) -> None:
    client.answers.insert(1, Unavailable(Code.UNREACHABLE, "It restarts."))
    junit, markdown = tmp_path / "out.xml", tmp_path / "out.md"
    junit.write_text("an older one")
    files = ["--junit", str(junit), "--markdown", str(markdown)]
    said = bitgauge("refresh", "zoo", *files, code=1)
    assert "bench: 0 of 1 jobs, 1 of 3 entries, about 86 s left; digits batch 8" in said.err
    assert "lost        digits fp16, batch 1, 1 thread on bench (onnxruntime)" in said.out
    assert "it crashed" in said.out
    assert "1 lost, 1 new" in said.out
    suite = ElementTree.fromstring(junit.read_text())[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert markdown.read_text().count("\n| ") == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.md", "out.xml"]


def test_fail_on_decides_the_exit_code(client: FakeClient, bitgauge: Bitgauge) -> None:
    bitgauge("refresh", "--stale", "--fail-on", "regressed")
    assert client.orders[0] == RefreshOrder(stale_only=True)
    bitgauge("refresh", "--stale", "--fail-on", "none")
    bitgauge("refresh", "--stale", "--fail-on", "new", code=1)
    refusal = bitgauge("refresh", "--stale", "--fail-on", "regresed", code=2).err
    assert "did you mean regressed" in refusal


def test_no_wait_prints_the_id_alone(client: FakeClient, bitgauge: Bitgauge) -> None:
    said = bitgauge("refresh", "zoo", "--no-wait", "--idempotency-key", "k")
    assert said.out == f"{ID}\n"
    assert f"campaign {ID} (known by its idempotency key)" in said.err
    assert client.calls == [("start", "k")]


def test_only_and_schedule_arrive(client: FakeClient, bitgauge: Bitgauge) -> None:
    cron = ["--schedule", "0 3 * * *", "--only", "model=digits-mlp", "--only", "recipe=fp16"]
    bitgauge("refresh", "zoo", *cron)
    assert client.calls == [("schedule", "zoo", "0 3 * * *")]
    client.calls.clear()
    named = ["--schedule", "0 3 * * *", "--schedule-name", "mine"]
    said = bitgauge("refresh", "zoo", *named).out
    assert client.calls == [("schedule", "mine", "0 3 * * *")]
    assert [(one.name, one.value) for one in client.orders[0].only] == [
        ("model", "digits-mlp"),
        ("recipe", "fp16"),
    ]
    assert "zoo: 0 3 * * * (UTC), next 2026-11-18" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["refresh"], "Name a suite, such as zoo, or give --stale"),
        (["refresh", "zo"], "did you mean zoo"),
        (["refresh", "zoo", "--only", "modl=x"], "did you mean model"),
        (["refresh", "zoo", "--budget", "30"], "'30' is not a time with its unit"),
        (["refresh", "zoo", "--dry-run", "--schedule", "* * * * *"], "not both"),
        (["refresh", "zoo", "--markdown", "/nowhere/x.md"], "/nowhere/x.md cannot be written"),
    ],
)
def test_a_mistake_is_one_sentence(
    client: FakeClient, bitgauge: Bitgauge, arguments: list[str], words: str
) -> None:
    said = bitgauge(*arguments, code=2).err.splitlines()[-1]
    assert said.startswith("error: ")
    assert words in said


def test_a_file_that_cannot_be_written_is_said_before_anything_is_measured(
    client: FakeClient, bitgauge: Bitgauge
) -> None:
    bitgauge("refresh", "zoo", "--junit", "/nowhere/x.xml", code=2)
    assert client.orders == []


def test_ctrl_c_says_that_it_goes_on(
    client: FakeClient, bitgauge: Bitgauge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: str) -> CampaignView:
        raise KeyboardInterrupt

    monkeypatch.setattr(client, "campaign", interrupted)
    assert f"bitgauge campaign cancel {ID}" in bitgauge("refresh", "zoo", code=130).err


def test_a_coordinator_that_stays_away_is_given_up(
    client: FakeClient, bitgauge: Bitgauge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh, "PATIENCE_S", 0.0)
    client.answers = [Unavailable(Code.UNREACHABLE, "Nobody answers at x.")]
    assert "Nobody answers at x." in bitgauge("refresh", "zoo", code=1).err


def test_campaigns_and_schedules_are_listed_and_steered(
    client: FakeClient, bitgauge: Bitgauge
) -> None:
    assert "3f0c91d2  running   2026-11-18" in bitgauge("campaigns").out
    client.answers = [ENDED]
    assert "1 lost, 1 new" in bitgauge("campaigns", "3f0c").out
    for word in ("pause", "resume", "cancel"):
        said = bitgauge("campaign", word, "3f0c").out
        assert (word, "3f0c") in client.calls
    assert "cancelled, cancelled" in said
    assert "as campaign 3f0c91d2" in bitgauge("schedules").out
    assert "no longer scheduled: zoo" in bitgauge("schedule", "remove", "zoo").out
