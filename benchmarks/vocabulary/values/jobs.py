"""The words of Bitgauge as plain frozen values.

Every class here, and in `answers`, that crosses the wire has a message of the same name and
field names in ``protos/v1``; `wire` converts between the two by reflection, and a test proves
each pair.
Enumerations live in `vocabulary`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..enums import (
    EntryState,
    FormatFamily,
    HardwareClass,
    JobState,
    ModelClass,
    PassName,
    Profile,
    Scenario,
)
from ..recipes import family_of
from ..runtimes import DEFAULT_RUNTIME
from .devices import StackItem
from .digests import Digest
from .runs import FIRST, Progress, RawRef


@dataclass(frozen=True, slots=True)
class Workload:
    """What one call does: everything here is part of the row key.

    In scenario `llm` one call is a *request*: the context is emptied, `prompt_tokens` are fed, and
    `generated_tokens` times the most probable token is chosen, each but the last fed; the batch is
    1. Elsewhere both are 0.
    """

    scenario: Scenario = Scenario.SINGLE_STREAM
    batch: int = 1
    threads: int = 1
    prompt_tokens: int = field(default=0, metadata=FIRST)
    generated_tokens: int = field(default=0, metadata=FIRST)

    @property
    def is_llm(self) -> bool:
        """Whether a call is a request to a decoder."""
        return self.scenario is Scenario.LLM


USUAL_PROMPT_TOKENS = 128
USUAL_GENERATED_TOKENS = 32


def usual_request(
    threads: int = 1, prompt_tokens: int | None = None, generated_tokens: int | None = None
) -> Workload:
    """The workload of a decoder, with the usual request where nothing else is said."""
    prompt = USUAL_PROMPT_TOKENS if prompt_tokens is None else prompt_tokens
    generated = USUAL_GENERATED_TOKENS if generated_tokens is None else generated_tokens
    return Workload(Scenario.LLM, 1, threads, prompt, generated)


@dataclass(frozen=True, slots=True)
class Overrides:
    """What of a profile was overridden; part of the row key. None: as the profile says.

    `warmup_ms` is the shortest warm-up, `launches` the fresh processes for pair and absolute,
    `budget_ms` the timed milliseconds of one launch. `session_options` are given to the runtime
    beside its defaults, sorted by name; the runtime says which there are.
    """

    warmup_ms: int | None = None
    launches: int | None = None
    budget_ms: int | None = None
    session_options: tuple[StackItem, ...] = ()


NO_OVERRIDES = Overrides()
"""Everything as the profile says."""


USUAL_PERPLEXITY_MARGIN_PCT = 1.0
"""Loss of perplexity that is still none, percent of the baseline's, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Selector:
    """Which devices may run a job; an empty field matches everything."""

    device: str | None = None
    hardware_class: HardwareClass | None = None
    runtime: str | None = None
    min_memory_bytes: int | None = None
    tags: tuple[StackItem, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One artifact of a job, or the recipe to build it from the baseline.

    With `artifact` unset the coordinator builds `recipe`; with `recipe` empty the
    coordinator recognises it from the artifact's graph. `runtime` empty means the job's, and
    `artifact_kind` empty whatever the file is, or its builder makes.

    `name` is the label of an artifact that its owner gave, else its file name; what is built here
    has none. `family` is that of a custom artifact, recognised from the file; any other recipe
    names its own.
    """

    recipe: str
    artifact: Digest | None = None
    name: str = ""
    runtime: str = ""
    artifact_kind: str = ""
    family: FormatFamily | None = None

    @property
    def format_family(self) -> FormatFamily:
        """The family of its recipe, or of the file where the recipe has none."""
        return family_of(self.recipe, self.family)


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A further FP32 form of a model, beside its baseline.

    `kind` is its artifact kind, and `agreement` how it was found to compute the same as the
    baseline, or why that was not looked at, in words; both are set by the coordinator.
    """

    artifact: Digest
    name: str = ""
    kind: str = ""
    agreement: str = ""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What a user submits. Entry 0 is always the baseline itself.

    `model_name` is the label shown in the table; `model_class` is recognised when unset.
    `runtime` executes every entry that names none of its own.
    `deadline_s` bounds running time from first lease, never waiting in the queue. `passes` empty
    means all that the profile asks for. `output` names the one that is judged; empty: the one that
    the labels fit. `dims` gives sizes to named axes of the baseline, sorted by name, and
    `float32` has its doubles become float32. `sources` are further FP32 forms of the same model,
    for runtimes that do not take the baseline. `perplexity_margin_pct` is for decoders what
    `accuracy_margin_pp` is for others; None: the usual.

    `original` and `order` are the coordinator's: where the baseline had to be put in order, what
    was sent, and what was done to it or left out; nobody else's count.
    """

    model_name: str
    baseline: Digest
    entries: tuple[Entry, ...]
    evaluation: Digest
    calibration: Digest | None = None
    model_class: ModelClass | None = None
    runtime: str = DEFAULT_RUNTIME
    selector: Selector = Selector()
    workload: Workload = Workload()
    profile: Profile = Profile.QUICK
    priority: int = 0
    deadline_s: int = 3600
    accuracy_margin_pp: float = 1.0
    wait_for_device: bool = False
    idempotency_key: str = ""
    overrides: Overrides = NO_OVERRIDES
    passes: tuple[PassName, ...] = ()
    output: str = ""
    dims: tuple[StackItem, ...] = ()
    original: Digest | None = None
    order: tuple[str, ...] = ()
    float32: bool = False
    sources: tuple[ModelSource, ...] = ()
    perplexity_margin_pct: float | None = None

    @property
    def perplexity_margin(self) -> float:
        """Loss of perplexity that is still acceptable, percent of the baseline's."""
        told = self.perplexity_margin_pct
        return USUAL_PERPLEXITY_MARGIN_PCT if told is None else told

    def runtime_of(self, entry: Entry) -> str:
        """What executes an entry of this job."""
        return entry.runtime or self.runtime

    def given(self, entry: Entry) -> Digest | None:
        """The artifact of an entry that its owner gave; None: the baseline, or built here."""
        return entry.artifact if entry.name and entry.artifact != self.baseline else None

    @property
    def kinds(self) -> tuple[tuple[str, Digest], ...]:
        """The FP32 forms of the model by artifact kind, the baseline first."""
        own = (self.entries[0].artifact_kind, self.baseline)
        return (own, *((one.kind, one.artifact) for one in self.sources))

    @property
    def runtimes(self) -> tuple[str, ...]:
        """What executes its entries, each once, the baseline's first."""
        return tuple(dict.fromkeys(map(self.runtime_of, self.entries))) or (self.runtime,)


@dataclass(frozen=True, slots=True)
class AssignedEntry:
    """One entry of an assignment; `accepted` ones are not measured again."""

    index: int
    recipe: str
    artifact: Digest
    accepted: bool = False
    raw: tuple[RawRef, ...] = ()
    runtime: str = DEFAULT_RUNTIME
    artifact_kind: str = ""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A lease and everything the agent needs to run its job.

    `passes` empty means all that the profile asks for. `output` is the job's.
    """

    job_id: str
    epoch: int
    lease_token: bytes
    ttl_ms: int
    renew_every_ms: int
    workload: Workload
    profile: Profile
    baseline: Digest
    evaluation: Digest
    entries: tuple[AssignedEntry, ...]
    deadline_s: int
    passes: tuple[PassName, ...] = ()
    overrides: Overrides = NO_OVERRIDES
    output: str = ""

    @property
    def baseline_runtime(self) -> str:
        """What executes the baseline, which is entry 0."""
        found = (entry.runtime for entry in self.entries if entry.index == 0)
        return next(found, DEFAULT_RUNTIME)


@dataclass(frozen=True, slots=True)
class EntryView:
    """One entry as people see it.

    `calibration` is the set that the artifact was calibrated with, where the coordinator built it.
    """

    index: int
    name: str
    recipe: str
    state: EntryState
    artifact: Digest | None = None
    reason: str | None = None
    run_id: str | None = None
    attempts: int = 0
    calibration: Digest | None = None
    runtime: str = ""
    artifact_kind: str = ""
    family: FormatFamily | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """One lease of a job, whether it brought a result or not; `ended_by` is None while held."""

    epoch: int
    device_id: str
    device_name: str
    claimed_unix_ns: int
    ended_unix_ns: int | None = None
    ended_by: str | None = None


@dataclass(frozen=True, slots=True)
class JobView:
    """One job as people see it.

    `suspect` says why its numbers are not to be trusted: the device drifted. Such a job is
    measured once more, as the job `repeated_by`; `repeats` is that job's way back. What saturates
    in it is measured in exact mode too, as the job `exact_by`; `exact_of` is that one's way back,
    `exact_options` what makes it exact. `original`, `order` and `sources` are as in
    `JobSpec`.
    """

    job_id: str
    state: JobState
    model_name: str
    model_class: ModelClass | None = field(default=None, kw_only=True)
    workload: Workload
    profile: Profile
    entries: tuple[EntryView, ...]
    submitted_unix_ns: int
    epoch: int = 0
    device_name: str | None = None
    progress: Progress | None = None
    reason: str | None = None
    waiting_for: str | None = None
    claims: tuple[Claim, ...] = ()
    suspect: str | None = None
    repeats: str | None = None
    repeated_by: str | None = None
    exact_of: str | None = None
    exact_by: str | None = None
    exact_options: tuple[StackItem, ...] = ()
    original: Digest | None = None
    order: tuple[str, ...] = ()
    sources: tuple[ModelSource, ...] = ()
