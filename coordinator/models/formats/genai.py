"""genai: a folder of onnxruntime-genai: configuration, the ONNX file that it names, tokenizer.

The configuration is read as strictly as where it is run (`benchmarks.common.folders.genai`), the
ONNX file as any other. What goes in and comes out is that of every language model.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bitgauge.benchmarks.common.folders.genai import CONFIG, GenaiConfig, config_of
from bitgauge.benchmarks.common.folders.objects import wrong
from bitgauge.benchmarks.common.folders.tokens import TOKENIZER, tokenizer_in
from bitgauge.benchmarks.quality.sets import InputSpec

from ..base import DecoderFacts, ModelFacts, OutputSpec
from . import onnx

NAME = "genai"
RANK = 6
ENTRY = CONFIG
"""The file by which a folder is one of these."""

_BESIDE = (TOKENIZER, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")


def recognises(head: bytes) -> bool:
    """Whether a file begins as a configuration of onnxruntime-genai does."""
    text = head.lstrip()
    return text.startswith(b"{") and b'"decoder"' in text and b'"filename"' in text


def companions(path: Path, label: str) -> tuple[str, ...]:
    """The files of a folder besides its configuration; see `base.Companions`."""
    folder, config = path.parent, config_of(path, label)
    beside = [name for name in _BESIDE if (folder / name).is_file()]
    model = folder / config.model
    own = onnx.companions(model, label) if model.is_file() else ()
    place = Path(config.model).parent
    return tuple(sorted({config.model, *beside, *(str(place / name) for name in own)}))


def facts(path: Path, label: str) -> ModelFacts:
    """What the folder is whose configuration is at `path`; see `base.Format`."""
    config = config_of(path, label)
    model = path.parent / config.model
    if model.is_symlink() or not model.is_file():
        raise wrong(label, f"names {config.model[:80]!r}, which is no plain file beside it")
    inner = onnx.facts(model, f"The ONNX file of {label}")
    _require_decoder(inner, config, label)
    tokenizer = path.parent / TOKENIZER
    sizes = [(path.parent / name).stat().st_size for name in companions(path, label)]
    return replace(
        inner,
        inputs=(InputSpec("tokens", "int64", (None, None), ("batch", "position")),),
        outputs=(OutputSpec("logits", "float32", (None, None, config.vocabulary)),),
        size_bytes=path.stat().st_size + sum(sizes),
        decoder=DecoderFacts(
            vocabulary=config.vocabulary,
            context_tokens=config.context_tokens,
            bos=config.bos,
            tokenizer_sha256=tokenizer_in(tokenizer, label) if tokenizer.is_file() else "",
            architecture=config.architecture,
        ),
    )


def _require_decoder(found: ModelFacts, config: GenaiConfig, label: str) -> None:
    """Refuse a graph that takes no tokens, or judges others than the configuration says."""
    if "input_ids" not in {one.name for one in found.inputs}:
        raise wrong(label, "names an ONNX file that takes no input_ids, so it is no decoder")
    logits = next((one for one in found.outputs if one.name == "logits"), None)
    if logits is None:
        raise wrong(label, "names an ONNX file that returns no logits, so it is no decoder")
    if logits.shape and logits.shape[-1] not in (None, config.vocabulary):
        raise wrong(
            label,
            f"says that it knows {config.vocabulary} tokens, and its ONNX file judges"
            f" {logits.shape[-1]}",
        )
