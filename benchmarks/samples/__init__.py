"""What one launch of each pass observed: facts only, no statistics.

A block is a run of consecutive iterations between two readings of the conditions. Arrays are
one-dimensional; units are in the names. Times come from one monotonic clock per launch, so
starts of different launches are not comparable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..vocabulary.reasons import NOT_RECORDED
from .blocks import (
    BASELINE,
    CANDIDATE,
    GROWING,
    MW_TO_MJ_PER_NS,
    NAN,
    OF_CARDS,
    SLOWDOWNS,
    BlockConditions,
    Bools,
    Conditions,
    DeviceTimes,
    Floats,
    Floats32,
    Ints,
    Texts,
    WarmUp,
)
from .decoders import GenerationSamples, PerplexitySamples

__all__ = [
    "AROUND",
    "ARRAYS",
    "BASELINE",
    "CANDIDATE",
    "GROWING",
    "MW_TO_MJ_PER_NS",
    "NAN",
    "OF_CARDS",
    "OF_CARD_WINDOWS",
    "SLOWDOWNS",
    "WHOLE",
    "AbsoluteSamples",
    "ApartSamples",
    "BaselineSamples",
    "BlockConditions",
    "Bools",
    "Conditions",
    "DeviceTimes",
    "EnergySamples",
    "Floats",
    "Floats32",
    "GenerationSamples",
    "Ints",
    "MemoryCheckpoint",
    "MemorySamples",
    "PairSamples",
    "PerplexitySamples",
    "QualitySamples",
    "SweepSamples",
    "TaskSamples",
    "Texts",
    "WarmUp",
]


@dataclass(frozen=True, slots=True, eq=False)
class PairSamples:
    """The quads of one launch, one element per block in the order in which they ran.

    Attributes:
        value_ns: median latency of the counted iterations.
        start_ns: clock at the first counted iteration.
        iterations: counted iterations; one uncounted iteration precedes them.
        letter: `BASELINE` or `CANDIDATE`; the order within a quad is ABBA or BAAB.
        quad: index of the quad, 0-based and ascending.
        conditions: conditions of each block.
        warm: the warm-up of both calls.
        stopped: why no more quads were added: `precise`, `max_quads`, `budget`, or `too_slow` when
            the budget was overrun many times before there were enough.
    """

    value_ns: Floats
    start_ns: Ints
    iterations: Ints
    letter: Ints
    quad: Ints
    conditions: BlockConditions
    warm: WarmUp
    stopped: str


@dataclass(frozen=True, slots=True, eq=False)
class ApartSamples:
    """One launch of pass `pair` that held one artifact alone; see `PairSamples`.

    Attributes:
        value_ns: median latency of the counted iterations.
        start_ns: clock at the first counted iteration.
        iterations: counted iterations; one uncounted iteration precedes them.
        conditions: conditions of each block.
        warm: the warm-up.
        quad: index of the quad of launches, 0-based.
        place: of the launch in its quad, 0 to 3.
        stopped: why no more blocks were added: `blocks`, `budget` or `too_slow`.
        no_room: whether it held one because memory did not hold both.
    """

    value_ns: Floats
    start_ns: Ints
    iterations: Ints
    conditions: BlockConditions
    warm: WarmUp
    quad: int
    place: int
    stopped: str
    no_room: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class AbsoluteSamples:
    """Single latencies of one launch.

    Attributes:
        latency_ns: latencies in time order; when `count` exceeds their number, a uniform sample
            in the order of its blocks.
        block: index of the block of each latency, ascending.
        block_start_ns: clock at the first iteration of each block.
        conditions: conditions of each block.
        warm: the warm-up.
        count: latencies that were taken.
        block_end_ns: clock right after the last iteration of each block.
        device: what the device itself told of further calls; None where it has no clock.
    """

    latency_ns: Ints
    block: Ints
    block_start_ns: Ints
    conditions: BlockConditions
    warm: WarmUp
    count: int
    block_end_ns: Ints
    device: DeviceTimes | None = None


@dataclass(frozen=True, slots=True)
class MemoryCheckpoint:
    """Memory of the child at one point, in bytes, as Linux counts it.

    Attributes:
        name: `m0` runtime imported, `m1` model loaded, `m2` after the runs, `m3` after release.
        rss_bytes: VmRSS.
        rss_anon_bytes: RssAnon.
        rss_file_bytes: RssFile.
        pss_bytes: Pss of smaps_rollup.
        uss_bytes: Private_Clean + Private_Dirty (+ Private_Hugetlb) of smaps_rollup.
        hwm_bytes: VmHWM since the reset that opened the phase which ends here; for `m0` it is
            read right after a reset, before the model is loaded.
    """

    name: str
    rss_bytes: int
    rss_anon_bytes: int
    rss_file_bytes: int
    pss_bytes: int
    uss_bytes: int
    hwm_bytes: int


@dataclass(frozen=True, slots=True)
class MemorySamples:
    """Checkpoints m0 to m3 of one launch.

    `method` is `vmhwm` when the high-water mark was reset before each phase, `sampled` when it
    could not be and the peaks were polled.

    `arena` is `on` or `off` as the runtime's arena was, `none` for a runtime without one.
    `batches` are the batch sizes that ran before m2, in order. `group_peak_bytes` is the peak of
    the launch's control group, page cache and all its processes included, at each checkpoint since
    the group was made; empty where it could not be read.

    Of a graphics card: `device_peak_bytes` is the most that its driver counted for the process in
    the phase that ends at each checkpoint, `card_peak_bytes` the most that everybody had there;
    both are empty of a device without a memory of its own. `device_reason` is a key of the reasons
    why the process' own is not told. `allocator_peak_bytes` is what the runtime says that its own
    allocator took of the card until m2, by the runtime's names.
    """

    checkpoints: tuple[MemoryCheckpoint, ...]
    method: str = "vmhwm"
    arena: str = "on"
    batches: tuple[int, ...] = ()
    group_peak_bytes: tuple[int, ...] = ()
    device_peak_bytes: tuple[int, ...] = ()
    card_peak_bytes: tuple[int, ...] = ()
    device_reason: str = NOT_RECORDED
    allocator_peak_bytes: Mapping[str, int] = field(default_factory=dict)

    def at(self, name: str) -> MemoryCheckpoint:
        """The checkpoint called `name`; KeyError when there is none."""
        for checkpoint in self.checkpoints:
            if checkpoint.name == name:
                return checkpoint
        raise KeyError(name)


@dataclass(frozen=True, slots=True, eq=False)
class QualitySamples:
    """One element per evaluation sample; fields of the candidate are None for the baseline alone.

    Attributes:
        ids: name of each sample, unique.
        labels: true class, or None without labels.
        ref_top1: class the baseline predicts, -1 where its output is not finite.
        cand_top1: the same of the candidate.
        ref_loss: cross-entropy of the baseline in nats, NaN where undefined; None without labels.
        cand_loss: the same of the candidate.
        kl: KL divergence of the candidate's distribution from the baseline's, in nats.
        max_abs_diff: largest absolute difference between the two outputs.
        ref_nonfinite: outputs of the baseline that are NaN or infinite.
        cand_nonfinite: the same of the candidate.
        classes: classes of the output; 0 when the output is no (samples, classes) matrix.
        ref_rank: place of the label among the classes by the baseline, 0 for the best, -1 where it
            has none; None where not every class is given a number.
        cand_rank: the same by the candidate.
        ref_confidence: probability that the baseline gives its prediction, or None likewise.
        cand_confidence: the same of the candidate.
        strata: group of each sample, or None.
    """

    ids: Texts
    ref_top1: Ints
    ref_nonfinite: Ints
    labels: Ints | None
    ref_loss: Floats | None
    cand_top1: Ints | None
    cand_nonfinite: Ints | None
    cand_loss: Floats | None
    kl: Floats | None
    max_abs_diff: Floats | None
    classes: int
    ref_rank: Ints | None = None
    cand_rank: Ints | None = None
    ref_confidence: Floats | None = None
    cand_confidence: Floats | None = None
    strata: Texts | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TaskSamples:
    """What a task that is not about classes keeps of each sample; see `quality.tasks`.

    Attributes:
        task_ref: figures of the baseline, those of the first sample first.
        task_chance: of its answers to other samples.
        task_cand: of the candidate; None for the baseline alone.
        task_cosine: how far both outputs of each sample point the same way; likewise.
        task_cluster: number of the source of each sample; None where each is its own.
    """

    task_ref: Floats
    task_chance: Floats
    task_cand: Floats | None
    task_cosine: Floats | None
    task_cluster: Ints | None


@dataclass(frozen=True, slots=True, eq=False)
class BaselineSamples:
    """What tells whether a baseline is sound, one element per evaluation sample.

    Attributes:
        ref_magnitude: its largest finite output; 0 of outputs that are no floating numbers, of
            which every difference counts.
        ref_lead: how far its best class is ahead of the second; NaN where there is no best one.
        ref_apart: largest difference of its outputs from those of the first sample.
        ref_again: largest difference of its outputs from those of a second run, of the first
            samples alone.
    """

    ref_magnitude: Floats
    ref_lead: Floats
    ref_apart: Floats
    ref_again: Floats


@dataclass(frozen=True, slots=True, eq=False)
class SweepSamples:
    """The windows of a sweep, one element per window in the order they ran.

    Attributes:
        batch: samples per call.
        calls: calls that completed.
        start_ns: clock at the first issue.
        elapsed_ns: from there to the last completion.
        busy_ns: sum of the latencies of the calls.
        conditions: conditions of each window.
        stopped: why no larger batch was tried: `gain` below 3 %, `memory`, `fixed_batch` of the
            artifact, `refused` by the runtime, `too_slow` or `max_batch`.
    """

    batch: Ints
    calls: Ints
    start_ns: Ints
    elapsed_ns: Ints
    busy_ns: Ints
    conditions: BlockConditions
    stopped: str


@dataclass(frozen=True, slots=True, eq=False)
class EnergySamples:
    """The windows of one launch, one element each, in the order in which they ran.

    Attributes:
        letter: `BASELINE`, `CANDIDATE`, `BARE_IDLE` or `LOADED_IDLE`.
        start_ns: clock at its first edge.
        end_ns: clock at its last edge.
        energy_mj: what the meter showed in between.
        iterations: inferences in it.
        foreign_share: of all processors of the package, used by other processes; NaN where
            unknown.
        second_mj: what the second meter showed in between; NaN where there was none.
        temperature_c: of the processor at its end; NaN where unknown.
        clock_mhz: of the processor at its end; NaN where unknown.
        thermal_slowdown_ns: how long heat slowed a card down in it; NaN where no card tells it.
        power_slowdown_ns: the same of its power limit and of its supply's brake.
        sync_slowdown_ns: the same of others that share a clock with it.
        module_mj: what a card's module used in between, its processor included; NaN where no meter
            tells it.
        memory_mj: the same of a card's memory alone.
        update_period_ns: between new values of the meter, as seen; never less than it says.
        uncertainty_relative: of its gain, k=1.
        averaging_window_ns: how much of each update period it sees; 0 where unknown.
        problem: why the windows ended early, a key of the reasons; "" when they did not.
        scattered: whether the meter sees less than all the time; see `is_scattered`.
        second_meter: name of the second meter; "" when there was none.
        cooled: whether the device always cooled down to where it began (C-5).
    """

    letter: Ints
    start_ns: Ints
    end_ns: Ints
    energy_mj: Floats
    iterations: Ints
    foreign_share: Floats
    second_mj: Floats
    temperature_c: Floats
    clock_mhz: Floats
    thermal_slowdown_ns: Floats
    power_slowdown_ns: Floats
    sync_slowdown_ns: Floats
    module_mj: Floats
    memory_mj: Floats
    update_period_ns: int
    uncertainty_relative: float
    kind: str
    scope: str
    meter: str = ""
    averaging_window_ns: int = 0
    problem: str = ""
    scattered: bool = False
    second_meter: str = ""
    cooled: bool = True

    def of(self, letter: int) -> EnergySamples:
        """The windows with one letter."""
        chosen = self.letter == letter
        return replace(self, **{name: getattr(self, name)[chosen] for name in ARRAYS})

    @property
    def duration_ns(self) -> Ints:
        """Length of each window."""
        return self.end_ns - self.start_ns

    @property
    def power_mw(self) -> Floats:
        """Mean power in each window."""
        power: Floats = self.energy_mj / (self.duration_ns * MW_TO_MJ_PER_NS)
        return power


WHOLE = ("letter", "start_ns", "end_ns", "iterations")
AROUND = ("second_mj", "temperature_c", "clock_mhz")
OF_CARD_WINDOWS = (*SLOWDOWNS, "module_mj", "memory_mj")
"""Of windows on a graphics card alone; where none of them was read a raw file has none."""

ARRAYS = (*WHOLE, "energy_mj", "foreign_share", *AROUND, *OF_CARD_WINDOWS)
