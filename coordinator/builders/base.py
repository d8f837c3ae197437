"""What a builder module offers, and what it is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bitgauge.benchmarks.vocabulary.recipes import Recipe


@dataclass(slots=True)
class BuildLog:
    """What a builder says beside the artifact: part of its lineage.

    Attributes:
        notes: what it went without or did otherwise, with the reason, one sentence each.
        batch: the job's batch, where that shaped the outcome; 0 when it holds for every one.
    """

    notes: list[str] = field(default_factory=list)
    batch: int = 0


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """One artifact to build.

    Attributes:
        recipe: what to build.
        baseline: the FP32 model, of the kind that the builder takes; its weights may lie in
            files beside it.
        output: where the artifact goes; its folder exists and is its own: what one file cannot hold
            (`external_data.save_model`) goes beside it.
        calibration: the calibration set (npz), or None when the job has none.
        batch: of the job; a model may take no other.
        environment: root of the builder's environment; None for one that works in ours.
        log: what the builder says of it.
    """

    recipe: Recipe
    baseline: Path
    output: Path
    calibration: Path | None = None
    batch: int = 1
    environment: Path | None = None
    log: BuildLog = field(default_factory=BuildLog, compare=False)


class Unsupported(Exception):
    """The recipe cannot be applied to this model; a fact about it, not an error.

    Attributes:
        reason: one sentence for the table.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


USUAL_SOURCE = "onnx"
"""The artifact kind of the source that a builder takes which does not say another."""


def kind_taken(builder: Builder) -> str:
    """The artifact kind of the source that a builder takes."""
    return str(getattr(builder, "TAKES", USUAL_SOURCE))


class Builder(Protocol):
    """What every module of this package offers, besides `base`, `registry` and `_*`.

    A module imports its quantizer inside its functions: asking which builder takes a recipe
    must stay cheap. Equal requests give equal bytes. One whose packages agree with nobody else's
    also has `ENVIRONMENT`, the name of its folder below `environments/`: its work is a script
    there, which `_outside.run` has done in that environment.

    Attributes:
        VERSION: raised whenever the same request would give another artifact.
        DISTRIBUTIONS: the installed packages whose versions shape an artifact.
        MAKES: the artifact kind that it makes, and so the runtimes that it builds for.

    One that makes formats under names of its runtime's own has them in `RECIPES`, a tuple of
    spellings (`int4-q4_k_m`): they are known, listed and suggested by that. One that can leave
    layers in float, those of `recipes.kept_names`, says `KEEPS = True`.

    It may hold `TAKES`, the artifact kind of the source that it takes; without it that is
    `USUAL_SOURCE`. A builder of `fp32` that takes another kind than it makes is a converter. It may
    hold `USUAL`, the recipes that are built where all are asked for; else these are its `RECIPES`,
    or what is usual of its kind (`recipes.default_recipes`) and it accepts.
    """

    VERSION: int
    DISTRIBUTIONS: tuple[str, ...]
    MAKES: str

    def accepts(self, recipe: Recipe) -> bool:
        """Whether this builder makes `recipe`, a known one; at most one builder of a kind does."""

    def build(self, request: BuildRequest) -> None:
        """Write the artifact to `request.output`.

        Raises:
            Unsupported: the model cannot take the recipe.
            BitgaugeError: the calibration set is not what the model takes.
        """
