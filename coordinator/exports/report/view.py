"""What a report shows of a run, as plain values and finished plots."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from bitgauge.benchmarks.raw.absolute import absolute_samples
from bitgauge.benchmarks.raw.memory import memory_samples
from bitgauge.benchmarks.raw.pair import apart_samples, pair_samples
from bitgauge.benchmarks.raw.quality import quality_samples
from bitgauge.benchmarks.raw.throughput import sweep_samples
from bitgauge.benchmarks.record.build import build
from bitgauge.benchmarks.record.record import GROUP_NAMES, Record, WorkloadGroup
from bitgauge.benchmarks.record.sources import Sources
from bitgauge.benchmarks.samples import ApartSamples, Ints
from bitgauge.benchmarks.vocabulary import shown as text
from bitgauge.benchmarks.vocabulary.decoder_metrics import said_of
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.kernel_modes import MEANING
from bitgauge.benchmarks.vocabulary.metric import Decides, Group
from bitgauge.benchmarks.vocabulary.metrics import METRICS, keys, placed, published
from bitgauge.benchmarks.vocabulary.reasons import APART, FLAGS, INSUFFICIENT_SAMPLES, REASONS
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from . import plots, series
from .findings import FindingsView, findings_view
from .ledger import LedgerView, ledger_view

_CARDS = placed(lambda metric: metric.card_place)
_PERCENTILES = keys(lambda metric: metric.quantile and metric.decides is not Decides.NOTHING)
_SWEEP_ENDS = {
    "gain": "a larger batch gained less than 3 %",
    "memory": "a larger batch would not have fitted in memory",
    "fixed_batch": "the artifact takes no other batch",
    "refused": "the runtime refused a larger batch",
    "too_slow": "a larger batch would have been too slow",
    "max_batch": "at the largest batch that is tried",
}
WORST_SAMPLES = 20
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot, what it shows in words, and why there is none when it is empty."""

    svg: str
    caption: str
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """All that the page shows."""

    record: Record
    title: str
    subtitle: str
    facts: tuple[tuple[str, str], ...]
    sentences: tuple[str, ...]
    cards: tuple[tuple[str, MetricValue], ...]
    flags: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]
    groups: tuple[tuple[str, tuple[MetricValue, ...]], ...]
    latency: Plot
    quads: Plot
    warm: Plot
    conditions: Plot
    memory: Plot
    throughput: Plot | None
    prompts: Plot | None
    findings: FindingsView
    ledger: LedgerView
    samples: tuple[tuple[str, ...], ...]
    sample_words: str
    nulls: tuple[tuple[str, str, str], ...]


def _cards(sources: Sources) -> tuple[str, ...]:
    """The metrics at the top: those that the scenario and the device can tell."""
    told = published(sources.job.workload.scenario, on_card=sources.on_card)
    scenario = sources.job.workload.scenario
    return tuple(key for key in _CARDS if key in told and said_of(METRICS[key], scenario))


def view_of(sources: Sources) -> View:
    """Everything of one run that a reader may want, in the order of the page."""
    record, run, job = build(sources), sources.run, sources.job
    flags = sorted({flag for metric in run.metrics for flag in metric.flags})
    samples, words = _worst_samples(sources)
    return View(
        record=record,
        title=job.model_name,
        subtitle=run.recipe,
        facts=_facts(record),
        sentences=_sentences(sources),
        cards=tuple((METRICS[key].card, sources.metric(key)) for key in _cards(sources)),
        flags=tuple((flag, text.flag(flag)) for flag in flags),
        problems=tuple(
            f"{one.ref.pass_name.value}, {one.ref.role.value}, launch {one.ref.launch + 1}:"
            f" {one.sentence}"
            for one in sources.raw_files.files
            if one.problem
        ),
        groups=tuple(
            (group, metrics) for group in GROUP_NAMES if (metrics := sources.group(group))
        ),
        latency=_latency(sources),
        quads=_quads(sources),
        warm=_warm(sources),
        conditions=_conditions(sources),
        memory=_memory(sources),
        throughput=_throughput(sources),
        prompts=_prompts(sources),
        findings=findings_view(sources),
        ledger=ledger_view(sources),
        samples=samples,
        sample_words=words,
        nulls=_nulls(record),
    )


def value_words(metric: MetricValue) -> str:
    """A metric's value; where a table rounds to what is compared, here what was measured."""
    known = METRICS[metric.key]
    measured = known.unit == "1" and known.group is Group.NUMERICS and not known.must_be_zero
    return text.number(metric.value) if measured and metric.value else text.plain(metric)


def null_words(metric: MetricValue) -> str:
    """Why a metric has no value; nothing when it has one."""
    return text.reason(metric) if metric.value is None else ""


def meaning(metric: MetricValue) -> str:
    """What the number is."""
    return METRICS[metric.key].meaning


def _facts(record: Record) -> tuple[tuple[str, str], ...]:
    identity, workload = record.identity, record.workload
    device = (
        *(identity.device_name, identity.soc),
        *(identity.hardware_class, identity.realness),
    )
    runtime = f"{identity.runtime.value or '?'} {identity.runtime_version.value or ''}"
    mode = identity.kernel_mode.value
    kernels = f"{mode}: {MEANING.get(mode, '')}" if mode else _why(identity.kernel_mode.reason)
    started = (record.provenance.started_unix_ns.value or 0) / 1e9
    return (
        ("model class", identity.model_class.value or text.DASH),
        ("device", ", ".join(one.value for one in device if one.value)),
        ("runtime", f"{runtime}, {identity.execution_provider.value or text.DASH}"),
        ("integer kernels", kernels.rstrip(": ")),
        (
            "workload",
            f"{workload.scenario.value}, {_call(workload)}, threads {workload.threads.value}",
        ),
        ("profile", identity.profile.value or text.DASH),
        ("measured", time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(started))),
    )


def _call(workload: WorkloadGroup) -> str:
    prompt, generated = workload.prompt_tokens.value, workload.generated_tokens.value
    if prompt is None:
        return f"batch {workload.batch.value}"
    return f"prompt {prompt} tokens, {generated} generated"


def _sentences(sources: Sources) -> tuple[str, ...]:
    if sources.run.failure:
        return (f"The run failed: {sources.run.failure.message} {sources.run.failure.advice}",)
    if sources.is_baseline:
        return ("This is the baseline itself, so there is nothing to compare it with.",)
    ratio, delta = sources.metric("latency_ratio"), sources.quality
    latency = text.speed_words(ratio)
    found = [
        f"Latency: {latency}" + (f" ({ratio.verdict})." if ratio.verdict else "."),
        f"Size: {text.size_words(sources.metric('size_ratio'))} than the baseline."
        if sources.metric("size_ratio").value
        else f"Size: {text.size_words(sources.metric('size_ratio'))}.",
        text.quality_words(delta).capitalize()
        + (f" ({delta.verdict} at the margin)." if delta.verdict else "."),
    ]
    if sources.job.suspect:
        found.append(f"Suspect: {sources.job.suspect}.")
    return tuple(found)


def _why(reason: str | None) -> str:
    return REASONS.get(reason or "", (reason or "").replace("_", " "))


def _absent(sources: Sources, pass_name: PassName, key: str) -> str:
    reason = sources.raw_files.why_none(pass_name, sources.metric(key).reason or "pass_missing")
    return f"Not shown: {_why(reason)}."


def _drawn(data: T | None, draw: Callable[[T], str], caption: str, absent: str) -> Plot:
    return Plot("", "", absent) if data is None else Plot(draw(data), caption)


def _latency(sources: Sources) -> Plot:
    absolute = sources.raw_files.parsed(PassName.ABSOLUTE, RawRole.CANDIDATE, absolute_samples)
    launches = [one for one, _ in absolute]
    marks = [(f"p{100 * METRICS[key].quantile:.0f}", sources.metric(key)) for key in _PERCENTILES]
    data = series.latency_histogram(launches, marks)
    missing = "".join(f" No {n}: {text.reason(m)}." for n, m in marks if m.value is None)
    count = sum(one.latency_ns.size for one in launches)
    caption = (
        f"{count:,} latencies of {len(launches)} fresh processes; slow calls are counted, none"
        f" is dropped.{missing}"
    )
    absent = _absent(sources, PassName.ABSOLUTE, "latency_p50_ns")
    return _drawn(data, plots.histogram, caption, absent)


def _quads(sources: Sources) -> Plot:
    launches = sources.raw_files.parsed(PassName.PAIR, RawRole.BOTH, pair_samples)
    ratio = sources.metric("latency_ratio")
    data = series.quad_plot(launches, ratio)
    method = next((item.value for item in ratio.detail if item.name == "method"), "")
    line = (
        f"There is no line: {text.reason(ratio)}"
        if ratio.value is None
        else f"The line is {text.plain(ratio)} with its 95 % interval {text.interval(ratio)}"
        f" (method {method or text.DASH})"
    )
    caption = (
        "Each point is one quad of four short blocks, in the order ABBA or BAAB."
        f" {line}; vertical lines part a launch into its stretches."
    )
    absent = _absent(sources, PassName.PAIR, "latency_ratio")
    if _apart(sources):
        absent = f"Not shown: {FLAGS[APART]}."
    return _drawn(data, plots.quads, caption, absent)


def _apart(sources: Sources) -> list[tuple[str, ApartSamples]]:
    """Launches of one artifact that took turns, in their order, and whose each was."""
    sides = (RawRole.BASELINE, RawRole.CANDIDATE)
    found = [
        (side.value, one)
        for side in sides
        for one in sources.raw_files.parsed(PassName.PAIR, side, apart_samples)
    ]
    return sorted(found, key=lambda of: (of[1].quad, of[1].place))


def _warm(sources: Sources) -> Plot:
    absolute = sources.raw_files.parsed(PassName.ABSOLUTE, RawRole.CANDIDATE, absolute_samples)
    pair = sources.raw_files.parsed(PassName.PAIR, RawRole.BOTH, pair_samples)
    lines = series.warm_lines(
        [(f"absolute {at}", one.warm) for at, (one, _) in enumerate(absolute, 1)], ("",)
    )
    lines += series.warm_lines(
        [(f"pair {at}", one.warm) for at, one in enumerate(pair, 1)], ("baseline", "candidate")
    )
    turns = _apart(sources)
    for at, (side, one) in enumerate(turns, 1):
        lines += series.warm_lines([(f"pair {at}", one.warm)], (side,))
    absent = _absent(sources, PassName.ABSOLUTE, "latency_p50_ns")
    lines = [line for line in lines if line.values.size]
    if not lines:
        return Plot("", "", absent)
    unit, scale = series.unit_of(float(np.median(np.concatenate([one.values for one in lines]))))
    scaled = [series.WarmLine(one.label, one.values / scale) for one in lines]
    steady = [one.warm.steady for one, _ in absolute] + [one.warm.steady for one in pair]
    steady += [one.warm.steady for _, one in turns]
    caption = f"{sum(steady)} of {len(steady)} launches ended on the test of steadiness."
    return Plot(plots.warm_up(scaled, unit), caption)


def _conditions(sources: Sources) -> Plot:
    absolute = sources.raw_files.parsed(PassName.ABSOLUTE, RawRole.CANDIDATE, absolute_samples)
    pair = sources.raw_files.parsed(PassName.PAIR, RawRole.BOTH, pair_samples)
    launches = [series.timed_absolute(f"A{at}", one) for at, (one, _) in enumerate(absolute, 1)]
    launches += [series.timed_pair(f"P{at}", one) for at, one in enumerate(pair, 1)]
    turns = enumerate(_apart(sources), 1)
    launches += [series.timed_apart(f"P{at}", one) for at, (_, one) in turns]
    data = series.condition_rows(launches)
    unread = ", ".join(data.unread) if data else ""
    caption = "A: absolute launches, P: pair launches; the rows share one time." + (
        f" The device does not tell: {unread}." if unread else ""
    )
    absent = _absent(sources, PassName.ABSOLUTE, "latency_p50_ns")
    return _drawn(data, plots.conditions, caption, absent)


def _memory(sources: Sources) -> Plot:
    roles = [
        (role.value, sources.raw_files.parsed(PassName.MEMORY, role, memory_samples))
        for role in (RawRole.CANDIDATE, RawRole.BASELINE, RawRole.FLOOR)
    ]
    data = series.checkpoint_bars(roles)
    caption = (
        "High-water mark of each phase, reset before it; floor is an empty model in the same"
        " runtime."
    )
    absent = _absent(sources, PassName.MEMORY, "peak_memory_bytes")
    return _drawn(data, plots.checkpoints, caption, absent)


def _throughput(sources: Sources) -> Plot | None:
    found = sources.raw_files.parsed(PassName.THROUGHPUT, RawRole.CANDIDATE, sweep_samples)
    if not found:
        return None
    one = found[0]
    batches = np.unique(one.batch)
    rates = []
    for batch in batches:
        chosen = one.batch == batch
        rates.append(float(batch * one.calls[chosen].sum() / (one.elapsed_ns[chosen].sum() / 1e9)))
    caption = f"The sweep ended: {_SWEEP_ENDS.get(one.stopped, one.stopped.replace('_', ' '))}."
    return Plot(plots.throughput(batches.astype(np.float64), np.array(rates)), caption)


def _prompts(sources: Sources) -> Plot | None:
    """Of a decoder alone: how long prompts of each length take."""
    if not sources.job.workload.is_llm:
        return None
    prefill = sources.metric("prefill_tokens_per_s")
    curve = series.prompt_curve(prefill)
    caption = (
        "Medians of requests of every launch, from one token to a full context; the longest are"
        " left out where they would take too long."
    )
    absent = f"Not shown: {_why(prefill.reason or INSUFFICIENT_SAMPLES)}."
    return _drawn(curve, plots.prompts, caption, absent)


def _worst_samples(sources: Sources) -> tuple[tuple[tuple[str, ...], ...], str]:
    """Samples that changed class or came furthest from the baseline, worst first."""
    found = sources.raw_files.parsed(PassName.QUALITY, RawRole.BOTH, quality_samples)
    if not found:
        return (), _absent(sources, PassName.QUALITY, "accuracy_delta_pp")
    one = found[0]
    if one.cand_top1 is None or one.kl is None:
        return (), "The run is the baseline's own: nothing to compare."
    changed = one.cand_top1 != one.ref_top1
    order = np.lexsort((-np.nan_to_num(one.kl, nan=np.inf), ~changed))[:WORST_SAMPLES]
    rows = tuple(
        (
            str(one.ids[at]),
            text.DASH if one.labels is None else str(one.labels[at]),
            str(one.ref_top1[at]),
            str(one.cand_top1[at]),
            _judged(one.labels, one.ref_top1, one.cand_top1, int(at)),
            f"{one.kl[at]:.3g}",
        )
        for at in order
    )
    words = (
        f"{int(changed.sum())} of {one.ids.size} samples changed class. The {len(rows)} worst:"
        " changed ones first, then by divergence from the baseline."
    )
    return rows, words


def _judged(labels: Ints | None, before: Ints, after: Ints, at: int) -> str:
    if before[at] == after[at]:
        return "same"
    if labels is None:
        return "changed"
    right = (before[at] == labels[at], after[at] == labels[at])
    return {(True, False): "right to wrong", (False, True): "wrong to right"}.get(
        right, "wrong to another wrong"
    )


def _nulls(record: Record) -> tuple[tuple[str, str, str], ...]:
    """Everything that is null, by group and reason."""
    found = [(g, m.key, m.reason) for g, m in record.metrics() if m.reason]
    found += [(g, name, fact.reason) for g, name, fact in record.facts() if fact.reason]
    merged: dict[tuple[str, str], list[str]] = {}
    for group, name, reason in found:
        merged.setdefault((group, reason), []).append(name)
    order: Sequence[str] = list(Record.__dataclass_fields__)
    return tuple(
        (group, _why(reason), ", ".join(dict.fromkeys(names)))
        for (group, reason), names in sorted(
            merged.items(), key=lambda item: (order.index(item[0][0]), item[0][1])
        )
    )
