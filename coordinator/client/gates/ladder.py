"""A ladder climbed: each rung is built and measured in a job, and judged by a gate.

Whoever climbs holds nothing: each job has an idempotency key made of what is asked and of the
device's stack, and verdicts are kept by the coordinator. Whoever is killed and asks again is told
what was measured, and goes on behind it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bitgauge.benchmarks.ladder.climb import (
    NOT_MEASURED,
    Climbed,
    Tried,
    climbed,
    next_rung,
)
from bitgauge.benchmarks.ladder.returns import Return, returns
from bitgauge.benchmarks.ladder.rungs import Rung
from bitgauge.benchmarks.vocabulary.asked import at_runtime, split_runtime
from bitgauge.benchmarks.vocabulary.enums import Disposition, JobState
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused
from bitgauge.benchmarks.vocabulary.reasons import SATURATING
from bitgauge.benchmarks.vocabulary.recipes import kept_names, parse, with_kept
from bitgauge.benchmarks.vocabulary.values.gates import FAILED, REVIEW, UseCase
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, JobView
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, RunView

from ..sources import subject_of
from .paired import paired_of_runs

if TYPE_CHECKING:
    from ..client import Client

MOST_RETURNS = 3
"""Layers that are returned to float, one after another, before a format is given up."""
_NS = 1_000_000_000
_CANDIDATE = 1
"""Index of a rung's entry; the baseline comes before it."""
_AGAIN = (JobState.FAILED, JobState.CANCELLED)
_MOST_TRIES = 5

Watch = Callable[[str], JobView]


@dataclass(frozen=True, slots=True)
class LadderOrder:
    """What a ladder is climbed for.

    Attributes:
        base: the job of each rung, whose first entry is the baseline itself.
        use_case: what an artifact has to keep.
        objective: key of the ratio that shall become small.
        budget_s: seconds of the device to find the best that passes; None: the first is enough.
        nodes: operators of the baseline that a recipe may leave in float.
        stack: fingerprint of the device's runtime, so that another stack is measured anew.
        keeps_time: whether the device is a real one, whose ratios of time are numbers.
    """

    base: JobSpec
    use_case: UseCase
    objective: str
    budget_s: float | None = None
    nodes: tuple[str, ...] = ()
    stack: str = ""
    keeps_time: bool = True


def climb(
    client: Client,
    asked: LadderOrder,
    rungs: Sequence[Rung],
    watch: Watch,
    told: Callable[[Tried], None] = lambda _: None,
) -> Climbed:
    """Try rungs until one passes, or until the device's time is spent.

    Where a format fails for its accuracy alone, the layer whose return to float takes most noise
    away per microsecond makes a rung of its own, tried next.

    Args:
        client: whose coordinator measures.
        asked: what for.
        rungs: the worthiest first.
        watch: follows a job by its id to its end.
        told: hears of each rung that was tried.

    Raises:
        BitgaugeError: a job cannot be submitted.
    """
    ladder = list(rungs)
    tried: list[Tried] = []
    while not isinstance(step := next_rung(ladder, tried, budget_s=asked.budget_s), str):
        tried.append(_tried(client, asked, step, watch))
        told(tried[-1])
        following = ladder.index(step) + 1
        ladder[following:following] = _returned(client, asked, tried[-1], tried)
    return climbed(ladder, tried, step)


def key_of(asked: LadderOrder, recipe: str, again: int = 0) -> str:
    """The idempotency key of a rung's job: on the same stack it is measured once.

    Limits are no part of it, but for the margins that the job itself has: who asks for another use
    case is answered by the runs that are there.
    """
    told = replace(asked.base, idempotency_key="", entries=asked.base.entries[:1])
    text = repr((told, asked.stack, recipe, again))
    return f"quantize:{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _tried(client: Client, asked: LadderOrder, rung: Rung, watch: Watch) -> Tried:
    view = _measured(client, asked, rung.recipe, watch)
    runs = [one for one in client.runs(view.job_id) if one.disposition is Disposition.ACCEPTED]
    run = next((one for one in runs if one.entry_index == _CANDIDATE and one.metrics), None)
    if run is None:
        return Tried(rung, NOT_MEASURED, _why(view, runs), view.job_id)
    metrics = {one.key: one for one in run.metrics}
    objective = metrics.get(asked.objective, MetricValue(asked.objective))
    saturated = metrics.get("saturated_pct", MetricValue("saturated_pct"))
    found = Tried(
        rung,
        FAILED,
        job_id=view.job_id,
        run_id=run.run_id,
        ratio=objective.value,
        gains=_gains(objective, asked.keeps_time),
        flags=objective.flags,
        seconds=sum(one.ended_unix_ns - one.started_unix_ns for one in runs) / _NS,
        saturating=SATURATING in saturated.flags,
    )
    try:
        verdict = client.judge(run.run_id, asked.use_case)
        accepted = verdict.accepted_run_id
        paired = paired_of_runs(client, accepted, run.run_id) if accepted else None
        verdict = client.keep_verdict(run.run_id, asked.use_case, paired)
    except Refused as error:
        if error.code is not Code.NOT_GATEABLE:
            raise
        return replace(found, outcome=REVIEW, why=error.sentence)
    return replace(found, outcome=verdict.outcome, verdict=verdict)


def _measured(client: Client, asked: LadderOrder, recipe: str, watch: Watch) -> JobView:
    """The job of a rung when it has ended; one that failed is asked for once more each time."""
    name, runtime = split_runtime(recipe)
    entry = Entry(name, runtime=runtime)
    spec = replace(asked.base, entries=(*asked.base.entries[:1], entry))
    for again in range(_MOST_TRIES):
        key = key_of(asked, recipe, again)
        submitted = client.submit(replace(spec, idempotency_key=key))
        view = watch(submitted.job_id)
        if submitted.created or view.state not in _AGAIN:
            break
    return view


def _gains(metric: MetricValue, keeps_time: bool) -> bool:
    """Whether all of its interval is below 1; of an emulated device, which cannot tell, it may."""
    if metric.value is None:
        return not keeps_time
    if metric.verdict:
        return metric.verdict == "FASTER"
    return (metric.value if metric.high is None else metric.high) < 1


def _why(view: JobView, runs: Sequence[RunView]) -> str:
    entry = next((one for one in view.entries if one.index == _CANDIDATE), None)
    if entry is not None and entry.reason:
        return entry.reason
    failed = [one.failure.message for one in runs if one.failure is not None]
    return failed[-1] if failed else view.reason or f"its job is {view.state.value}"


def _returned(
    client: Client, asked: LadderOrder, one: Tried, tried: Sequence[Tried]
) -> Iterator[Rung]:
    """The rung with one more layer in float, of one that lost accuracy and nothing else."""
    if one.outcome != FAILED or one.saturating or not asked.nodes or not _lost(one):
        return
    name, runtime = split_runtime(one.rung.recipe)
    recipe = parse(name)
    kept = kept_names(recipe)
    if recipe.scheme is None or len(kept) >= MOST_RETURNS:
        return
    layer = _layer(client, one, asked.nodes, kept)
    if layer is None:
        return
    again = at_runtime(str(with_kept(recipe, (*kept, layer.node))), runtime)
    if any(other.rung.recipe == again for other in tried):
        return
    cost = "" if layer.cost_us is None else f" for {max(0.0, layer.cost_us):.3g} us a call"
    why = f"{layer.node} returns to float: most noise{cost}"
    yield replace(one.rung, recipe=again, why=why, of=one.rung.recipe)


def _lost(one: Tried) -> bool:
    """Whether quality is all that stops it."""
    keys = {each.rule for each in one.distances}
    return bool(keys) and all("accuracy" in key or "perplexity" in key for key in keys)


def _layer(client: Client, one: Tried, nodes: Sequence[str], kept: Iterable[str]) -> Return | None:
    try:
        subject = subject_of(client, client.run(one.run_id))
    except BitgaugeError:
        return None  # its raw files are gone; the ladder goes on without
    if subject.ledger is None:
        return None
    found = returns(subject.ledger, nodes, subject.profile, subject.baseline_profile)
    gone = {*kept}
    return next((each for each in found if each.node not in gone), None)
