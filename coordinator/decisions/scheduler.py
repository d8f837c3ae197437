"""Which job a device runs next: pure functions of jobs and devices."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from bitgauge.benchmarks.vocabulary.devices import means
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.session_options import option_problem, options_for
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription, RuntimeDescription
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, JobView


def is_meant(word: str, device: DeviceDescription) -> bool:
    """Whether a word is the id or a name of a device."""
    return means(word, device.device_id, device.name, device.aliases)


def matches(spec: JobSpec, device: DeviceDescription) -> tuple[str, ...]:
    """Every reason for which `device` can not run `spec`; empty when it can."""
    wish = spec.selector
    reasons = []
    if wish.device is not None and not is_meant(wish.device, device):
        reasons.append(f"is not {wish.device}")
    if wish.hardware_class not in (None, device.hardware_class):
        reasons.append(f"is {device.hardware_class.value}, not {wish.hardware_class.value}")
    if wish.min_memory_bytes is not None and device.memory_bytes < wish.min_memory_bytes:
        reasons.append(f"has {device.memory_bytes} bytes of memory, not {wish.min_memory_bytes}")
    offered = {tag.name: tag.value for tag in device.tags}
    for tag in wish.tags:
        if offered.get(tag.name) != tag.value:
            reasons.append(f"has no tag {tag.name}={tag.value}")
    runtimes = {runtime.name: runtime for runtime in device.runtimes}
    for name in dict.fromkeys((*spec.runtimes, wish.runtime or spec.runtimes[0])):
        if name not in runtimes:
            reasons.append(f"has no runtime {name} (it has {', '.join(runtimes) or 'none'})")
    used = [runtimes[name] for name in spec.runtimes if name in runtimes]
    given = spec.overrides.session_options
    for runtime in used:
        reasons.extend(_kinds_lacking(spec, runtime))
        if problem := option_problem(options_for(given, runtime.name), runtime):
            reasons.append(f"does not take it: {problem}")
    reasons.extend(_families_lacking(spec, runtimes))
    if len({runtime.simulated for runtime in used}) > 1:
        mixed = " and ".join(f"{one.name} {'is' if one.simulated else 'is not'}" for one in used)
        reasons.append(f"would mix what is simulated with what is not ({mixed})")
    return tuple(reasons)


def _kinds_lacking(spec: JobSpec, runtime: RuntimeDescription) -> tuple[str, ...]:
    """The artifact kinds of the runtime's entries that it does not take."""
    taken = runtime.artifact_kinds
    own = [entry for entry in spec.entries if spec.runtime_of(entry) == runtime.name]
    kinds = dict.fromkeys(entry.artifact_kind for entry in own if entry.artifact_kind)
    return tuple(
        f"takes no {kind} with {runtime.name} (it takes {', '.join(taken)})"
        for kind in kinds
        if taken and kind not in taken
    )


def _families_lacking(spec: JobSpec, runtimes: Mapping[str, RuntimeDescription]) -> tuple[str, ...]:
    """Why the device can measure nothing of this job.

    An entry whose family its runtime lacks becomes `unsupported` in the table; only a job that
    would measure nothing at all is refused. A runtime that names no families is asked by running
    it.
    """

    def lacks(entry: Entry) -> bool:
        runtime = runtimes.get(spec.runtime_of(entry))
        families = runtime.families if runtime is not None else ()
        family = entry.format_family
        # What mixes formats is asked by running it.
        return bool(families) and family not in (*families, FormatFamily.MIXED)

    if not spec.entries:
        return ()
    baseline, *others = spec.entries
    name = spec.runtime_of(baseline)
    if lacks(baseline):
        return (f"cannot run the {baseline.format_family.value} baseline with {name}",)
    if others and all(map(lacks, others)):
        names = ", ".join(sorted({entry.format_family.value for entry in others}))
        which = " and ".join(dict.fromkeys(map(spec.runtime_of, others)))
        return (f"cannot run {names} with {which}",)
    return ()


def choose(
    queued: Sequence[tuple[JobView, JobSpec]],
    device: DeviceDescription,
    others: Sequence[DeviceDescription] = (),
    avoid: Mapping[str, Collection[str]] | None = None,
    check: str | None = None,
) -> str | None:
    """The id of the job that `device` should run now: health check, then priority, then age.

    Args:
        queued: the jobs that wait, with their specs.
        device: the device that asks.
        others: the other devices that can be reached now.
        avoid: per job id the devices on which it failed for harness or environment; such a job
            is left to another matching device when there is one.
        check: job of the device's health check while that is not judged; nothing else runs
            before.
    """
    if check is not None:
        return check if any(job.job_id == check for job, _ in queued) else None
    for job, spec in sorted(
        queued, key=lambda pair: (-pair[1].priority, pair[0].submitted_unix_ns)
    ):
        if matches(spec, device):
            continue
        if _is_for_another(spec, device, others):
            continue
        failed_on = (avoid or {}).get(job.job_id, ())
        if device.device_id in failed_on and any(
            other.device_id not in failed_on and not matches(spec, other) for other in others
        ):
            continue
        return job.job_id
    return None


def _is_for_another(
    spec: JobSpec, device: DeviceDescription, others: Sequence[DeviceDescription]
) -> bool:
    """Whether the job wants a real device, of which there is one: it named no other."""
    wished = spec.selector.device
    if device.realness.keeps_time or (wished is not None and is_meant(wished, device)):
        return False
    return any(other.realness.keeps_time and not matches(spec, other) for other in others)


def refusals(spec: JobSpec, devices: Sequence[DeviceDescription]) -> dict[str, tuple[str, ...]]:
    """The devices that can not run `spec`, each with every reason.

    A job is refused when this names all devices there are. Devices that share a name are told
    apart by their ids.
    """
    names = [device.name for device in devices]
    found = {}
    for device in devices:
        label = device.name
        if names.count(label) > 1:
            label = f"{label} ({device.device_id})"
        if reasons := matches(spec, device):
            found[label] = reasons
    return found
