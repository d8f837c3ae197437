"""Gates and the registry as they are asked over the wire: what arrives is what the store says."""

from __future__ import annotations

import pytest
from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.gates import (
    FAILED,
    GateRule,
    GateVerdict,
    PairedAnswers,
    RuleVerdict,
    UseCase,
    VerdictQuery,
)
from bitgauge.benchmarks.vocabulary.values.registry import (
    AliasMove,
    Lineage,
    Registered,
    RegistryQuery,
)
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.decisions.quotas import Quotas
from bitgauge.coordinator.services.gates import GatesService
from bitgauge.coordinator.services.registry import RegistryService
from bitgauge.protos.v1 import lab_pb2 as pb

from tests.coordinator.store.registry.test_verdicts import counted
from tests.labs.coordinator import LATENCY, Lab, open_lab, report_of

SOUND = (LATENCY, counted(10, 10), MetricValue("nonfinite_count", 0.0))
CASE = UseCase(
    "triage",
    (GateRule("max_accuracy_loss_pp", 1.0),),
    classes=(GateRule("3", 2.0),),
    review=("clipping",),
    owner="ann",
    file="gates.toml",
)
TOLD = RuleVerdict("class 3", "accuracy_delta_pp", "passed", 2.0, -0.5, -1.5, 0.5, None, "fine")


async def measured(lab: Lab) -> str:
    lab.runner.metrics = SOUND
    job_id = await lab.submitted()
    lease = await lab.claimed()
    for entry in lease.entries:
        await lab.leases.report(report_of(lease, entry.index))
    job = await lab.until(job_id, lambda job: job.state.value == "finished")
    run_id = job.entries[1].run_id
    assert run_id
    return run_id


async def test_what_is_judged_kept_decided_and_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_lab(monkeypatch) as lab:
        run_id = await measured(lab)
        gates = GatesService(lab.writer)
        asked = {"run_id": run_id, "use_case": to_wire(CASE), "further": [to_wire(TOLD)]}
        told = from_wire(GateVerdict, (await gates.Judge(pb.JudgeRequest(**asked), None)).verdict)
        assert told == await lab.ask(lambda store: store.judge(run_id, CASE, None, (TOLD,)))
        assert (told.outcome, told.position) == ("passed", 0)
        assert TOLD in told.rules
        paired = to_wire(PairedAnswers(1000, 900, 0))
        request = pb.KeepVerdictRequest(**asked, paired=paired)
        kept = from_wire(GateVerdict, (await gates.KeepVerdict(request, None)).verdict)
        assert (kept.outcome, kept.position, kept.who) == ("passed", 1, "coordinator")
        decided = pb.DecideVerdictRequest(run_id=run_id, approved=False, by="Ann", reason="no")
        said = from_wire(GateVerdict, (await gates.DecideVerdict(decided, None)).verdict)
        assert (said.outcome, said.by, said.position) == (FAILED, "Ann", 2)
        query = to_wire(VerdictQuery(run_id=run_id))
        listed = await gates.ListVerdicts(pb.ListVerdictsRequest(query=query), None)
        assert [from_wire(GateVerdict, one) for one in listed.verdicts] == [said, kept]


async def test_who_has_done_enough_within_a_day_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_lab(monkeypatch) as lab:
        run_id = await measured(lab)
        gates = GatesService(lab.writer, Quotas(acts=0))
        request = pb.KeepVerdictRequest(run_id=run_id, use_case=to_wire(CASE))
        with pytest.raises(BitgaugeError) as refused:
            await gates.KeepVerdict(request, None)
        assert refused.value.code is Code.QUOTA
        move = pb.MoveAliasRequest(alias="champion", run_id=run_id, by="Ann", reason="because")
        with pytest.raises(BitgaugeError) as refused:
            await RegistryService(lab.writer, Quotas(acts=0)).MoveAlias(move, None)
        assert refused.value.code is Code.QUOTA


async def test_what_the_registry_answers_is_what_the_store_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_lab(monkeypatch) as lab:
        run_id = await measured(lab)
        registry = RegistryService(lab.writer)
        request = pb.MoveAliasRequest(alias="champion", run_id=run_id, by="Ann", reason="because")
        move = from_wire(AliasMove, (await registry.MoveAlias(request, None)).move)
        assert (move.alias, move.run_id, move.by, move.who) == (
            *("champion", run_id, "Ann"),
            "coordinator",
        )
        listed = await registry.ListAliases(pb.ListAliasesRequest(now=True), None)
        assert [from_wire(AliasMove, one) for one in listed.moves] == [move]
        other = pb.ListAliasesRequest(model_name="another")
        assert not (await registry.ListAliases(other, None)).moves
        word = f"{move.model_name}@champion"
        lineage = await registry.GetLineage(pb.GetLineageRequest(word=word), None)
        known = await lab.ask(lambda store: store.lineage(run_id))
        assert from_wire(Lineage, lineage.lineage) == known
        query = pb.SearchArtifactsRequest(query=to_wire(RegistryQuery()))
        found = await registry.SearchArtifacts(query, None)
        assert known.registered in [from_wire(Registered, one) for one in found.artifacts]
        await registry.NoteUngated(pb.NoteUngatedRequest(run_id=run_id, reason="to look"), None)
        newest = (await lab.ask(lambda store: store.audit(limit=1)))[0]
        assert (newest.what, newest.detail) == ("registry.export_ungated", "to look")
