"""The raw file of pass `energy`, beside the metadata of every pass.

meta   update_period_ns, averaging_window_ns, uncertainty_relative, meter, kind, scope, problem,
       scattered, second_meter, cooled
arrays letter start_ns end_ns iterations i8[w], energy_mj foreign_share f8[w],
       second_mj temperature_c clock_mhz f8[w], NaN in files from before they were kept
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..samples import AROUND, ARRAYS, CANDIDATE, WHOLE, EnergySamples
from ..stats.energy import LOADED_IDLE, TOO_SHORT
from ..vocabulary.errors import BadInput, Code
from ..vocabulary.reasons import REASONS
from .container import RawFile
from .origin import RawOrigin, origin_meta


def energy_raw(origin: RawOrigin, samples: EnergySamples) -> RawFile:
    """The raw file of one launch of pass `energy`."""
    meta = {
        "update_period_ns": samples.update_period_ns,
        "uncertainty_relative": samples.uncertainty_relative,
        "averaging_window_ns": samples.averaging_window_ns,
        "meter": samples.meter,
        "kind": samples.kind,
        "scope": samples.scope,
        "problem": samples.problem,
        "scattered": samples.scattered,
        "second_meter": samples.second_meter,
        "cooled": samples.cooled,
    }
    return RawFile(origin_meta(origin) | meta, {name: getattr(samples, name) for name in ARRAYS})


def energy_samples(raw: RawFile) -> EnergySamples:
    """The windows of a raw file of pass `energy`; `BadInput` when it does not hold them."""
    arrays: dict[str, Any] = {}
    for name in ARRAYS:
        array = raw.arrays.get(name)
        if array is None and name in AROUND and "second_meter" not in raw.meta:
            array = np.full(arrays["letter"].size, np.nan)
        kind = np.int64 if name in WHOLE else np.float64
        if array is None or array.dtype != kind or array.ndim != 1:
            raise _bad(f"array {name} is missing or of another type")
        arrays[name] = array
    if len({array.size for array in arrays.values()}) != 1:
        raise _bad("its arrays are of different lengths")
    letter, duration = arrays["letter"], arrays["end_ns"] - arrays["start_ns"]
    known = [*range(LOADED_IDLE + 1), *(TOO_SHORT + one for one in range(CANDIDATE + 1))]
    if not np.all(np.isin(letter, known)) or np.any(duration <= 0):
        raise _bad("a window has no length or no known letter")
    if not np.all(np.isfinite(arrays["energy_mj"])) or np.any(arrays["iterations"] < 0):
        raise _bad("a window has no energy or no number of inferences")
    period, gain = raw.meta.get("update_period_ns"), raw.meta.get("uncertainty_relative")
    problem = raw.meta.get("problem")
    if not isinstance(period, int) or isinstance(period, bool) or period < 1:
        raise _bad("it does not say how often its meter changes")
    seen = raw.meta.get("averaging_window_ns", 0)
    if not isinstance(seen, int) or isinstance(seen, bool) or seen < 0:
        raise _bad("it does not say how much its meter sees")
    if not isinstance(gain, float) or not 0 <= gain < 1:
        raise _bad("it does not say how sure its meter is")
    if problem and problem not in REASONS:
        raise _bad("it names a problem that is not known")
    return EnergySamples(
        **arrays,
        update_period_ns=period,
        uncertainty_relative=gain,
        kind=str(raw.meta.get("kind", "")),
        scope=str(raw.meta.get("scope", "")),
        meter=str(raw.meta.get("meter", "")),
        averaging_window_ns=seen,
        problem=str(problem or ""),
        scattered=raw.meta.get("scattered", False) is True,
        second_meter=str(raw.meta.get("second_meter", "")),
        cooled=raw.meta.get("cooled", True) is True,
    )


def _bad(why: str) -> BadInput:
    return BadInput(Code.BAD_RAW, f"The raw file cannot be used: {why}.")
