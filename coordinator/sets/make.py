"""From a source of samples to an evaluation set and a calibration set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bitgauge.benchmarks.quality.sets import (
    EvaluationSet,
    InputSpec,
    check_inputs,
    sample_hashes,
    write_evaluation_set,
)

from .base import SetOptions, label_codes, refused, written_to
from .registry import source_of
from .split import split


@dataclass(frozen=True, slots=True)
class MadeSets:
    """Two sets of one source.

    Attributes:
        evaluation: to judge with.
        calibration: to calibrate with; None when none was asked for.
        classes: how the order of the classes was found; "" without labels.
    """

    evaluation: EvaluationSet
    calibration: EvaluationSet | None
    classes: str


def make_sets(
    source: Path,
    specs: Sequence[InputSpec],
    options: SetOptions,
    *,
    classes: Sequence[str] = (),
    calibration: int = 0,
    seed: int = 0,
) -> MadeSets:
    """Read a source and divide it.

    Args:
        source: a file or a folder.
        specs: what the model takes.
        options: how files become that.
        classes: names of the classes in the order of the model's outputs.
        calibration: samples that are to calibrate; 0: none.
        seed: of the division.

    Raises:
        BadInput: the source is not what the model takes, or holds too little.
        Refused: a library is missing.
    """
    samples = source_of(source, options).read(source, specs, options)
    count = len(samples.ids)
    if not 0 <= calibration < count:
        raise refused(f"{source} holds {count} samples; {calibration} to calibrate leave none.")
    codes, order = (None, "")
    told = dict(samples.done)
    if samples.labels is not None:
        codes, order = label_codes(samples.labels, classes)
        names = dict(sorted(zip(codes.tolist(), samples.labels, strict=True)))
        told |= {"classes": {str(code): name for code, name in names.items()}}
    whole = EvaluationSet(samples.inputs, codes, np.array(samples.ids), preprocessing=told)
    check_inputs(whole, specs)
    if not calibration:
        return MadeSets(whole, None, order)
    kept, chosen = split(sample_hashes(whole), samples.labels, calibration, seed)
    if not kept.size:
        raise refused(f"{source} holds too few different samples to divide them.")
    parted = {"of": count, "calibration": int(chosen.size), "seed": seed}
    told |= {"split": parted}
    return MadeSets(whole.taken(kept, told), whole.taken(chosen, told), order)


def save(made: MadeSets, evaluation: Path, calibration: Path | None) -> None:
    """Write both sets, each whole or not at all.

    Raises:
        BadInput: BAD_ARGUMENT, one cannot be written there.
    """
    for path, one in ((evaluation, made.evaluation), (calibration, made.calibration)):
        if path is not None and one is not None:
            with written_to(path):
                write_evaluation_set(path, one)
