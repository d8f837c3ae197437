"""Train the decoder and write its files of `benchmarks/zoo`.

    pip install -c constraints.txt torch && pip install -c constraints.txt -e . gguf
    python -m tests.labs.zoo.decoder.train [FOLDER]

One thread and fixed seeds: on one machine with one version of torch the weights come out bit for
bit the same; another CPU rounds differently, and what is learned is as good. Takes about ten
minutes of one core whose products in bfloat16 are quick (AVX512-BF16, AMX), longer elsewhere.
`tiny-llama.json` records what was trained, with what, and how well it does.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.quality.texts import TextSet, tokenizer_sha256, write_text_set
from torch.nn import functional

from . import as_gguf
from .learn import SEED, Plan, learned
from .network import Decoder
from .size import Size
from .text import BOS, PREPROCESSING, SPLIT_SEED, TEXT_PATH, TOKENS, Ints, Split, load_split

WINDOW_TOKENS = 256


def windows(ids: Ints) -> Iterator[Ints]:
    """A document in windows of at most 256 tokens, each after the token that begins a text."""
    step = WINDOW_TOKENS - 1
    for start in range(0, len(ids), step):
        yield torch.tensor([BOS, *ids[start : start + step]]).numpy()


def perplexity(network: Decoder, documents: Mapping[str, Ints]) -> float:
    """exp of the mean negative log-likelihood of every token, one window after another."""
    torch.set_num_threads(1)  # several wait for each other on a machine that others use
    total, count = 0.0, 0
    with torch.no_grad():
        for ids in documents.values():
            for window in windows(ids):
                tokens = torch.from_numpy(window)
                scores = network(tokens[None, :-1])[0].double()
                total += float(functional.cross_entropy(scores, tokens[1:], reduction="sum"))
                count += len(window) - 1
    return math.exp(total / count)


def of_file(path: Path) -> Decoder:
    """The network that a GGUF file holds, in float32."""
    weights, size = as_gguf.read(path)
    network = Decoder(size)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    network.eval()
    return network


def write(network: Decoder, split: Split, folder: Path) -> dict[str, Any]:
    """Write the model and its sets; returns what is recorded of them."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / zoo.decoder().path.name
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    as_gguf.write(weights, network.size, path)
    digest = tokenizer_sha256(TOKENS)
    for target, documents in (
        (zoo.decoder().evaluation_path, split.evaluation),
        (zoo.decoder().calibration_path, split.calibration),
    ):
        write_text_set(folder / target.name, TextSet(documents, digest, PREPROCESSING))
    return {
        "parameters": sum(value.size for value in weights.values()),
        "perplexity": round(perplexity(of_file(path), split.evaluation), 4),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def main(folder: Path, size: Size | None = None, plan: Plan | None = None) -> None:
    """Train the network and write model, sets and record into `folder`."""
    plan = plan or Plan()
    split = load_split()
    network = learned(size or Size(), plan, split.training.values())
    record = {
        "data": "prose of the documentation of Python 3.11.2 (Debian's python3.11-doc), PSF-2.0",
        "data_sha256": hashlib.sha256(TEXT_PATH.read_bytes()).hexdigest(),
        "seed": SEED,
        "split_seed": SPLIT_SEED,
        "steps": plan.steps,
        "versions": {name: version(name) for name in ("torch", "numpy", "gguf")},
        "training_documents": sorted(split.training),
        **write(network, split, folder),
    }
    (folder / f"{as_gguf.NAME}.json").write_text(json.dumps(record, indent=1) + "\n")
    print(f"perplexity {record['perplexity']}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else zoo.evaluation_path().parent)
