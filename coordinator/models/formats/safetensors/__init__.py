"""safetensors: a Hugging Face folder; `config.json`, the weights as plain tensors, the tokenizer.

Nothing of it is run: the JSON is read strictly, and of the weights the headers alone. Weights in
pickles (`pytorch_model.bin`) and classes of a model's own (`auto_map`) are refused.
"""

from __future__ import annotations

from pathlib import Path

from bitgauge.benchmarks.common.folders.objects import object_in
from bitgauge.benchmarks.common.folders.tokens import TOKENIZER, tokenizer_in
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

from ...base import DecoderFacts, ModelFacts, OutputSpec
from .config import config_in, recognised_class
from .folder import tensors_of, weight_files, within
from .recipe import operators_of, recipe_and_family

NAME = "safetensors"
RANK = 4
ENTRY = "config.json"
"""The file by which a folder is one of these."""

_BESIDE = (
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("tokenizer.model", "vocab.json", "merges.txt", "vocab.txt"),
    *("generation_config.json", "chat_template.jinja"),
)
"""What belongs to a model besides its weights, where it is there."""


def recognises(head: bytes) -> bool:
    """Whether a file begins as a configuration of transformers does, or as a file of tensors."""
    text = head.lstrip()
    if text.startswith(b"{"):
        return b'"model_type"' in text or b'"architectures"' in text
    return head[8:10] == b'{"' and int.from_bytes(head[:8], "little") < 1 << 40


def companions(path: Path, label: str) -> tuple[str, ...]:
    """The files of a folder besides its configuration; see `base.Companions`."""
    if not _is_config(path):
        return ()  # said by `facts`
    weights = weight_files(path.parent, label)
    beside = (name for name in _BESIDE if (path.parent / name).exists())
    return tuple(sorted({*weights.names, *([weights.index] if weights.index else []), *beside}))


def facts(path: Path, label: str) -> ModelFacts:
    """What the folder is whose configuration is at `path`; see `base.Format`."""
    if not _is_config(path):
        raise BadInput(
            Code.BAD_MODEL,
            f"{label} is a file of tensors alone; give the folder in which it lies with its"
            f" {ENTRY}.",
        )
    config = config_in(object_in(path, label), label)
    names = companions(path, label)
    tensors = tensors_of(weight_files(path.parent, label), path.parent, label)
    recipe, family = recipe_and_family(config, tensors)
    tokenizer = path.parent / TOKENIZER
    files = [path, *(within(path.parent, name, label) for name in names)]
    return ModelFacts(
        inputs=(InputSpec("tokens", "int64", (None, None), ("batch", "position")),),
        outputs=(OutputSpec("logits", "float32", (None, None, config.vocabulary)),),
        operator_counts=operators_of(tensors),
        model_class=recognised_class(config),
        recipe=recipe,
        parameter_count=sum(one.elements for one in tensors.values() if one.shape),
        size_bytes=sum(file.stat().st_size for file in files),
        family=family,
        float64=any(one.dtype == "F64" for one in tensors.values()),
        decoder=DecoderFacts(
            vocabulary=config.vocabulary,
            context_tokens=config.context_tokens,
            bos=config.bos,
            tokenizer_sha256=tokenizer_in(tokenizer, label) if tokenizer.is_file() else "",
            architecture=config.architecture,
        ),
    )


def _is_config(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4096).lstrip().startswith(b"{")
