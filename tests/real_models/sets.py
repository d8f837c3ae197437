"""What the models are fed: files of this repository, and sounds and images made from a seed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from bitgauge.benchmarks.quality.sets import EvaluationSet, write_evaluation_set

ROOT = Path(__file__).parents[2]
Feeds = dict[str, npt.NDArray[Any]]
Made = Callable[[np.random.Generator, int], Feeds]

_PERIOD_S = 1 / 22050
_KINDS = {".py": "python", ".md": "markdown", ".toml": "toml", ".proto": "proto", ".json": "json"}
_FOLDERS = ("agents", "benchmarks", "coordinator", "docs", "protos")
_EDGE = 1024
_PADDING = 256
"""What stands for no byte."""


def images(channels: int, height: int, width: int, name: str = "x") -> Made:
    """Six soft spots each, of any colour."""

    def made(rng: np.random.Generator, count: int) -> Feeds:
        y, x = np.mgrid[0:height, 0:width]
        found = np.zeros((count, channels, height, width), np.float32)
        for number in range(count):
            for _ in range(6):
                down, right, radius = rng.uniform((0, 0, 4), (height, width, 4 + height / 2))
                spot = np.exp(-(((y - down) ** 2 + (x - right) ** 2) / radius**2))
                found[number] += rng.uniform(-1, 1, (channels, 1, 1)) * spot
        return {name: found}

    return made


def tones(length: int, name: str) -> Made:
    """Two sines each, one of which fades."""

    def made(rng: np.random.Generator, count: int) -> Feeds:
        at = np.arange(length) * _PERIOD_S
        pitches, fading = rng.uniform(80, 1500, (2, count, 1)), rng.uniform(0, 3, (count, 1))
        first, second = np.sin(2 * np.pi * pitches * at)
        sound = 0.5 * first * np.exp(-fading * at) + 0.3 * second
        return {name: sound.astype(np.float32)[:, :, None]}

    return made


def noise(length: int, state: Mapping[str, tuple[int, ...]]) -> Made:
    """Noise of any loudness, and a state that is at rest."""

    def made(rng: np.random.Generator, count: int) -> Feeds:
        sound = rng.normal(0, 0.1, (count, length)) * rng.uniform(0, 3, (count, 1))
        rest = {name: np.zeros((count, *shape), np.float32) for name, shape in state.items()}
        return {"input": sound.astype(np.float32), **rest}

    return made


def write_files(config: Path, evaluation: Path, calibration: Path, counts: tuple[int, int]) -> None:
    """Beginnings and ends of files of this repository, with their true types as labels."""
    space = json.loads(config.read_text())["target_labels_space"]
    kinds = defaultdict(list)
    for path in sorted(path for folder in _FOLDERS for path in (ROOT / folder).rglob("*")):
        if path.suffix in _KINDS and path.stat().st_size > _EDGE:
            kinds[_KINDS[path.suffix]].append(path)
    rows, labels = [], []
    for place in range(max(map(len, kinds.values()))):
        for kind in sorted(kinds):
            if place < len(kinds[kind]):
                rows.append(_ends(kinds[kind][place].read_bytes()))
                labels.append(space.index(kind))
    first, second = counts
    assert len(rows) >= first + second
    _write(evaluation, {"bytes": np.stack(rows[:first])}, np.array(labels[:first]))
    _write(calibration, {"bytes": np.stack(rows[first : first + second])}, None)


def _ends(data: bytes) -> npt.NDArray[np.int32]:
    begins, ends = data[: 4 * _EDGE].lstrip()[:_EDGE], data[-4 * _EDGE :].rstrip()[-_EDGE:]
    row = np.full(2 * _EDGE, _PADDING, np.int32)
    row[: len(begins)] = list(begins)
    row[2 * _EDGE - len(ends) :] = list(ends)
    return row


def write_made(
    model: Path,
    made: Made,
    evaluation: Path,
    calibration: Path,
    counts: tuple[int, int],
    *,
    labelled: bool,
) -> None:
    """Sets of what `made` makes; a label is what the model itself says, so FP32 is always right."""
    first, second = (made(np.random.default_rng(seed), count) for seed, count in enumerate(counts))
    _write(evaluation, first, _classes(model, first) if labelled else None)
    _write(calibration, second, None)


def _classes(model: Path, feeds: Feeds) -> npt.NDArray[Any]:
    session = ort.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    logits: Any = session.run(None, dict(feeds))[0]
    classes: npt.NDArray[Any] = np.asarray(logits).argmax(1).astype(np.int64)
    return classes


def _write(path: Path, inputs: Feeds, labels: npt.NDArray[Any] | None) -> None:
    ids = np.array([f"sample-{number}" for number in range(len(next(iter(inputs.values()))))])
    write_evaluation_set(path, EvaluationSet(inputs, labels, ids))
