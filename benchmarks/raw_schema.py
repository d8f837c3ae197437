"""What a raw file of each pass holds: samples to raw files and back.

Metadata of every pass: `pass_name launch role artifacts recipe runtime batch threads scenario
profile`, and `overrides` where something of the profile is overridden; `artifacts` are SHA-256
digests: `[baseline, candidate]` for role `both` with two sessions, one digest for one session,
none for the floor. Then, per pass (n latencies or samples, b blocks, w warm-up blocks; i8 = int64,
f8 = float64); passes that are not here have a module of their own:

    pair      meta   stopped, warm{iteration_ns, iterations, elapsed_ns, steady}
              arrays value_ns f8[b], start_ns i8[b], iterations i8[b], letter i8[b], quad i8[b],
                     clock_mhz temperature_c steal_ticks psi_some_avg10 load_1m f8[b], and since
                     agents read them throttle_count thermal_status foreign_ticks clock_step_ns,
                     warm_block_median_ns f8[w], warm_letter i8[w]
    absolute  meta   count, load_ns, first_inference_ns, warm{...}
              arrays latency_ns i8[n], block i8[n], block_start_ns i8[b], conditions as above, and
                     block_end_ns i8[b] since agents read it,
                     warm_block_median_ns f8[w], warm_letter i8[w]
    memory    meta   method, checkpoints [names], and since agents tell them arena, batches,
                     group_peak_bytes [checkpoints]
              arrays rss_bytes rss_anon_bytes rss_file_bytes pss_bytes uss_bytes hwm_bytes
                     i8[checkpoints]
    quality   meta   classes
              arrays ids U[n], ref_top1 i8[n], ref_nonfinite i8[n]; with labels: labels i8[n],
                     ref_loss f8[n]; with a candidate: cand_top1 i8[n], cand_nonfinite i8[n],
                     kl f8[n], max_abs_diff f8[n]; with both: cand_loss f8[n]
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from .model import NO_OVERRIDES, Overrides, StackItem, Workload
from .raw import RawFile
from .raw_parts import (
    bad_raw,
    condition_arrays,
    conditions_of,
    count_of,
    counts_of,
    floats_of,
    ints_of,
    warm_arrays,
    warm_meta,
    warm_of,
)
from .samples import (
    AbsoluteSamples,
    Ints,
    MemoryCheckpoint,
    MemorySamples,
    PairSamples,
    QualitySamples,
    Texts,
)
from .vocabulary import PassName, Profile, RawRole, Scenario

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SESSION = "session_options"
_OVERRIDES = tuple(field.name for field in fields(Overrides) if field.name != _SESSION)
_NOT_READ = np.empty(0, np.int64)
_BYTES = tuple(field.name for field in fields(MemoryCheckpoint) if field.name != "name")


@dataclass(frozen=True, slots=True)
class RawOrigin:
    """Which launch of which pass a raw file speaks of.

    Attributes:
        pass_name: the pass.
        launch: 0-based number of the launch within (pass, role).
        role: which artifact it is about.
        artifacts: SHA-256 of the artifacts that were loaded, baseline first.
        recipe: the candidate's recipe.
        runtime: name of the runtime.
        workload: scenario, batch and threads.
        profile: the profile of the job.
        overrides: what of the profile was overridden.
    """

    pass_name: PassName
    launch: int
    role: RawRole
    artifacts: tuple[str, ...]
    recipe: str
    runtime: str
    workload: Workload
    profile: Profile
    overrides: Overrides = NO_OVERRIDES


@dataclass(frozen=True, slots=True, eq=False)
class ColdStart:
    """Cold numbers of one launch: making the session, and its first call, in nanoseconds."""

    load_ns: int
    first_inference_ns: int


def pair_raw(origin: RawOrigin, samples: PairSamples) -> RawFile:
    """The raw file of one launch of pass `pair`."""
    arrays = {
        "value_ns": samples.value_ns,
        "start_ns": samples.start_ns,
        "iterations": samples.iterations,
        "letter": samples.letter,
        "quad": samples.quad,
        **condition_arrays(samples.conditions),
        **warm_arrays(samples.warm),
    }
    meta = {"stopped": samples.stopped, "warm": warm_meta(samples.warm)}
    return RawFile(origin_meta(origin) | meta, arrays)


def absolute_raw(origin: RawOrigin, samples: AbsoluteSamples, cold: ColdStart) -> RawFile:
    """The raw file of one launch of pass `absolute`."""
    arrays = {
        "latency_ns": samples.latency_ns,
        "block": samples.block,
        "block_start_ns": samples.block_start_ns,
        **({"block_end_ns": samples.block_end_ns} if samples.block_end_ns.size else {}),
        **condition_arrays(samples.conditions),
        **warm_arrays(samples.warm),
    }
    meta = {
        "count": samples.count,
        "load_ns": cold.load_ns,
        "first_inference_ns": cold.first_inference_ns,
        "warm": warm_meta(samples.warm),
    }
    return RawFile(origin_meta(origin) | meta, arrays)


def memory_raw(origin: RawOrigin, samples: MemorySamples) -> RawFile:
    """The raw file of one launch of pass `memory`."""
    points = samples.checkpoints
    arrays = {name: np.array([getattr(p, name) for p in points], np.int64) for name in _BYTES}
    meta = {
        "method": samples.method,
        "checkpoints": [point.name for point in points],
        "arena": samples.arena,
        "batches": list(samples.batches),
        "group_peak_bytes": list(samples.group_peak_bytes),
    }
    return RawFile(origin_meta(origin) | meta, arrays)


def quality_raw(origin: RawOrigin, samples: QualitySamples) -> RawFile:
    """The raw file of pass `quality`."""
    optional = {
        "labels": samples.labels,
        "ref_loss": samples.ref_loss,
        "cand_top1": samples.cand_top1,
        "cand_nonfinite": samples.cand_nonfinite,
        "cand_loss": samples.cand_loss,
        "kl": samples.kl,
        "max_abs_diff": samples.max_abs_diff,
    }
    arrays = {
        "ids": samples.ids,
        "ref_top1": samples.ref_top1,
        "ref_nonfinite": samples.ref_nonfinite,
        **{name: array for name, array in optional.items() if array is not None},
    }
    return RawFile(origin_meta(origin) | {"classes": samples.classes}, arrays)


def raw_origin(raw: RawFile) -> RawOrigin:
    """Which launch `raw` speaks of.

    Raises:
        BadInput: code `bad_raw` when the metadata do not say it.
    """
    meta = raw.meta
    try:
        digests = tuple(meta["artifacts"])
        if not all(isinstance(d, str) and _SHA256.fullmatch(d) for d in digests):
            raise ValueError("artifacts")
        batch, threads = count_of(meta, "batch"), count_of(meta, "threads")
        return RawOrigin(
            pass_name=PassName(meta["pass_name"]),
            launch=count_of(meta, "launch"),
            role=RawRole(meta["role"]),
            artifacts=digests,
            recipe=str(meta["recipe"]),
            runtime=str(meta["runtime"]),
            workload=Workload(Scenario(meta["scenario"]), batch, threads),
            profile=Profile(meta["profile"]),
            overrides=_overrides(meta),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise bad_raw(f"its metadata do not say which launch it is ({error})") from error


def pair_samples(raw: RawFile) -> PairSamples:
    """The samples of a raw file of pass `pair`; `BadInput` when it does not hold them."""
    value_ns = floats_of(raw, "value_ns")
    blocks = value_ns.size
    letter, quad = ints_of(raw, "letter", blocks), ints_of(raw, "quad", blocks)
    if not np.all(np.isfinite(value_ns)) or np.any(value_ns <= 0):
        raise bad_raw("a block value is no positive number")
    if blocks % 4 or not np.array_equal(quad, np.arange(blocks) // 4):
        raise bad_raw("its blocks do not form quads")
    orders = letter.reshape(-1, 4)
    mirrored = np.array_equal(orders, orders[:, ::-1])
    if not mirrored or not np.all(orders[:, 0] + orders[:, 1] == 1) or not _binary(letter):
        raise bad_raw("a quad is neither ABBA nor BAAB")
    return PairSamples(
        value_ns=value_ns,
        start_ns=ints_of(raw, "start_ns", blocks),
        iterations=ints_of(raw, "iterations", blocks),
        letter=letter,
        quad=quad,
        conditions=conditions_of(raw, blocks),
        warm=warm_of(raw),
        stopped=str(raw.meta.get("stopped", "")),
    )


def absolute_samples(raw: RawFile) -> tuple[AbsoluteSamples, ColdStart]:
    """The samples of a raw file of pass `absolute`; `BadInput` when it does not hold them."""
    latency_ns = ints_of(raw, "latency_ns")
    block = ints_of(raw, "block", latency_ns.size)
    starts = ints_of(raw, "block_start_ns")
    if latency_ns.size == 0 or np.any(latency_ns < 0):
        raise bad_raw("it holds no latencies, or negative ones")
    if np.any(np.diff(block) < 0) or block[0] < 0 or block[-1] >= starts.size:
        raise bad_raw("its latencies do not belong to its blocks")
    try:
        count = count_of(raw.meta, "count")
        cold = ColdStart(count_of(raw.meta, "load_ns"), count_of(raw.meta, "first_inference_ns"))
    except (KeyError, ValueError) as error:
        raise bad_raw(f"its metadata lack a count ({error})") from error
    if count < latency_ns.size:
        raise bad_raw("it counts fewer latencies than it holds")
    conditions = conditions_of(raw, starts.size)
    ends = ints_of(raw, "block_end_ns", starts.size) if "block_end_ns" in raw.arrays else _NOT_READ
    return AbsoluteSamples(latency_ns, block, starts, conditions, warm_of(raw), count, ends), cold


def memory_samples(raw: RawFile) -> MemorySamples:
    """The samples of a raw file of pass `memory`; `BadInput` when it does not hold them."""
    names = raw.meta.get("checkpoints")
    if not isinstance(names, list) or not {"m0", "m1", "m2"} <= {str(name) for name in names}:
        raise bad_raw("it lacks a memory checkpoint")
    columns = [ints_of(raw, name, len(names)) for name in _BYTES]
    if any(np.any(column < 0) for column in columns):
        raise bad_raw("it holds a negative number of bytes")
    points = tuple(
        MemoryCheckpoint(str(name), *(int(column[i]) for column in columns))
        for i, name in enumerate(names)
    )
    batches, group = (counts_of(raw, name) for name in ("batches", "group_peak_bytes"))
    if len(group) not in (0, len(points)):
        raise bad_raw("it does not tell its group's peak at each checkpoint")
    arena = str(raw.meta.get("arena", "on"))
    return MemorySamples(points, str(raw.meta.get("method", "")), arena, batches, group)


def quality_samples(raw: RawFile) -> QualitySamples:
    """The samples of a raw file of pass `quality`; `BadInput` when it does not hold them."""
    ids = raw.arrays.get("ids")
    if ids is None or ids.dtype.kind != "U" or ids.ndim != 1 or np.unique(ids).size != ids.size:
        raise bad_raw("its sample ids are missing or not unique")
    samples = int(ids.size)
    text: Texts = ids
    try:
        classes = count_of(raw.meta, "classes")
    except (KeyError, ValueError) as error:
        raise bad_raw("it does not say how many classes there are") from error
    both = "cand_top1" in raw.arrays
    labelled = "labels" in raw.arrays
    return QualitySamples(
        ids=text,
        labels=ints_of(raw, "labels", samples) if labelled else None,
        ref_top1=ints_of(raw, "ref_top1", samples),
        cand_top1=ints_of(raw, "cand_top1", samples) if both else None,
        ref_loss=floats_of(raw, "ref_loss", samples) if labelled else None,
        cand_loss=floats_of(raw, "cand_loss", samples) if labelled and both else None,
        kl=floats_of(raw, "kl", samples) if both else None,
        max_abs_diff=floats_of(raw, "max_abs_diff", samples) if both else None,
        ref_nonfinite=ints_of(raw, "ref_nonfinite", samples),
        cand_nonfinite=ints_of(raw, "cand_nonfinite", samples) if both else None,
        classes=classes,
    )


def origin_meta(origin: RawOrigin) -> dict[str, Any]:
    """The metadata that say which launch a raw file speaks of."""
    return {
        "pass_name": origin.pass_name.value,
        "launch": origin.launch,
        "role": origin.role.value,
        "artifacts": list(origin.artifacts),
        "recipe": origin.recipe,
        "runtime": origin.runtime,
        "scenario": origin.workload.scenario.value,
        "batch": origin.workload.batch,
        "threads": origin.workload.threads,
        "profile": origin.profile.value,
        **_overrides_meta(origin.overrides),
    }


def _overrides_meta(overrides: Overrides) -> dict[str, Any]:
    """Nothing when nothing is overridden."""
    given = {name: getattr(overrides, name) for name in _OVERRIDES}
    if overrides.session_options:
        given[_SESSION] = {option.name: option.value for option in overrides.session_options}
    return {"overrides": given} if overrides != NO_OVERRIDES else {}


def _overrides(meta: dict[str, Any]) -> Overrides:
    given = meta.get("overrides", {})
    options = given.get(_SESSION, {})
    return Overrides(
        **{n: None if given.get(n) is None else count_of(given, n) for n in _OVERRIDES},
        session_options=tuple(StackItem(str(n), str(options[n])) for n in sorted(options)),
    )


def _binary(letter: Ints) -> bool:
    return bool(np.all((letter == 0) | (letter == 1)))
