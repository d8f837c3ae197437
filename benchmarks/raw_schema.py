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
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from .errors import BadInput, Code
from .model import NO_OVERRIDES, Overrides, Workload
from .raw import RawFile
from .samples import (
    AbsoluteSamples,
    BlockConditions,
    Floats,
    Ints,
    MemoryCheckpoint,
    MemorySamples,
    PairSamples,
    QualitySamples,
    Texts,
    WarmUp,
)
from .vocabulary import PassName, Profile, RawRole, Scenario

_SHA256 = re.compile(r"[0-9a-f]{64}")
_OVERRIDES = tuple(field.name for field in fields(Overrides))
_CONDITIONS = tuple(field.name for field in fields(BlockConditions))
_FIRST_CONDITIONS = 5
"""Conditions that every raw file has; files of older agents lack the rest."""

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
        **_condition_arrays(samples.conditions),
        **_warm_arrays(samples.warm),
    }
    meta = {"stopped": samples.stopped, "warm": _warm_meta(samples.warm)}
    return RawFile(origin_meta(origin) | meta, arrays)


def absolute_raw(origin: RawOrigin, samples: AbsoluteSamples, cold: ColdStart) -> RawFile:
    """The raw file of one launch of pass `absolute`."""
    arrays = {
        "latency_ns": samples.latency_ns,
        "block": samples.block,
        "block_start_ns": samples.block_start_ns,
        **({"block_end_ns": samples.block_end_ns} if samples.block_end_ns.size else {}),
        **_condition_arrays(samples.conditions),
        **_warm_arrays(samples.warm),
    }
    meta = {
        "count": samples.count,
        "load_ns": cold.load_ns,
        "first_inference_ns": cold.first_inference_ns,
        "warm": _warm_meta(samples.warm),
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
        batch, threads = _count(meta, "batch"), _count(meta, "threads")
        return RawOrigin(
            pass_name=PassName(meta["pass_name"]),
            launch=_count(meta, "launch"),
            role=RawRole(meta["role"]),
            artifacts=digests,
            recipe=str(meta["recipe"]),
            runtime=str(meta["runtime"]),
            workload=Workload(Scenario(meta["scenario"]), batch, threads),
            profile=Profile(meta["profile"]),
            overrides=_overrides(meta),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _bad(f"its metadata do not say which launch it is ({error})") from error


def pair_samples(raw: RawFile) -> PairSamples:
    """The samples of a raw file of pass `pair`; `BadInput` when it does not hold them."""
    value_ns = _floats(raw, "value_ns")
    blocks = value_ns.size
    letter, quad = _ints(raw, "letter", blocks), _ints(raw, "quad", blocks)
    if not np.all(np.isfinite(value_ns)) or np.any(value_ns <= 0):
        raise _bad("a block value is no positive number")
    if blocks % 4 or not np.array_equal(quad, np.arange(blocks) // 4):
        raise _bad("its blocks do not form quads")
    orders = letter.reshape(-1, 4)
    mirrored = np.array_equal(orders, orders[:, ::-1])
    if not mirrored or not np.all(orders[:, 0] + orders[:, 1] == 1) or not _binary(letter):
        raise _bad("a quad is neither ABBA nor BAAB")
    return PairSamples(
        value_ns=value_ns,
        start_ns=_ints(raw, "start_ns", blocks),
        iterations=_ints(raw, "iterations", blocks),
        letter=letter,
        quad=quad,
        conditions=_conditions(raw, blocks),
        warm=_warm(raw),
        stopped=str(raw.meta.get("stopped", "")),
    )


def absolute_samples(raw: RawFile) -> tuple[AbsoluteSamples, ColdStart]:
    """The samples of a raw file of pass `absolute`; `BadInput` when it does not hold them."""
    latency_ns = _ints(raw, "latency_ns")
    block = _ints(raw, "block", latency_ns.size)
    starts = _ints(raw, "block_start_ns")
    if latency_ns.size == 0 or np.any(latency_ns < 0):
        raise _bad("it holds no latencies, or negative ones")
    if np.any(np.diff(block) < 0) or block[0] < 0 or block[-1] >= starts.size:
        raise _bad("its latencies do not belong to its blocks")
    try:
        count = _count(raw.meta, "count")
        cold = ColdStart(_count(raw.meta, "load_ns"), _count(raw.meta, "first_inference_ns"))
    except (KeyError, ValueError) as error:
        raise _bad(f"its metadata lack a count ({error})") from error
    if count < latency_ns.size:
        raise _bad("it counts fewer latencies than it holds")
    conditions = _conditions(raw, starts.size)
    ends = _ints(raw, "block_end_ns", starts.size) if "block_end_ns" in raw.arrays else _NOT_READ
    return AbsoluteSamples(latency_ns, block, starts, conditions, _warm(raw), count, ends), cold


def memory_samples(raw: RawFile) -> MemorySamples:
    """The samples of a raw file of pass `memory`; `BadInput` when it does not hold them."""
    names = raw.meta.get("checkpoints")
    if not isinstance(names, list) or not {"m0", "m1", "m2"} <= {str(name) for name in names}:
        raise _bad("it lacks a memory checkpoint")
    columns = [_ints(raw, name, len(names)) for name in _BYTES]
    if any(np.any(column < 0) for column in columns):
        raise _bad("it holds a negative number of bytes")
    points = tuple(
        MemoryCheckpoint(str(name), *(int(column[i]) for column in columns))
        for i, name in enumerate(names)
    )
    batches, group = (_counts(raw, name) for name in ("batches", "group_peak_bytes"))
    if len(group) not in (0, len(points)):
        raise _bad("it does not tell its group's peak at each checkpoint")
    arena = str(raw.meta.get("arena", "on"))
    return MemorySamples(points, str(raw.meta.get("method", "")), arena, batches, group)


def quality_samples(raw: RawFile) -> QualitySamples:
    """The samples of a raw file of pass `quality`; `BadInput` when it does not hold them."""
    ids = raw.arrays.get("ids")
    if ids is None or ids.dtype.kind != "U" or ids.ndim != 1 or np.unique(ids).size != ids.size:
        raise _bad("its sample ids are missing or not unique")
    samples = int(ids.size)
    text: Texts = ids
    try:
        classes = _count(raw.meta, "classes")
    except (KeyError, ValueError) as error:
        raise _bad("it does not say how many classes there are") from error
    both = "cand_top1" in raw.arrays
    labelled = "labels" in raw.arrays
    return QualitySamples(
        ids=text,
        labels=_ints(raw, "labels", samples) if labelled else None,
        ref_top1=_ints(raw, "ref_top1", samples),
        cand_top1=_ints(raw, "cand_top1", samples) if both else None,
        ref_loss=_floats(raw, "ref_loss", samples) if labelled else None,
        cand_loss=_floats(raw, "cand_loss", samples) if labelled and both else None,
        kl=_floats(raw, "kl", samples) if both else None,
        max_abs_diff=_floats(raw, "max_abs_diff", samples) if both else None,
        ref_nonfinite=_ints(raw, "ref_nonfinite", samples),
        cand_nonfinite=_ints(raw, "cand_nonfinite", samples) if both else None,
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
    return {"overrides": given} if overrides != NO_OVERRIDES else {}


def _overrides(meta: dict[str, Any]) -> Overrides:
    given = meta.get("overrides", {})
    return Overrides(**{n: None if given.get(n) is None else _count(given, n) for n in _OVERRIDES})


def _condition_arrays(conditions: BlockConditions) -> dict[str, Floats]:
    return {name: getattr(conditions, name) for name in _CONDITIONS}


def _conditions(raw: RawFile, blocks: int) -> BlockConditions:
    names = _CONDITIONS[:_FIRST_CONDITIONS]
    later = tuple(name for name in _CONDITIONS[_FIRST_CONDITIONS:] if name in raw.arrays)
    return BlockConditions(**{name: _floats(raw, name, blocks) for name in names + later})


def _warm_arrays(warm: WarmUp) -> dict[str, Floats | Ints]:
    return {"warm_block_median_ns": warm.block_median_ns, "warm_letter": warm.letter}


def _warm_meta(warm: WarmUp) -> dict[str, Any]:
    return {
        "iteration_ns": list(warm.iteration_ns),
        "iterations": warm.iterations,
        "elapsed_ns": warm.elapsed_ns,
        "steady": warm.steady,
    }


def _warm(raw: RawFile) -> WarmUp:
    medians = _floats(raw, "warm_block_median_ns")
    letter = _ints(raw, "warm_letter", medians.size)
    try:
        meta = raw.meta["warm"]
        estimates: Sequence[Any] = meta["iteration_ns"]
        steady = meta["steady"]
        if not isinstance(steady, bool):
            raise TypeError("steady")
        return WarmUp(
            block_median_ns=medians,
            letter=letter,
            iteration_ns=tuple(int(value) for value in estimates),
            iterations=_count(meta, "iterations"),
            elapsed_ns=_count(meta, "elapsed_ns"),
            steady=steady,
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _bad(f"its metadata do not describe the warm-up ({error})") from error


def _counts(raw: RawFile, name: str) -> tuple[int, ...]:
    """Whole numbers of the metadata; none when older agents do not tell them."""
    given = raw.meta.get(name, [])
    try:
        return tuple(_count({name: value}, name) for value in given)
    except (TypeError, ValueError) as error:
        raise _bad(f"its metadata do not hold numbers as {name}") from error


def _count(meta: dict[str, Any], name: str) -> int:
    value = meta[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(name)
    return value


def _binary(letter: Ints) -> bool:
    return bool(np.all((letter == 0) | (letter == 1)))


def _array(raw: RawFile, name: str, dtype: type[np.generic], size: int | None) -> Any:
    array = raw.arrays.get(name)
    if array is None or array.dtype != dtype or array.ndim != 1:
        raise _bad(f"array {name} is missing or of another type")
    if size is not None and array.size != size:
        raise _bad(f"array {name} holds {array.size} values instead of {size}")
    return array


def _ints(raw: RawFile, name: str, size: int | None = None) -> Ints:
    array: Ints = _array(raw, name, np.int64, size)
    return array


def _floats(raw: RawFile, name: str, size: int | None = None) -> Floats:
    array: Floats = _array(raw, name, np.float64, size)
    return array


def _bad(why: str) -> BadInput:
    return BadInput(Code.BAD_RAW, f"The raw file cannot be used: {why}.")
