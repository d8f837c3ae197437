"""From a stored run, its job, its device and its raw files to one record. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..quality.accuracy import flips as flips_of
from ..raw.files import FoundFile, RawFiles
from ..raw.given import given_of
from ..raw.memory import memory_samples
from ..raw.origin import raw_origin
from ..raw.perplexity import perplexity_samples
from ..raw.quality import judged_of, quality_samples
from ..vocabulary.enums import PassName, RawRole, RunStatus
from ..vocabulary.kernel_modes import probe_map_of
from ..vocabulary.reasons import (
    BASELINE_ITSELF,
    NO_CERTIFICATE,
    NO_RAW_DATA,
    NOT_APPLICABLE,
    NOT_MEASURED,
    NOT_OVERRIDDEN,
    NOT_PROBED,
    NOT_READABLE,
    NOT_RECORDED,
    UNSOUND,
)
from ..vocabulary.recipes import is_calibrated
from ..vocabulary.values.devices import StackItem
from ..vocabulary.values.jobs import EntryView, Overrides, Workload
from .environment import environment
from .facts import Details, Fact, count_fact, first_text, number_fact, text_fact
from .numerics import numerics
from .record import (
    SCHEMA,
    ComparisonGroup,
    Energy,
    Identity,
    Latency,
    Memory,
    Provenance,
    Quality,
    RawEntry,
    Record,
    WorkloadGroup,
)
from .sources import QUADS_FIRST, Sources


def build(sources: Sources) -> Record:
    """The record of one run: what is not known is null with the reason."""
    return Record(
        schema=SCHEMA,
        identity=_identity(sources),
        workload=_workload(sources),
        environment=environment(sources),
        latency=_latency(sources),
        comparison=_comparison(sources),
        memory=_memory(sources),
        energy=_energy(sources),
        numerics=numerics(sources),
        quality=_quality(sources),
        provenance=_provenance(sources),
    )


def _identity(sources: Sources) -> Identity:
    run, job, entry = sources.run, sources.job, sources.entry
    stack = {item.name: item.value for item in run.stack}
    described = sources.device.description if sources.device else None
    baseline = job.entries[0].artifact
    runtime = stack.get("runtime")
    saturated = sources.metric("saturated_pct")
    coverage = sources.metric("int_coverage")
    return Identity(
        metrics=sources.group("identity"),
        record_id=Fact(run.run_id),
        profile=Fact(job.profile.value),
        model_name=text_fact(job.model_name, NOT_RECORDED),
        model_class=text_fact(job.model_class.value if job.model_class else "", NOT_RECORDED),
        model_sha256=text_fact(baseline.sha256 if baseline else "", NOT_RECORDED),
        format=Fact(run.recipe),
        artifact_sha256=text_fact(entry.artifact.sha256 if entry.artifact else "", NOT_RECORDED),
        kernel_mode=Details(saturated, saturated.reason or _why_no_mode(run.stack)).text(
            "kernel_mode"
        ),
        int_coverage=number_fact(coverage.value, coverage.reason or NOT_MEASURED),
        fingerprint=text_fact(run.fingerprint, NOT_RECORDED),
        runtime=text_fact(runtime, NOT_RECORDED),
        runtime_version=text_fact(stack.get(f"runtime.{runtime}"), NOT_RECORDED),
        execution_provider=text_fact(stack.get("runtime.providers"), NOT_RECORDED),
        session_options=sources.given("session_options"),
        versions=run.stack,
        device_id=Fact(run.device_id),
        device_name=text_fact(run.device_name, NOT_RECORDED),
        hardware_class=text_fact(described.hardware_class.value if described else "", NOT_RECORDED),
        realness=text_fact(described.realness.value if described else "", NOT_RECORDED),
        soc=text_fact(described.processor_model if described else "", NOT_READABLE),
        driver=first_text(stack, ("driver", "nvidia.driver"), NOT_APPLICABLE),
        firmware=first_text(stack, ("firmware", "microcode", "bios"), NOT_READABLE),
        power_mode=first_text(stack, ("power_mode", "governor"), NOT_READABLE),
        lease_id=Fact(f"{run.job_id}/{run.epoch}"),
        agent_version=text_fact(
            stack.get("bitgauge") or (sources.device.agent_version if sources.device else ""),
            NOT_RECORDED,
        ),
        original_sha256=text_fact(job.original.sha256 if job.original else "", NOT_APPLICABLE),
        order=text_fact("; ".join(job.order), NOT_APPLICABLE),
        sources=text_fact(
            "; ".join(f"{one.artifact.sha256} {one.kind}: {one.agreement}" for one in job.sources),
            NOT_APPLICABLE,
        ),
        label=text_fact(run.label, NOT_APPLICABLE),
    )


def _why_no_mode(stack: Sequence[StackItem]) -> str:
    """Why integer operators that ran have no kernel mode."""
    return NOT_PROBED if stack and not probe_map_of(stack) else NOT_RECORDED


def _overrides(sources: Sources) -> Overrides | None:
    """What was overridden, as the run's raw files say; None when none can be read."""
    raws = (one.raw for one in sources.raw_files.files if one.raw is not None)
    return next((raw_origin(raw).overrides for raw in raws), None)


def _workload(sources: Sources) -> WorkloadGroup:
    job = sources.job
    given = _overrides(sources)
    why = NOT_OVERRIDDEN if given is not None else NO_RAW_DATA
    affinity = next(iter(_preflights(sources.raw_files, "cpuset")), "")
    return WorkloadGroup(
        metrics=(),
        scenario=Fact(job.workload.scenario.value),
        batch=Fact(job.workload.batch),
        threads=Fact(job.workload.threads),
        prompt_tokens=_tokens(job.workload, job.workload.prompt_tokens),
        generated_tokens=_tokens(job.workload, job.workload.generated_tokens),
        shapes=sources.given("inputs"),
        affinity=text_fact(affinity, NOT_READABLE),
        input_set_sha256=sources.given("evaluation_sha256"),
        calibration_sha256=_calibration(sources.entry),
        cache_policy=_cache_policy(sources.raw_files),
        seed=sources.given("seed", QUADS_FIRST),
        override_warmup_ms=count_fact(given.warmup_ms if given else None, why),
        override_launches=count_fact(given.launches if given else None, why),
        override_budget_ms=count_fact(given.budget_ms if given else None, why),
    )


def _calibration(entry: EntryView) -> Fact[str]:
    why = NOT_RECORDED if is_calibrated(entry.recipe) else NOT_APPLICABLE
    return text_fact(entry.calibration.sha256 if entry.calibration else "", why)


def _cache_policy(raw_files: RawFiles) -> Fact[str]:
    told = [one.raw.meta.get("cache") for one in raw_files.files if one.raw is not None]
    found = next((text for text in told if isinstance(text, str)), "")
    return text_fact(found, NOT_RECORDED if told else NO_RAW_DATA)


def _preflights(raw_files: RawFiles, name: str) -> list[str]:
    found = []
    for one in raw_files.files:
        preflight = one.raw.meta.get("preflight") if one.raw is not None else None
        if isinstance(preflight, dict) and preflight.get(name) is not None:
            found.append(str(preflight[name]))
    return found


def _latency(sources: Sources) -> Latency:
    median, launches = sources.metric("latency_p50_ns"), sources.absolute()
    why = sources.raw_files.why_none(PassName.ABSOLUTE, median.reason or NO_RAW_DATA)
    values = [float(value) for one in launches for value in one.latency_ns]
    middle = _median(values)
    said = Details(median, why)
    discarded = said.count("discarded")
    return Latency(
        metrics=sources.group("latency"),
        clock_kind=text_fact("monotonic clock around the blocking call" if launches else "", why),
        launches=count_fact(len(launches) or None, why),
        n=count_fact(median.n, why),
        n_eff=said.number("n_eff"),
        tau=said.number("tau"),
        mean_ns=number_fact(math.fsum(values) / len(values) if values else None, why),
        mad_ns=number_fact(
            None if middle is None else _median([abs(value - middle) for value in values]), why
        ),
        outliers_mild=said.count("outliers_mild"),
        outliers_severe=said.count("outliers_severe"),
        discarded_blocks=Fact(0) if median.n and discarded.value is None else discarded,
        discarded_causes=Details(median, NOT_APPLICABLE if median.n else why).text(
            "discarded_causes"
        ),
        steady_state=Fact(all(one.warm.steady for one in launches))
        if launches
        else Fact(reason=why),
        raw_sha256=sources.digests(PassName.ABSOLUTE, why),
    )


def _median(values: Sequence[float]) -> float | None:
    if not values:
        return None
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _comparison(sources: Sources) -> ComparisonGroup:
    ratio = sources.metric("latency_ratio")
    absent = BASELINE_ITSELF if sources.is_baseline else ratio.reason or NO_RAW_DATA
    why = sources.raw_files.why_none(PassName.PAIR, absent)
    baseline = sources.job.entries[0].artifact
    logs = [
        math.log(value) if value is not None and value > 0 else None
        for value in (ratio.value, ratio.low, ratio.high)
    ]
    said = Details(ratio, why)
    return ComparisonGroup(
        metrics=sources.group("comparison"),
        baseline_sha256=text_fact(
            baseline.sha256 if baseline and not sources.is_baseline else "", absent
        ),
        launches=said.count("launches"),
        quads=said.count("quads"),
        hl_log_ratio=number_fact(logs[0], why),
        hl_low_log_ratio=number_fact(logs[1], why),
        hl_high_log_ratio=number_fact(logs[2], why),
        difference=text_fact(ratio.difference, why),
        verdict=text_fact(ratio.verdict, why),
        margin_ratio=said.number("margin"),
        method=said.text("method"),
        between_launch_variance=said.number("between_variance"),
        within_launch_variance=said.number("within_variance"),
        aa_certificate_id=text_fact(sources.certificate_id, NO_CERTIFICATE),
        raw_sha256=sources.digests(PassName.PAIR, why),
    )


def _memory(sources: Sources) -> Memory:
    raw_files = sources.raw_files
    launches = raw_files.parsed(PassName.MEMORY, RawRole.CANDIDATE, memory_samples)
    peak = sources.metric("peak_memory_bytes")
    why = raw_files.why_none(PassName.MEMORY, peak.reason or NO_RAW_DATA)
    return Memory(
        metrics=sources.group("memory"),
        launches=count_fact(len(launches) or None, why),
        method=text_fact(" ".join(sorted({one.method for one in launches})), why),
        raw_sha256=sources.digests(PassName.MEMORY, why),
    )


def _energy(sources: Sources) -> Energy:
    energy = sources.metric("energy_mj")
    why = energy.reason or NOT_RECORDED
    return Energy(
        metrics=sources.group("energy"),
        raw_sha256=sources.digests(PassName.ENERGY, why),
        **Details(energy, why).of(Energy),
    )


def _tokens(workload: Workload, count: int) -> Fact[int]:
    return Fact(count) if workload.is_llm else Fact(reason=NOT_APPLICABLE)


def _quality(sources: Sources) -> Quality:
    if sources.job.workload.is_llm:
        return _of_texts(sources)
    delta, raw_files = sources.metric("accuracy_delta_pp"), sources.raw_files
    found = raw_files.parsed(PassName.QUALITY, RawRole.BOTH, quality_samples)
    kl = sources.metric("kl_mean")
    why = raw_files.why_none(PassName.QUALITY, delta.reason or NO_RAW_DATA)
    judged = bool(found) and delta.reason not in UNSOUND
    decided = NOT_APPLICABLE if delta.value is not None else why
    said, divergence = Details(delta, why), Details(kl, kl.reason or why)
    return Quality(
        metrics=sources.group("quality"),
        n=count_fact(int(found[0].ids.size) if found else None, why),
        b=said.count("b"),
        c=said.count("c"),
        margin_pp=said.number("margin_pp"),
        verdict=text_fact(delta.verdict, why),
        flips=count_fact(flips_of(found[0]) if judged else None, why),
        kl_p99_nat=divergence.number("p99"),
        kl_max_nat=divergence.number("max"),
        samples_needed=Details(delta, decided).text("samples_needed"),
        raw_sha256=sources.digests(PassName.QUALITY, why),
        **_judged(raw_files, why),
    )


def _of_texts(sources: Sources) -> Quality:
    """What texts tell of a decoder; there are no classes and no single output to choose."""
    ratio, raw_files = sources.metric("perplexity_ratio"), sources.raw_files
    found = raw_files.parsed(PassName.PERPLEXITY, RawRole.BOTH, perplexity_samples)
    why = raw_files.why_none(PassName.PERPLEXITY, ratio.reason or NO_RAW_DATA)
    kl, none = sources.metric("kl_mean"), NOT_APPLICABLE
    decided = none if ratio.value is not None else why
    divergence = Details(kl, kl.reason or why)
    missing: Fact[str] = Fact(reason=none)
    return Quality(
        metrics=sources.group("quality"),
        n=count_fact(int(found[0].ids.size) if found else None, why),
        b=Fact(reason=none),
        c=Fact(reason=none),
        margin_pp=Fact(reason=none),
        verdict=text_fact(ratio.verdict, why),
        flips=Fact(reason=none),
        kl_p99_nat=divergence.number("p99"),
        kl_max_nat=divergence.number("max"),
        samples_needed=Details(ratio, decided).text("documents_needed"),
        raw_sha256=sources.digests(PassName.PERPLEXITY, why),
        **dict.fromkeys(("output", "head", "output_why", "other_outputs"), missing),
    )


def _judged(raw_files: RawFiles, why: str) -> dict[str, Fact[str]]:
    """Which output was judged and as what, by field of `Quality`."""
    found = raw_files.parsed(PassName.QUALITY, RawRole.BOTH, judged_of)
    judged = found[0] if found else None
    if judged is None:
        missing: Fact[str] = Fact(reason=NOT_RECORDED if found else why)
        return dict.fromkeys(("output", "head", "output_why", "other_outputs"), missing)
    return {
        "output": text_fact(judged.output, judged.reason or why),
        "head": text_fact(judged.head, judged.reason or why),
        "output_why": text_fact(judged.why, judged.reason or why),
        "other_outputs": text_fact("; ".join(judged.others), NOT_APPLICABLE),
    }


def _provenance(sources: Sources) -> Provenance:
    run = sources.run
    failed = run.failure
    starts = [
        int(samples.block_start_ns[0])
        for samples in sources.absolute()
        if samples.block_start_ns.size
    ]
    raws = sorted(
        sources.raw_files.files,
        key=lambda one: (one.ref.pass_name.value, one.ref.role.value, one.ref.launch),
    )
    return Provenance(
        metrics=(),
        kind=Fact("measured") if run.status is RunStatus.MEASURED else Fact(reason=NOT_MEASURED),
        status=Fact(run.status.value),
        disposition=Fact(run.disposition.value),
        failure=text_fact(f"{failed.code}: {failed.message}" if failed else "", NOT_APPLICABLE),
        job_id=Fact(run.job_id),
        epoch=Fact(run.epoch),
        entry_index=Fact(run.entry_index),
        analysis_version=count_fact(run.analysis_version, NOT_MEASURED),
        sandbox=text_fact(run.sandbox, NOT_RECORDED),
        started_unix_ns=Fact(run.started_unix_ns),
        ended_unix_ns=Fact(run.ended_unix_ns),
        started_monotonic_ns=count_fact(min(starts, default=None), NO_RAW_DATA),
        interval_method=sources.details("latency_ratio", NOT_APPLICABLE).text("method"),
        suspect=text_fact(sources.job.suspect, NOT_APPLICABLE),
        recompute_command=Fact(f"bitgauge reanalyse {run.run_id}"),
        raw=tuple(map(_raw_entry, raws)),
    )


def _raw_entry(one: FoundFile) -> RawEntry:
    ref = one.ref
    seed = None if one.raw is None else given_of(one.raw).seed
    why = NOT_RECORDED if one.raw is not None else one.problem
    return RawEntry(
        pass_name=ref.pass_name.value,
        launch=ref.launch,
        role=ref.role.value,
        sha256=ref.digest.sha256,
        size_bytes=ref.digest.size_bytes,
        state=one.state,
        seed=Fact(seed) if seed is not None else Fact(reason=why),
    )
