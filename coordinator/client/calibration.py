"""The client's calls to Calibration: calibration sets as versioned objects."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from bitgauge.benchmarks.common.wire import to_wire
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.values.calibration import (
    MAX_PREPROCESSING,
    MAX_STRATA,
    OTHERS,
    CalibrationSet,
    StratumCount,
)
from bitgauge.protos.v1 import lab_pb2 as pb

from ..sets.calibration.names import require_set_name, set_named
from .blobs import BlobCalls
from .upload import local_file, upload

if TYPE_CHECKING:
    from bitgauge.benchmarks.quality.sets import EvaluationSet


class CalibrationCalls(BlobCalls):
    """What a client asks of Calibration."""

    def add_calibration_set(self, name: str, path: Path, source: str) -> CalibrationSet:
        """Upload a set and record it as the next version of `name`.

        Args:
            name: of all its versions; who added the first one owns it.
            path: the set, which is read here first.
            source: where its samples are from, in a few words.

        Returns:
            The version that it is; the newest one when that is the same file.

        Raises:
            BitgaugeError: BAD_CALIBRATION_SET, FILE_UNREADABLE; BAD_ARGUMENT for the name or an
                empty source; FORBIDDEN, the name is somebody else's.
        """
        # numpy: only this waits for it
        from bitgauge.benchmarks.quality.sets import read_evaluation_set

        from ..sets.calibration.check import LEAST_SAMPLES

        require_set_name(name)
        if not source.strip():
            raise BadInput(Code.BAD_ARGUMENT, "The set needs a source: where its samples are from.")
        samples = read_evaluation_set(path, Code.BAD_CALIBRATION_SET)
        if len(samples) < LEAST_SAMPLES:
            raise BadInput(
                Code.BAD_CALIBRATION_SET,
                f"The set {path.name} holds {len(samples)} sample; a range needs {LEAST_SAMPLES}.",
            )
        file = local_file(path)
        upload(self, (file,))
        request = pb.AddCalibrationSetRequest(
            name=name,
            digest=to_wire(file.digest),
            samples=len(samples),
            source=source.strip(),
            strata=[to_wire(one) for one in strata_of(samples)],
            preprocessing=_told(samples),
        )
        return self._value(CalibrationSet, request)

    def calibration_sets(self) -> tuple[CalibrationSet, ...]:
        """Every version of every set, by name, oldest first."""
        return self._values(CalibrationSet, pb.ListCalibrationSetsRequest())

    def calibration_set(self, text: str) -> CalibrationSet:
        """The version that `NAME`, the newest, or `NAME@VERSION` means.

        Raises:
            NotFound: UNKNOWN_CALIBRATION_SET.
        """
        return set_named(self.calibration_sets(), text)


def strata_of(samples: EvaluationSet) -> tuple[StratumCount, ...]:
    """The groups of a set, the largest first; of very many the smallest together."""
    from ..sets.calibration.check import groups

    counted = Counter(groups(samples) or ()).most_common()
    named = counted if len(counted) <= MAX_STRATA else counted[: MAX_STRATA - 1]
    others = sum(count for _, count in counted[len(named) :])
    found = [StratumCount(name, count) for name, count in named]
    return (*found, *([StratumCount(OTHERS, others)] if others else ()))


def _told(samples: EvaluationSet) -> str:
    if samples.preprocessing is None:
        return ""
    told = msgspec.json.encode(samples.preprocessing, order="sorted").decode()
    return told if len(told) <= MAX_PREPROCESSING else told[: MAX_PREPROCESSING - 1] + "…"
