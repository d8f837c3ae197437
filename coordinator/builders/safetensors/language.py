"""Builders of language models: what they are given, and what is said of what they made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from bitgauge.benchmarks.common.folders.objects import object_in
from bitgauge.benchmarks.common.folders.tokens import TOKENIZER, tokenizer_in
from bitgauge.benchmarks.quality.texts import chunked, read_text_set, require_tokenizer
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.errors import Code

from ...models.formats import safetensors
from ...models.formats.safetensors.config import Config, config_in
from .._checks._verdict import broken
from ..base import BuildRequest, Unsupported

SEED = 20_240_229
WINDOW_TOKENS = 256
"""Of a piece of a text, as many as perplexity is judged by."""
MOST_WINDOWS = 8
"""Pieces on which what was made is held against its source."""
LARGEST_RATIO = 10.0
"""Of perplexities, beyond which nothing explains a build but that it is broken."""
_FLOATS = (FormatFamily.FP32, FormatFamily.FP16, FormatFamily.BF16)

Windows = list[list[int]]


def source_of(request: BuildRequest) -> Config:
    """The configuration of the folder that a builder is given.

    Raises:
        Unsupported: it is not one of floats throughout, or has no tokenizer.
        BadInput: it is no folder of a language model, or damaged.
    """
    facts = safetensors.facts(request.baseline, "the model")
    if facts.recipe is None or facts.recipe.family not in _FLOATS:
        raise Unsupported("The model is not one of floats throughout, which this is built of.")
    if not (request.baseline.parent / TOKENIZER).is_file():
        raise Unsupported(
            f"The model has no {TOKENIZER} beside it, and without it nobody knows what its tokens"
            " are."
        )
    return config_in(object_in(request.baseline, "The model"), "The model")


def windows_of(
    request: BuildRequest, config: Config, most: int = MOST_WINDOWS
) -> tuple[Windows, bool]:
    """Pieces of the calibration texts, spread over all of them; and whether there are such.

    Where there are none, tokens are drawn from a seed: they tell whether two forms agree, not how
    good one is.

    Raises:
        BadInput: BAD_CALIBRATION_SET, the texts are of another tokenizer.
    """
    size = min(WINDOW_TOKENS, config.context_tokens)
    begins = [] if config.bos is None else [config.bos]
    room = size - len(begins)
    if request.calibration is None:
        drawn = np.random.default_rng(SEED).integers(0, config.vocabulary, (2, room))
        return [[*begins, *map(int, row)] for row in drawn], False
    code = Code.BAD_CALIBRATION_SET
    texts = read_text_set(request.calibration, code)
    model = tokenizer_in(request.baseline.parent / TOKENIZER, "The tokenizer of the model")
    require_tokenizer(texts, model, code)
    pieces = [one for text in texts.documents.values() for one in chunked(text, room)]
    whole = [one for one in pieces if one.size == room] or pieces
    chosen = np.unique(np.linspace(0, len(whole) - 1, min(most, len(whole))).astype(int))
    return [[*begins, *map(int, whole[at])] for at in chosen], True


@dataclass(frozen=True, slots=True)
class SourceComparison:
    """What was made, held against its source on pieces of text.

    Attributes:
        ratio: of their perplexities.
        same: share of the places with the same best token.
        farthest: largest difference of what a token costs, in nats.
        from_texts: whether the pieces are of texts, or drawn at random.
    """

    ratio: float
    same: float
    farthest: float
    from_texts: bool

    @property
    def words(self) -> str:
        """In few words."""
        what = "the calibration texts" if self.from_texts else "tokens drawn at random"
        return (
            f"on {what} its perplexity is {self.ratio:.4f} times its source's, and its best token"
            f" the same in {100 * self.same:.1f} % of all places"
        )


def held(answer: Mapping[str, Any], *, from_texts: bool) -> SourceComparison:
    """What a script says of the `source` and of what was `made`; see `judged` in each.

    Raises:
        Unsupported: it answers infinities, or predicts nothing of what its source does.
    """
    source, made = answer["source"], answer["made"]
    if source["infinite"]:
        raise Unsupported("The model itself answers what is infinite or no number.")
    if made["infinite"]:
        raise broken("its logits are infinite or no numbers")
    costs = np.array(source["nats"]), np.array(made["nats"])
    found = SourceComparison(
        ratio=float(np.exp(np.minimum(costs[1].mean() - costs[0].mean(), 50))),
        same=float(np.mean(np.array(source["best"]) == np.array(made["best"]))),
        farthest=float(np.abs(costs[0] - costs[1]).max()),
        from_texts=from_texts,
    )
    if not found.ratio < LARGEST_RATIO:
        raise broken(f"its perplexity is {found.ratio:.3g} times its source's")
    return found


def put_beside(made: Path, entry: str, output: Path) -> None:
    """Move the files of a folder to where a build leaves them: `entry` as `output`, others beside.

    Args:
        made: the folder; nothing is left in it.
        entry: name of the file to load.
        output: its new path.
    """
    for path in sorted(made.iterdir()):
        path.rename(output if path.name == entry else output.parent / path.name)
