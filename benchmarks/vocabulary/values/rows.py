"""What the table and a selection are asked, and what they answer, as plain frozen values.

Like `model`: each class has a message of the same name and field names in ``protos/v1``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..enums import (
    CellState,
    FailureGroup,
    FormatFamily,
    HardwareClass,
    ModelClass,
    Profile,
    Realness,
)
from ..reasons import UNSOUND
from ..recipes import CUSTOM
from ..session_options import session_words
from .digests import Digest
from .jobs import Overrides, Workload
from .runs import FIRST, MetricValue

WITH = " with "
"""Between a recipe and the session options that it is to be run with."""
ON = " on "
"""Between a recipe and what executes it, where the baseline is executed by something else."""


@dataclass(frozen=True, slots=True)
class StackChange:
    """One input of a result that differs between two moments; None: it was not there."""

    name: str
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class TableRow:
    """The newest knowledge about one (model, recipe, workload, device, runtime, profile).

    `changes` names every input that is another one now than when this was measured; a measured
    row with any is `stale`. `toolchain` is what built the artifact, None when it was uploaded.
    `output` is the judged output where somebody chose it.

    `reference` is the runtime of the baseline that it is compared with, where that is not its own:
    what several runtimes do is held against one baseline in one of them.

    An artifact that its owner gave has its digest in `artifact`, a part of the row key, and the
    newest name that it was given in `label`; what was built here, and a baseline, has neither.
    """

    model_name: str
    model_class: ModelClass
    recipe: str
    family: FormatFamily
    workload: Workload
    hardware_class: HardwareClass
    device_id: str
    device_name: str
    realness: Realness
    runtime: str
    profile: Profile
    state: CellState
    metrics: tuple[MetricValue, ...] = ()
    reason: str | None = None
    flags: tuple[str, ...] = ()
    run_id: str | None = None
    baseline: Digest | None = None
    measured_unix_ns: int | None = None
    kernel_mode: str | None = None
    overrides: Overrides = field(default_factory=Overrides)
    fingerprint: str = ""
    toolchain: str | None = None
    measuring_version: int = 1
    changes: tuple[StackChange, ...] = ()
    failure_group: FailureGroup | None = None
    run_duration_ns: int | None = None
    output: str = field(default="", metadata=FIRST)
    label: str = ""
    artifact: Digest | None = None
    reference: str = ""

    def metric(self, key: str) -> MetricValue:
        """The metric named `key`, or a null metric with reason `not_measured`."""
        for metric in self.metrics:
            if metric.key == key:
                return metric
        return MetricValue(key=key, reason="not_measured")

    @property
    def unsound(self) -> MetricValue | None:
        """What says that nothing can be compared with its baseline; None where nothing does."""
        metric = self.quality
        return metric if metric.reason in UNSOUND else None

    @property
    def quality(self) -> MetricValue:
        """What holds its quality against its baseline's: of a decoder the perplexity."""
        return self.metric("perplexity_ratio" if self.workload.is_llm else "accuracy_delta_pp")

    @property
    def reference_runtime(self) -> str:
        """What executed the baseline that it is compared with."""
        return self.reference or self.runtime

    @property
    def variant(self) -> str:
        """Its recipe, and what executes it and its sessions are made with where that is not usual.

        A baseline is one thing: the options are about integer kernels. What stands alone is named.
        """
        return self._called(f"{self.recipe} {self.own_name}" if self.stands_alone else self.recipe)

    @property
    def full_name(self) -> str:
        """Its variant, and which file it is of where its owner gave it."""
        return self._called(f"{self.recipe} {self.own_name}" if self.artifact else self.recipe)

    def _called(self, recipe: str) -> str:
        options = session_words(self.overrides.session_options)
        named = f"{recipe}{ON}{self.runtime}" if self.reference else recipe
        if not options or self.family is FormatFamily.FP32:
            return named
        return f"{named}{WITH}{options}"

    @property
    def own_name(self) -> str:
        """What an artifact of its owner's is called: label and short digest; else empty."""
        return "" if self.artifact is None else self.artifact.under(self.label)

    @property
    def stands_alone(self) -> bool:
        """Whether its recipe says nothing of other models: a custom one, or other fp32 weights."""
        return self.artifact is not None and (
            self.recipe == CUSTOM or self.family is FormatFamily.FP32
        )

    @property
    def is_baseline(self) -> bool:
        """Whether it is of the FP32 baseline itself, in the runtime of the reference.

        Another file at full precision is none, and neither is what another runtime makes of it.
        """
        plain = self.family is FormatFamily.FP32 and self.artifact is None
        return plain and not self.reference


@dataclass(frozen=True, slots=True)
class TableQuery:
    """Which rows to answer; an empty field matches everything.

    `artifact` is the label of one that its owner gave, or the start of its digest.
    """

    model_name: str | None = None
    model_class: ModelClass | None = None
    hardware_class: HardwareClass | None = None
    device: str | None = None
    family: FormatFamily | None = None
    batch: int | None = None
    job_id: str | None = None
    workload: Workload | None = None
    artifact: str | None = None
