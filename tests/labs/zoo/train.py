"""Train the zoo and write every file of `benchmarks/zoo`; the same command gives the same files.

    pip install -e '.[torch,onnxruntime]' scikit-learn
    python -m tests.labs.zoo.train

One thread and fixed seeds: on one machine with one version of torch the weights come out bit
for bit the same; another CPU or torch may round differently and moves the accuracy by a sample
or two. Takes about a minute. `zoo.json` records what was trained, with what, and how well it does.
"""

from __future__ import annotations

import hashlib
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from bitgauge.benchmarks import zoo
from onnx.reference import ReferenceEvaluator
from torch.nn import functional

from .digits import SPLIT_SEED, Samples, load_split, write_samples
from .networks import NETWORKS, Network, Weights, initial_weights

SEED = 7
EPOCHS = 80
BATCH = 32
PEAK_LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.02
LABEL_SMOOTHING = 0.05
REQUIRED_ACCURACY = 0.95
AGREEMENT = 1e-3

Array = npt.NDArray[Any]


def train(network: Network, samples: Samples) -> Weights:
    """Train with AdamW and a one-cycle rate; each batch is shifted by up to one pixel."""
    generator = torch.Generator().manual_seed(SEED)
    weights = initial_weights(network.shapes, generator)
    pixels, labels = torch.from_numpy(samples.pixels), torch.from_numpy(samples.labels)
    optimizer = torch.optim.AdamW(weights.values(), weight_decay=WEIGHT_DECAY)
    steps = EPOCHS * (len(labels) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LEARNING_RATE, total_steps=steps)
    for _ in range(EPOCHS):
        order = torch.randperm(len(labels), generator=generator)
        for start in range(0, len(order) - BATCH + 1, BATCH):
            rows = order[start : start + BATCH]
            shown = _shifted(pixels[rows], generator)
            loss = functional.cross_entropy(
                network.logits(weights, shown), labels[rows], label_smoothing=LABEL_SMOOTHING
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return weights


def _shifted(pixels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """The batch moved by -1, 0 or 1 pixels along each axis; what enters is empty."""
    down, right = (int(step) for step in torch.randint(0, 3, (2,), generator=generator))
    return functional.pad(pixels, (1, 1, 1, 1))[:, :, down : down + 8, right : right + 8]


def export(network: Network, weights: Weights, samples: Samples, path: Path) -> float:
    """Write the ONNX file; returns its top-1 accuracy on `samples`.

    Raises:
        RuntimeError: the graph and torch disagree, or the accuracy is below what the zoo promises.
    """
    with torch.no_grad():
        expected = network.logits(weights, torch.from_numpy(samples.pixels)).numpy()
    model = network.graph({name: value.detach().numpy() for name, value in weights.items()})
    (logits,) = ReferenceEvaluator(model).run(None, {"pixels": samples.pixels})
    difference = float(np.abs(logits - expected).max())
    if difference > AGREEMENT:
        raise RuntimeError(f"{network.name}: ONNX and torch differ by {difference}")
    accuracy = float(np.mean(np.argmax(logits, axis=1) == samples.labels))
    if accuracy < REQUIRED_ACCURACY:
        raise RuntimeError(f"{network.name}: top-1 accuracy is {accuracy}")
    path.write_bytes(model.SerializeToString(deterministic=True))
    return accuracy


def main(folder: Path) -> None:
    """Train every network and write models, sets and record into `folder`."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    folder.mkdir(parents=True, exist_ok=True)
    split = load_split()
    write_samples(split.calibration, folder / "calibration.npz")
    write_samples(split.evaluation, folder / "evaluation.npz")
    record: dict[str, Any] = {
        "data": "scikit-learn load_digits (UCI Optical Recognition of Handwritten Digits)",
        "seed": SEED,
        "split_seed": SPLIT_SEED,
        "versions": {name: version(name) for name in ("torch", "onnx", "numpy", "scikit-learn")},
        "training_sha256": sample_hashes(split.training.pixels),
        "models": {},
    }
    for network in NETWORKS:
        weights = train(network, split.training)
        path = folder / f"{network.name}.onnx"
        accuracy = export(network, weights, split.evaluation, path)
        record["models"][network.name] = {
            "top1": round(accuracy, 4),
            "parameters": sum(value.numel() for value in weights.values()),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        print(network.name, record["models"][network.name])
    (folder / "zoo.json").write_text(json.dumps(record, indent=1) + "\n")


def sample_hashes(pixels: Array) -> list[str]:
    """SHA-256 of every image's bytes, so that a test can prove the parts disjoint."""
    return [hashlib.sha256(image.tobytes()).hexdigest()[:16] for image in pixels]


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else zoo.evaluation_path().parent)
