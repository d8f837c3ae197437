"""What one activation tensor lost, summed over calls (measurement.md D.2).

Every sum and every largest value covers all values that were handed in; percentiles are taken
from at most `_KEPT` of them, evenly spread.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from .integer_operator import spread
from .ledger import BINS, Histogram, TensorRow
from .quantizing import Float8

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Steps = float | npt.NDArray[np.float32]
Zeros = int | npt.NDArray[np.int64]
"""Scale and zero point of a tensor, or one for each place of some of its axes."""

FP16_MAX = 65504.0
_FP16_SMALLEST_NORMAL = 2.0**-14
_KEPT = 65_536
_HALF = 0.501
"""Codes by which rounding moves a value, and a thousandth for the rounding of its scale."""
_BEYOND = 16
"""Bins beyond each rail in the histogram of a quantized tensor; 64 share the codes."""


def sqnr_db(signal: float, noise: float) -> float | None:
    """Signal to noise in dB from two sums of squares; None where there is no signal or noise."""
    if not (signal > 0 and noise > 0 and math.isfinite(signal) and math.isfinite(noise)):
        return None
    return 10 * math.log10(signal / noise)


class TensorTally:
    """Collects one tensor, call by call.

    Args:
        name: of the tensor.
        dtype: numpy name of its element type.
        producer: operator type that makes it.
        calls: about how many calls will come.
        channels_last: whether the channels of an image are its last axis.
    """

    def __init__(
        self, name: str, dtype: str, producer: str, calls: int = 1, *, channels_last: bool = False
    ) -> None:
        self._channels_last = channels_last
        self._name, self._dtype, self._producer = name, dtype, producer
        self._share = max(256, _KEPT // max(calls, 1))
        self._elements = self._nan = self._inf = self._subnormal = 0
        self._amax = 0.0
        self._magnitudes: list[npt.NDArray[Any]] = []
        self._channels: Floats | None = None
        self._range: tuple[float, float] | None = None
        self._before = np.zeros(BINS, np.int64)
        self._after = np.zeros(BINS, np.int64)
        self._quantized: _Quantized | None = None
        self._reference = np.zeros(2)

    def add_floats(self, x: npt.NDArray[Any]) -> None:
        """Values of a floating-point tensor, (samples, ...)."""
        values = x.astype(np.float64)
        finite = np.isfinite(values)
        self._nan += int(np.count_nonzero(np.isnan(values)))
        self._inf += int(np.count_nonzero(~finite)) - int(np.count_nonzero(np.isnan(values)))
        self._elements += values.size
        if not finite.all():
            values = np.where(finite, values, 0.0)
        self._add_magnitudes(values)
        magnitude = np.abs(values)
        small = (magnitude < _FP16_SMALLEST_NORMAL) & (magnitude > 0)
        self._subnormal += int(np.count_nonzero(small))
        if self._range is None:
            reach = max(1.25 * self._amax, 1e-30)
            self._range = (-reach, 2 * reach / BINS)
        self._before += _binned(values, *self._range)

    def add_codes(
        self,
        codes: npt.NDArray[Any],
        scale: Steps,
        zero: Zeros,
        *,
        dynamic: bool = False,
        rails: tuple[int, int] | None = None,
        float8: Float8 | None = None,
    ) -> None:
        """Codes of a quantized tensor, (samples, ...), from the lowest rail to the highest.

        Those of an 8-bit float are given as its numbers.
        """
        if float8 is not None:
            finite = np.isfinite(codes)
            self._nan += int(np.count_nonzero(np.isnan(codes)))
            self._inf += int(np.count_nonzero(np.isinf(codes)))
            codes = np.where(finite, codes, 0.0)
            self._quantized = self._quantized or _NarrowFloat(float8, scale, zero, dynamic)
        if self._quantized is None:
            info = np.iinfo(codes.dtype)
            rails = rails or (int(info.min), int(info.max))
            self._quantized = _Quantized(rails, scale, zero, dynamic)
        self._quantized.add_codes(codes, scale, zero)
        self._elements += codes.size
        self._add_magnitudes((codes.astype(np.float64) - zero) * scale)
        self._after += _binned(codes.astype(np.float64), *self._quantized.bins)

    def add_real(self, real: npt.NDArray[Any], codes: npt.NDArray[Any]) -> None:
        """Values before quantization and what became of them, after `add_codes` of that call."""
        if self._quantized is not None:
            unclipped = self._quantized.add_real(real, codes)
            self._before += _binned(unclipped, *self._quantized.bins)

    def add_reference(self, value: npt.NDArray[Any], reference: npt.NDArray[Any]) -> None:
        """The tensor's real values beside those of the float model."""
        if value.shape == reference.shape:
            wanted = reference.astype(np.float64)
            signal = float(np.square(wanted).sum())
            noise = float(np.square(value.astype(np.float64) - wanted).sum())
            self._reference += (signal, noise)

    def row(self) -> TensorRow:
        """All of it, as the ledger has it."""
        quantized = self._quantized
        facts: dict[str, Any] = quantized.facts() if quantized is not None else {}
        plain = quantized is None
        bins = self._range if quantized is None else quantized.bins
        seen = plain or (quantized is not None and quantized.compared > 0)
        return TensorRow(
            name=self._name,
            dtype=self._dtype,
            producer=self._producer,
            elements=self._elements,
            nan=self._nan,
            inf=self._inf,
            amax=self._amax,
            headroom_log2=math.log2(FP16_MAX / self._amax) if plain and self._amax > 0 else None,
            fp16_subnormal=self._subnormal / self._elements if plain and self._elements else None,
            outlier_ratio=self._outliers(),
            channel_spread=self._spread(),
            reference_sqnr_db=sqnr_db(*self._reference.tolist()),
            before=_histogram(bins, self._before) if seen else None,
            after=None if plain else _histogram(bins, self._after),
            **facts,
        )

    def _add_magnitudes(self, values: Floats) -> None:
        magnitude = np.abs(values)
        self._amax = max(self._amax, float(magnitude.max(initial=0.0)))
        flat = magnitude.ravel()
        self._magnitudes.append(flat[spread(flat.size, self._share)].astype(np.float32))
        if values.ndim < 2 or self._producer.startswith("nchwc."):
            return  # a blocked layout mixes the channels
        axis = 1 if values.ndim > 3 and not self._channels_last else values.ndim - 1
        others = tuple(index for index in range(values.ndim) if index != axis)
        largest: Floats = magnitude.max(axis=others, initial=0.0)
        if self._channels is None:
            self._channels = largest
        elif self._channels.shape == largest.shape:
            self._channels = np.maximum(self._channels, largest)

    def _outliers(self) -> float | None:
        if not self._magnitudes or self._amax == 0:
            return None
        high = float(np.quantile(np.concatenate(self._magnitudes), 0.999))
        return self._amax / high if high > 0 else None

    def _spread(self) -> float | None:
        if self._channels is None or self._channels.size < 2:
            return None
        middle = float(np.median(self._channels))
        return float(self._channels.max()) / middle if middle > 0 else None


class _Quantized:
    """The part of a tally that only codes have."""

    def __init__(self, rails: tuple[int, int], scale: Steps, zero: Zeros, dynamic: bool) -> None:
        self._low, self._high = rails
        width = (self._high - self._low + 1) / (BINS - 2 * _BEYOND)
        self.bins = (self._low - _BEYOND * width, width)
        self._dynamic = dynamic
        self._scale, self._zero = scale, zero
        self._scales = (float(np.min(scale)), float(np.max(scale)))
        self._seen = (self._high, self._low)
        self._codes = self._rails = 0
        self.compared = 0
        self._clipped = np.zeros(2, np.int64)
        self._beyond: list[Floats] = []
        self._lost = self._mass = self._signal = self._noise = 0.0
        self._under = 0

    def add_codes(self, codes: npt.NDArray[Any], scale: Steps, zero: Zeros) -> None:
        self._scale, self._zero = scale, zero
        least, most = self._scales
        self._scales = (min(least, float(np.min(scale))), max(most, float(np.max(scale))))
        self._codes += codes.size
        if codes.size:
            lowest, highest = int(codes.min()), int(codes.max())
            self._seen = (min(self._seen[0], lowest), max(self._seen[1], highest))
        self._rails += int(np.count_nonzero(codes == self._high))
        # The zeros of a Relu lie at the lowest code when the zero point does: no rail.
        self._rails += int(np.count_nonzero((codes == self._low) & (zero != self._low)))

    def add_real(self, real: npt.NDArray[Any], codes: npt.NDArray[Any]) -> Floats:
        scale, zero = self._of_each(real, codes)
        real, codes = real.ravel(), codes.ravel()
        real = np.where(zero == self._low, np.maximum(real, 0), real)  # the Relu, not a clip
        finite = np.isfinite(real)
        if not finite.all():
            real, codes = real[finite], codes[finite]
            scale, zero = (one[finite] if one.size > 1 else one for one in (scale, zero))
        # In the precision of the value: the runtime divides float32 by float32.
        scaled = real / scale.astype(real.dtype)
        unclipped = self._unclipped(scaled, zero)
        x = real.astype(np.float64)
        value = (codes.astype(np.float64) - zero) * scale
        over, under = self._lies_beyond(scaled + zero, unclipped)
        self.compared += x.size
        self._clipped += (int(np.count_nonzero(over)), int(np.count_nonzero(under)))
        clipped = over | under
        magnitude = np.abs(x)
        error = np.abs(x - value)
        self._lost += float(error[clipped].sum())
        self._mass += float(magnitude.sum())
        depth = np.maximum(unclipped - self._high, self._low - unclipped)[clipped]
        self._beyond.append(depth[spread(depth.size, 4096)])
        self._under += int(np.count_nonzero((x != 0) & self._vanishes(unclipped, value, zero)))
        self._signal += float(np.square(x).sum())
        self._noise += float(np.square(error).sum())
        return unclipped

    def _unclipped(self, scaled: npt.NDArray[Any], zero: npt.NDArray[Any]) -> Floats:
        """The codes, were there any number of them."""
        found: Floats = np.rint(scaled).astype(np.float64) + zero
        return found

    def _lies_beyond(self, exact: npt.NDArray[Any], unclipped: Floats) -> tuple[Bools, Bools]:
        """Which values lie above the rails, and which below."""
        over, under = unclipped > self._high, unclipped < self._low
        if self._dynamic:  # its own largest value may lie half a code beyond: that is rounding
            over &= exact > self._high + _HALF
            under &= exact < self._low - _HALF
        return over, under

    def _vanishes(self, unclipped: Floats, value: Floats, zero: npt.NDArray[Any]) -> Bools:
        """Which values become zero."""
        del value
        found: Bools = unclipped == zero
        return found

    def _of_each(
        self, real: npt.NDArray[Any], codes: npt.NDArray[Any]
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Scale and zero point: one, or as many as there are values."""
        told = (np.asarray(self._scale, np.float64), np.asarray(self._zero))
        if all(one.size == 1 for one in told):
            scale, zero = (one.reshape(1) for one in told)
        else:
            scale, zero = (np.broadcast_to(one, codes.shape).ravel() for one in told)
        return scale, zero

    def facts(self) -> dict[str, Any]:
        lowest, highest = self._seen
        found: dict[str, Any] = {
            "rail_rate": self._rails / self._codes if self._codes else None,
            "range_util": max(highest - lowest, 0) / (self._high - self._low),
        }
        if self._dynamic or np.size(self._scale) > 1:
            found |= {"scale_low": self._scales[0], "scale_high": self._scales[1]}
        else:
            found |= {"scale": self._scale, "zero_point": self._zero}
        if self.compared:
            beyond = np.concatenate(self._beyond)
            found |= {
                "clip_hi": int(self._clipped[0]) / self.compared,
                "clip_lo": int(self._clipped[1]) / self.compared,
                "clip_mass": self._lost / self._mass if self._mass > 0 else 0.0,
                "clip_depth": float(np.quantile(beyond, 0.99)) if beyond.size else 0.0,
                "underflow": self._under / self.compared,
                "sqnr_db": sqnr_db(self._signal, self._noise),
            }
        return found


class _NarrowFloat(_Quantized):
    """Of an 8-bit float: its steps grow with its numbers, so that it rounds as none of integers."""

    def __init__(self, kind: Float8, scale: Steps, zero: Zeros, dynamic: bool) -> None:
        super().__init__((-int(kind.largest), int(kind.largest)), scale, zero, dynamic)
        self._reach = kind.reach

    def _unclipped(self, scaled: npt.NDArray[Any], zero: npt.NDArray[Any]) -> Floats:
        del zero
        return scaled.astype(np.float64)

    def _lies_beyond(self, exact: npt.NDArray[Any], unclipped: Floats) -> tuple[Bools, Bools]:
        return exact > self._reach, exact < -self._reach

    def _vanishes(self, unclipped: Floats, value: Floats, zero: npt.NDArray[Any]) -> Bools:
        found: Bools = value == 0
        return found


def _binned(values: npt.NDArray[Any], low: float, width: float) -> npt.NDArray[np.int64]:
    index = np.clip((values.ravel() - low) / width, 0, BINS - 1).astype(np.int64)
    return np.bincount(index, minlength=BINS)


def _histogram(bins: tuple[float, float] | None, counts: npt.NDArray[np.int64]) -> Histogram | None:
    return None if bins is None else Histogram(*bins, tuple(counts.tolist()))
