"""Raw file of pass `absolute`, both directions."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import msgspec
import numpy as np

from ..common.fits import Whole
from ..samples import AbsoluteSamples, DeviceTimes
from .container import RawFile
from .origin import RawOrigin, origin_meta
from .parts import (
    WarmMeta,
    arrays_of,
    bad_raw,
    conditions_arrays,
    conditions_of,
    ints_of,
    meta_of,
    told,
    warm_arrays,
    warm_of,
)


@dataclass(frozen=True, slots=True, eq=False)
class ColdStart:
    """Cold numbers of one launch: making the session, and its first call, in nanoseconds."""

    load_ns: int
    first_inference_ns: int


class _Meta(msgspec.Struct, frozen=True):
    count: Whole
    load_ns: Whole
    first_inference_ns: Whole
    warm: WarmMeta


def absolute_raw(origin: RawOrigin, samples: AbsoluteSamples, cold: ColdStart) -> RawFile:
    """The raw file of one launch of pass `absolute`."""
    arrays = arrays_of(samples) | conditions_arrays(samples.conditions) | warm_arrays(samples.warm)
    if samples.device is not None:
        arrays |= arrays_of(samples.device)
    meta = {"count": samples.count, "warm": told(WarmMeta, samples.warm), **asdict(cold)}
    return RawFile(origin_meta(origin) | meta, arrays)


def absolute_samples(raw: RawFile) -> tuple[AbsoluteSamples, ColdStart]:
    """The samples of a raw file of pass `absolute`; `BadInput` when it does not hold them."""
    latency_ns = ints_of(raw, "latency_ns")
    block = ints_of(raw, "block", latency_ns.size)
    starts = ints_of(raw, "block_start_ns")
    if latency_ns.size == 0 or np.any(latency_ns < 0):
        raise bad_raw("it holds no latencies, or negative ones")
    if np.any(np.diff(block) < 0) or block[0] < 0 or block[-1] >= starts.size:
        raise bad_raw("its latencies do not belong to its blocks")
    meta = meta_of(raw, _Meta)
    if meta.count < latency_ns.size:
        raise bad_raw("it counts fewer latencies than it holds")
    conditions = conditions_of(raw, starts.size)
    ends = ints_of(raw, "block_end_ns", starts.size)
    warm, cold = warm_of(raw, meta.warm), ColdStart(meta.load_ns, meta.first_inference_ns)
    device = _device_times(raw, starts.size)
    return AbsoluteSamples(
        latency_ns, block, starts, conditions, warm, meta.count, ends, device
    ), cold


def _device_times(raw: RawFile, blocks: int) -> DeviceTimes | None:
    """What the device told; None where it has no clock. `BadInput` when it cannot be."""
    if "device_ns" not in raw.arrays:
        return None
    device_ns = ints_of(raw, "device_ns")
    enqueue_ns = ints_of(raw, "enqueue_ns", device_ns.size)
    block = ints_of(raw, "device_block", device_ns.size)
    if not device_ns.size or np.any(device_ns < 0) or np.any(enqueue_ns < 0):
        raise bad_raw("it holds no times of the device, or negative ones")
    if np.any(np.diff(block) < 0) or block[0] < 0 or block[-1] >= blocks:
        raise bad_raw("its times of the device do not belong to its blocks")
    return DeviceTimes(device_ns, enqueue_ns, block)
