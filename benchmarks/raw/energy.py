"""The raw file of pass `energy`, beside the metadata of every pass.

meta   update_period_ns, averaging_window_ns, uncertainty_relative, meter, kind, scope, problem,
       scattered, second_meter, cooled
arrays letter start_ns end_ns iterations i8[w], energy_mj foreign_share second_mj temperature_c
       clock_mhz f8[w], and on a graphics card thermal_slowdown_ns power_slowdown_ns
       sync_slowdown_ns module_mj memory_mj f8[w]
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from ..common.fits import Whole
from ..samples import ARRAYS, CANDIDATE, OF_CARD_WINDOWS, WHOLE, EnergySamples
from ..stats.energy import LOADED_IDLE, TOO_SHORT
from ..vocabulary.reasons import REASONS
from .container import RawFile
from .origin import RawOrigin, origin_meta
from .parts import bad_raw, floats_of, ints_of, meta_of, told

_LETTERS = (*range(LOADED_IDLE + 1), *(TOO_SHORT + one for one in range(CANDIDATE + 1)))


class _Meta(msgspec.Struct, frozen=True):
    update_period_ns: Annotated[int, Meta(ge=1)]
    uncertainty_relative: Annotated[float, Meta(ge=0, lt=1)]
    averaging_window_ns: Whole = 0
    meter: str = ""
    kind: str = ""
    scope: str = ""
    problem: str = ""
    scattered: bool = False
    second_meter: str = ""
    cooled: bool = True


def energy_raw(origin: RawOrigin, samples: EnergySamples) -> RawFile:
    """The raw file of one launch of pass `energy`."""
    every = {name: getattr(samples, name) for name in ARRAYS}
    arrays = {
        name: value
        for name, value in every.items()
        if name not in OF_CARD_WINDOWS or np.isfinite(value).any()
    }
    return RawFile(origin_meta(origin) | told(_Meta, samples), arrays)


def energy_samples(raw: RawFile) -> EnergySamples:
    """The windows of a raw file of pass `energy`; `BadInput` when it does not hold them."""
    meta, arrays = meta_of(raw, _Meta), _windows(raw)
    duration = arrays["end_ns"] - arrays["start_ns"]
    if not np.all(np.isin(arrays["letter"], _LETTERS)) or np.any(duration <= 0):
        raise bad_raw("a window has no length or no known letter")
    if not np.all(np.isfinite(arrays["energy_mj"])) or np.any(arrays["iterations"] < 0):
        raise bad_raw("a window has no energy or no number of inferences")
    if meta.problem and meta.problem not in REASONS:
        raise bad_raw("it names a problem that is not known")
    return EnergySamples(**arrays, **told(_Meta, meta))


def _windows(raw: RawFile) -> dict[str, Any]:
    size = ints_of(raw, "letter").size
    return {
        name: np.full(size, math.nan)
        if name in OF_CARD_WINDOWS and name not in raw.arrays
        else ints_of(raw, name, size)
        if name in WHOLE
        else floats_of(raw, name, size)
        for name in ARRAYS
    }
