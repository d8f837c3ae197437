"""The digits data and its split into training, calibration and evaluation parts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

SPLIT_SEED = 20
CALIBRATION_COUNT = 256
SCHEMA = "bitgauge.eval/1"

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Samples:
    """Images and what they show.

    Attributes:
        pixels: float32 [samples, 1, 8, 8] in 0..1.
        labels: int64 [samples], the digit.
        ids: text [samples], `digits-NNNN` by position in scikit-learn's data set.
    """

    pixels: Array
    labels: Array
    ids: Array

    def take(self, rows: Array) -> Samples:
        return Samples(self.pixels[rows], self.labels[rows], self.ids[rows])


@dataclass(frozen=True, slots=True)
class Split:
    """The parts; `calibration` lies inside `training`, `evaluation` shares no image with it."""

    training: Samples
    calibration: Samples
    evaluation: Samples


def load_split() -> Split:
    """Half for training, half for evaluation, each with every digit in equal share.

    Images that occur twice are kept once, so that the parts are disjoint by content too.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    bunch = load_digits()
    pixels = (np.asarray(bunch.data, np.float32) / np.float32(16)).reshape(-1, 1, 8, 8)
    ids = np.array([f"digits-{row:04d}" for row in range(len(pixels))])
    everything = Samples(pixels, np.asarray(bunch.target, np.int64), ids)
    first_rows = np.unique(pixels.reshape(len(pixels), -1), axis=0, return_index=True)[1]
    unique = everything.take(np.sort(first_rows))

    rows = np.arange(len(unique.labels))
    training, evaluation = train_test_split(
        rows, train_size=len(rows) // 2, stratify=unique.labels, random_state=SPLIT_SEED
    )
    _, calibration = train_test_split(
        training,
        test_size=CALIBRATION_COUNT,
        stratify=unique.labels[training],
        random_state=SPLIT_SEED,
    )
    return Split(*(unique.take(np.sort(part)) for part in (training, calibration, evaluation)))


def write_samples(samples: Samples, path: Path) -> None:
    """Write `samples` as an evaluation or calibration set (npz, schema `bitgauge.eval/1`)."""
    arrays: dict[str, Any] = {
        "schema": np.array(SCHEMA),
        "inputs/pixels": samples.pixels,
        "labels": samples.labels,
        "ids": samples.ids,
    }
    np.savez_compressed(path, **arrays)
