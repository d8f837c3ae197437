"""From the raw data of a run to its published numbers.

A pure function: the same raw files and facts give the same bits, in whatever order the files
come. It emits every metric of the registry, each with a value or with the reason why not. A
higher `ANALYSIS_VERSION` means that stored runs are to be computed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..raw.container import RawFile
from ..raw.given import given_of
from ..raw.origin import RawOrigin, raw_origin
from ..stats.discards import CAUSES, HEAT
from ..vocabulary.decoder_metrics import said_of
from ..vocabulary.enums import PassName, Profile, RawRole
from ..vocabulary.errors import BadInput, Code
from ..vocabulary.metrics import METRICS, keys, published
from ..vocabulary.profiles import ANALYSIS_VERSION
from ..vocabulary.reasons import (
    BASELINE_ITSELF,
    MADE_INPUTS,
    NO_RAW_DATA,
    NOT_OF_DECODERS,
    UNSOUND,
    WIDENED,
)
from ..vocabulary.values.runs import MetricValue
from .bounds import bounded
from .certificate import trusted
from .device_time import device_times
from .energy import energy
from .facts import Groups, RunFacts, items, null
from .generation import generation
from .harness import floor_p50, harness, throughput
from .latency import cold_start, latency_p50, latency_ratio, percentiles
from .memory import memory
from .numerics import numerics, widened
from .perplexity import perplexity
from .quality import quality
from .sentinel import KEYS as OF_SENTINEL
from .sentinel import sentinel
from .sustained import sustained
from .throughput import best_throughput
from .timed import absolute_launches

__all__ = ["ANALYSIS_VERSION", "RunFacts", "analyse"]

_NEEDS_DEVICE = keys(lambda metric: metric.needs_device)
_COSTS = tuple(key for key in _NEEDS_DEVICE if key not in OF_SENTINEL)
"""What an artifact costs on a device; the sentinel speaks of the device, whatever ran beside it."""
_TIMED = keys(lambda metric: metric.timed or metric.certified)
_RELATIVE = keys(lambda metric: metric.relative)
_ON_DATA = keys(lambda metric: metric.on_data)


def analyse(raws: Sequence[RawFile], facts: RunFacts) -> tuple[MetricValue, ...]:
    """Compute every published number of one run.

    Args:
        raws: raw files of the run, in any order; those of the baseline and of the floor too.
        facts: what the store knows about the run.

    Returns:
        One value per metric that is published in the scenario, in the order of `METRICS`.

    Raises:
        BadInput: code `bad_raw`, when a raw file is damaged, is about another artifact, recipe,
            workload or profile, or repeats a launch.
    """
    groups = _grouped(raws, facts)
    scenario = facts.workload.scenario
    said = {
        key: said_of(METRICS[key], scenario) for key in published(scenario, on_card=facts.on_card)
    }
    found = {key: null(key, NO_RAW_DATA) for key in METRICS}
    found |= {metric.key: metric for metric in _measured(groups, facts)}
    if facts.workload.is_llm:
        told = (*generation(groups, facts), *perplexity(groups, facts))
        found |= {metric.key: metric for metric in told}
    for key in _TIMED if widened(groups, facts) else ():
        if found[key].value is not None:
            found[key] = replace(found[key], flags=(*found[key].flags, WIDENED))
    for key in _RELATIVE if facts.is_baseline else ():
        if found[key].reason not in UNSOUND:
            found[key] = null(key, BASELINE_ITSELF)
    made = any(given_of(raw).made for raw in raws)
    for key in _ON_DATA if made else ():
        found[key] = null(key, MADE_INPUTS)
    for key in () if facts.realness.keeps_time else _NEEDS_DEVICE:
        found[key] = null(key, facts.realness.value)
    for key in _COSTS if facts.why_no_cost else ():
        found[key] = null(key, facts.why_no_cost)
    found |= {key: null(key, NOT_OF_DECODERS) for key, is_said in said.items() if not is_said}
    return tuple(
        trusted(_defined(found[key]), facts.certificate, facts.profile, facts.leased_unix_ns)
        for key in said
    )


def _defined(metric: MetricValue) -> MetricValue:
    """With the version of the definition that this analysis follows."""
    return replace(metric, definition=METRICS[metric.key].definition)


def _measured(groups: Groups, facts: RunFacts) -> tuple[MetricValue, ...]:
    long = facts.profile is Profile.SUSTAINED
    causes = [one for one in CAUSES if not long or one not in HEAT]
    launches = absolute_launches(groups, facts, causes=causes)
    median = bounded(latency_p50(launches, facts), groups, facts)
    return (
        *_size(facts),
        latency_ratio(groups, facts),
        median,
        *percentiles(launches, median.value),
        *device_times(launches, groups, facts, median.value),
        throughput(launches, facts),
        best_throughput(groups, facts),
        sustained(launches, groups, facts),
        harness(groups, facts),
        floor_p50(absolute_launches(groups, facts, RawRole.FLOOR), facts),
        *cold_start(launches, facts),
        *memory(groups, facts),
        *energy(groups, facts),
        *quality(groups, facts),
        *numerics(groups, facts),
        *sentinel(groups),
    )


def _size(facts: RunFacts) -> tuple[MetricValue, MetricValue]:
    size, baseline = facts.candidate_bytes, facts.baseline_bytes
    ratio = MetricValue(
        key="size_ratio", value=size / baseline, n=1, detail=items(baseline_bytes=baseline)
    )
    return MetricValue(key="size_bytes", value=float(size), n=1), ratio


def _grouped(raws: Sequence[RawFile], facts: RunFacts) -> Groups:
    launches: dict[tuple[PassName, RawRole], dict[int, RawFile]] = {}
    for raw in raws:
        origin = raw_origin(raw)
        _check_origin(origin, facts)
        group = launches.setdefault((origin.pass_name, origin.role), {})
        if origin.launch in group:
            raise BadInput(
                Code.BAD_RAW,
                f"Two raw files speak of launch {origin.launch} of pass"
                f" {origin.pass_name.value} ({origin.role.value}).",
            )
        group[origin.launch] = raw
    return {key: [group[launch] for launch in sorted(group)] for key, group in launches.items()}


def _check_owner(origin: RawOrigin, facts: RunFacts) -> None:
    """Refuse raw data that were made for another run or on another device."""
    for what, told, known in (
        ("run", origin.run_id, facts.runs),
        ("device", origin.device_id, (facts.device_id,) if facts.device_id else ()),
    ):
        if known and told not in known and (told or facts.signed):
            whose = f"is of {what} {told}" if told else f"does not say of which {what} it is"
            raise BadInput(
                Code.BAD_RAW,
                f"Raw data of pass {origin.pass_name.value}, launch {origin.launch}, {whose}; the"
                f" device reported it as of {known[0]}.",
            )


def _check_origin(origin: RawOrigin, facts: RunFacts) -> None:
    """Refuse raw data of another run, device, artifact, workload or profile."""
    _check_owner(origin, facts)
    candidate, baseline = facts.candidate.sha256, facts.baseline.sha256
    expected = {
        RawRole.CANDIDATE: ((candidate,),),
        RawRole.BASELINE: ((baseline,),),
        RawRole.BOTH: ((baseline, candidate), (candidate,)),
        RawRole.FLOOR: ((),),
    }[origin.role]
    if origin.role is not RawRole.FLOOR and origin.artifacts not in expected:
        raise BadInput(
            Code.BAD_RAW,
            f"Raw data of pass {origin.pass_name.value} speaks of another artifact.",
        )
    if (
        origin.workload != facts.workload
        or origin.profile is not facts.profile
        or (origin.overrides != facts.overrides)
    ):
        raise BadInput(
            Code.BAD_RAW,
            f"Raw data of pass {origin.pass_name.value} was taken under another workload"
            " or profile.",
        )
