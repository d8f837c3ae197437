"""What the `genai_config.json` of onnxruntime-genai says, read strictly.

The library does whatever such a file says: it loads a library of operators, a provider's backend
or weights from anywhere. So only what a plain decoder for the CPU needs is taken, and every other
key that could name a file or code is refused. The form is that of
https://onnxruntime.ai/docs/genai/reference/config.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...vocabulary.errors import BadInput, Code
from ..manifest import what_is_wrong
from .objects import object_in, section, whole_number, wrong
from .tokens import MAX_TOKENS

CONFIG = "genai_config.json"
"""The file by which a folder is one of these; the library looks for this name."""
MAX_GENAI_CONTEXT_TOKENS = 1 << 30
_SHOWN = 80
_SESSION = {
    *("log_id", "log_severity_level", "provider_options"),
    *("intra_op_num_threads", "inter_op_num_threads", "graph_optimization_level"),
    *("enable_cpu_mem_arena", "enable_mem_pattern"),
}
"""Options of a session that name neither files nor code."""
_NAMES = {"inputs", "outputs"}
"""Objects of a decoder that say how its tensors are called."""


@dataclass(frozen=True, slots=True)
class GenaiConfig:
    """A decoder of onnxruntime-genai.

    Attributes:
        architecture: as the library calls it, such as `llama`.
        model: name of its ONNX file, relative to the folder.
        context_tokens: most tokens that it was made for.
        vocabulary: tokens that it knows.
        bos: token that begins a text; None where it names none.
    """

    architecture: str
    model: str
    context_tokens: int
    vocabulary: int
    bos: int | None


def config_of(path: Path, what: str) -> GenaiConfig:
    """What the file at `path`, of the model called `what`, says.

    Raises:
        BadInput: `BAD_MODEL`, it is no plain decoder; `EXTERNAL_DATA`, its ONNX file lies outside
            its folder; `REFUSED_FORMAT`, it has code loaded.
    """
    model = section(object_in(path, what), "model", what)
    decoder = section(model, "decoder", what)
    others = sorted(name for name, one in model.items() if isinstance(one, dict))
    if others != ["decoder"]:
        parts = ", ".join(name[:_SHOWN] for name in others if name != "decoder")
        raise wrong(what, f"consists of more than a decoder: {parts}")
    _require_plain(decoder, what)
    vocabulary = whole_number(model, "vocab_size", what, MAX_TOKENS)
    architecture = model.get("type")
    if not isinstance(architecture, str) or not architecture.isprintable():
        raise wrong(what, "does not say which type of model it is")
    return GenaiConfig(
        architecture[:_SHOWN],
        _named(decoder.get("filename"), what),
        whole_number(model, "context_length", what, MAX_GENAI_CONTEXT_TOKENS),
        vocabulary,
        _bos(model, vocabulary, what),
    )


def _require_plain(decoder: Mapping[str, Any], what: str) -> None:
    """Refuse what would have the library load more than one ONNX file."""
    for name, one in decoder.items():
        if name in _NAMES and isinstance(one, dict):
            if not all(isinstance(text, str) for text in one.values()):
                raise wrong(what, f"calls a tensor in {name} what is no text")
        elif name != "session_options" and isinstance(one, (dict, list)):
            raise wrong(what, f"has {name[:_SHOWN]!r} in its decoder, which is none of a plain one")
    options = decoder.get("session_options", {})
    if not isinstance(options, dict):
        raise wrong(what, "gives session options that are no object")
    for name in options:
        if name not in _SESSION:
            raise BadInput(
                Code.REFUSED_FORMAT,
                f"{what} sets the session option {name[:_SHOWN]!r}; only those are taken that load"
                " nothing.",
            )
    if options.get("provider_options", []) != []:
        raise BadInput(
            Code.REFUSED_FORMAT,
            f"{what} names a provider of its own, which is a library that is loaded; build it for"
            " the CPU (-e cpu).",
        )


def _named(name: object, what: str) -> str:
    if not isinstance(name, str) or not name:
        raise wrong(what, "names no ONNX file")
    if why := what_is_wrong(name):
        raise BadInput(Code.EXTERNAL_DATA, f"{what} names {name[:_SHOWN]!r}, which {why}.")
    return name


def _bos(model: Mapping[str, Any], vocabulary: int, what: str) -> int | None:
    bos = model.get("bos_token_id")
    if bos is not None and (type(bos) is not int or not 0 <= bos < vocabulary):
        raise wrong(what, f"begins its texts with token {str(bos)[:_SHOWN]}, which is none")
    return bos
