"""The committed text, its split into documents, and bytes as tokens.

`python-docs.txt` is prose of Python's documentation, taken out by `extract.py`: pages of one
paragraph a line, each after a line with its name; `benchmarks/zoo/tiny-llama.LICENSE` is its
licence.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

TEXT_PATH = Path(__file__).resolve().parent / "python-docs.txt"
MARK = "==== "
"""Begins the line that names a page."""

SPLIT_SEED = 20
EVALUATION_DOCUMENTS = 24
EVALUATION_TOKENS = 1020
"""Of each: four windows of 255 tokens after the one that begins a text."""
CALIBRATION_DOCUMENTS = 16
CALIBRATION_TOKENS = 2040

UNKNOWN, BOS, EOS = 0, 1, 2
FIRST_BYTE = 3
PAD = FIRST_BYTE + 256
TOKENS = ["<unk>", "<s>", "</s>", *(f"<0x{value:02X}>" for value in range(256)), "<pad>"]
"""Text of each token in the order of ids."""

PREPROCESSING = {
    "text": "prose of Python's documentation, 3.11.2 (Debian's python3.11-doc), PSF-2.0",
    "changes": "paragraphs of prose alone, markup taken out, pages cut to one length",
    "tokens": "one for each byte of UTF-8: 3 + its value",
}
"""What the sets say of themselves."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Split:
    """Tokens of each page by its name; no page and no paragraph is in two parts."""

    training: dict[str, Ints]
    calibration: dict[str, Ints]
    evaluation: dict[str, Ints]


def encode(text: str) -> Ints:
    """One token for each byte of the text in UTF-8; int64 [bytes]."""
    return np.frombuffer(text.encode(), np.uint8).astype(np.int64) + FIRST_BYTE


def pages(path: Path = TEXT_PATH) -> dict[str, str]:
    """The text of every page, by its name, in the order of the file."""
    parts = re.split(f"^{MARK}", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {name: text for name, _, text in (part.partition("\n") for part in parts)}


def load_split() -> Split:
    """Pages drawn for evaluation and calibration, cut to one length; the rest is for training."""
    everything = {name: encode(text) for name, text in pages().items()}
    long_enough = [name for name, ids in everything.items() if len(ids) >= CALIBRATION_TOKENS]
    drawn = random.Random(SPLIT_SEED).sample(
        long_enough, EVALUATION_DOCUMENTS + CALIBRATION_DOCUMENTS
    )
    evaluation = sorted(drawn[:EVALUATION_DOCUMENTS])
    calibration = sorted(drawn[EVALUATION_DOCUMENTS:])
    return Split(
        {name: ids for name, ids in everything.items() if name not in drawn},
        {name: everything[name][:CALIBRATION_TOKENS] for name in calibration},
        {name: everything[name][:EVALUATION_TOKENS] for name in evaluation},
    )
