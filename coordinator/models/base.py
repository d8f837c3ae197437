"""What a file format is to the coordinator, and what it tells of a file.

A format is a module or folder below `formats`, or in ``formats/`` below a folder of
``BITGAUGE_PLUGIN_PATH``, found by its name. It looks at a file and never runs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.vocabulary.enums import FormatFamily, ModelClass
from bitgauge.benchmarks.vocabulary.recipes import Recipe

HEAD_BYTES = 4096
"""How much of a file a format may look at to recognise it."""


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """One output as a model declares it.

    Attributes:
        name: its name in the graph.
        dtype: numpy name of its element type, or `outputs.SEQUENCE` for what is no tensor.
        shape: its dimensions, None where unknown before a call.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class DecoderFacts:
    """What a language model is that predicts the next token; of whatever file format.

    Attributes:
        vocabulary: tokens that it knows.
        context_tokens: most tokens that it was made for; 0 where nothing says it.
        bos: the token that begins a text; None where a text begins with its own first token.
        tokenizer_sha256: which tokens these are, see `digests.sha256_of_tokens`; empty where the
            artifact has no tokenizer.
        architecture: as the file calls it, such as ``llama``.
    """

    vocabulary: int
    context_tokens: int = 0
    bos: int | None = None
    tokenizer_sha256: str = ""
    architecture: str = ""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a model file is, read from its graph.

    Attributes:
        inputs: what a caller must feed, constants left out.
        outputs: what it returns.
        operator_counts: how often each operator type occurs, inner graphs included.
        model_class: recognised from the operators.
        recipe: recognised; None when the file mixes formats or its format has no name.
        family: of most of the weights that it multiplies, by elements; None when none has most.
        parameter_count: elements of the constant tensors that hold numbers (floats and at most
            8-bit integers, scalars left out) as stored: two packed 4-bit weights count once.
        size_bytes: size of the file, and of those beside it that hold weights of it.
        float64: most of its weights are doubles, which no recipe is about.
        decoder: what it is as a language model; None where it is none.
    """

    inputs: tuple[InputSpec, ...]
    outputs: tuple[OutputSpec, ...]
    operator_counts: Mapping[str, int]
    model_class: ModelClass
    recipe: Recipe | None
    parameter_count: int
    size_bytes: int
    family: FormatFamily | None = None
    float64: bool = False
    decoder: DecoderFacts | None = None

    @property
    def format_family(self) -> FormatFamily:
        """That of its recipe, else of most of its weights, else mixed."""
        named = self.recipe.family if self.recipe is not None else self.family
        return named or FormatFamily.MIXED


class Companions(Protocol):
    """What a format module offers besides when its files may name others beside them."""

    def companions(self, path: Path, label: str) -> tuple[str, ...]:
        """The files that the one at `path` needs, by names relative to its folder; none: alone.

        Raises:
            BadInput: EXTERNAL_DATA, it names one outside its folder.
            OSError: it cannot be read.
        """
        ...


class Folder(Protocol):
    """What a format module offers besides whose artifacts are folders.

    Attributes:
        ENTRY: name of the file that such a folder has, which is looked at in place of it. It keeps
            that name wherever the artifact goes, because what runs it looks for it.
    """

    ENTRY: str


class Format(Protocol):
    """The shape of a format module; `Companions` and `Folder` are for those of several files.

    Attributes:
        NAME: the artifact kind of its files.
        RANK: formats of a higher one are asked first whether a file is theirs. One below 0 goes by
            no signature and takes whatever is left.
    """

    NAME: str
    RANK: int

    def recognises(self, head: bytes) -> bool:
        """Whether a file that begins with `head`, at most `HEAD_BYTES` of it, is of this format."""
        ...

    def facts(self, path: Path, label: str) -> ModelFacts:
        """What the file at `path`, called `label` in every sentence, is.

        Raises:
            BadInput: REFUSED_FORMAT for what is a program or was built for one device, BAD_MODEL
                for what is damaged or not whole.
            OSError: it cannot be read.
        """
        ...
