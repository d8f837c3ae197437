"""The steps that the coordinator has done in the background: their limits, and how one ends.

A step looks into, builds or evaluates what somebody sent, so nothing that happens in it may stop
the lab: it ends by itself or is ended, and either way in one sentence that names it.
"""

from __future__ import annotations

import enum
import errno
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bitgauge.benchmarks.vocabulary.errors import (
    BadInput,
    BitgaugeError,
    Code,
    Internal,
    Unavailable,
)
from bitgauge.benchmarks.vocabulary.typed import parse_size_bytes

from .submission import ANSWERS_RECIPE, REFERENCE_RECIPE, is_order

LONGEST_INSPECTION_S = 120.0
LONGEST_ORDER_S = 120.0
LONGEST_BUILD_S = 300.0
LONGEST_ENVIRONMENT_S = 1800.0
LONGEST_REFERENCE_S = 300.0
LONGEST_ANALYSIS_S = 300.0
MAX_SHARE_OF_MEMORY = 0.5
"""Of the machine's, where no size was given."""
MAX_WRITTEN_BYTES = 64 << 30
"""Of one step, temporary files and results together, where no size was given."""
MAX_PROCESSES = 512
"""Of one step, threads counted: libraries start one a processor."""
STARVED = 5
"""Times its limit after which a step ends on the clock, however little of that it could run."""


class StepKind(str, enum.Enum):
    """One kind of background work."""

    INSPECT = "inspect"
    ORDER = "order"
    BUILD = "build"
    ENVIRONMENT = "environment"
    REFERENCE = "reference"
    ANALYSE = "analyse"

    @property
    def charged(self) -> bool:
        """Whether its time counts against the deadline of the job that waits for it."""
        return self is not StepKind.ENVIRONMENT

    @property
    def quick(self) -> bool:
        """Whether somebody waits for its answer, so that it shall not wait behind builds."""
        return self in (StepKind.INSPECT, StepKind.ORDER, StepKind.ANALYSE)


@dataclass(frozen=True, slots=True)
class StepLimit:
    """What one step may take.

    Attributes:
        time_s: seconds; time in which others kept it from running is not counted, up to `STARVED`
            times this.
        memory_bytes: of its own, in all its processes; 0: half of what the machine has.
        written_bytes: to the disk, in all its processes, and of no file more.
    """

    time_s: float
    memory_bytes: int = 0
    written_bytes: int = MAX_WRITTEN_BYTES

    def __str__(self) -> str:
        memory = f"{self.memory_bytes} bytes" if self.memory_bytes else "half the memory"
        return f"{self.time_s:g} s and {memory} and {self.written_bytes} bytes written"


@dataclass(frozen=True, slots=True)
class StepLimits:
    """The limit of each kind of step, by its name."""

    inspect: StepLimit = StepLimit(LONGEST_INSPECTION_S)
    order: StepLimit = StepLimit(LONGEST_ORDER_S)
    build: StepLimit = StepLimit(LONGEST_BUILD_S)
    environment: StepLimit = StepLimit(LONGEST_ENVIRONMENT_S)
    reference: StepLimit = StepLimit(LONGEST_REFERENCE_S)
    analyse: StepLimit = StepLimit(LONGEST_ANALYSIS_S)

    def of(self, step: StepKind) -> StepLimit:
        """The limit of one kind."""
        limit = getattr(self, step.value)
        assert isinstance(limit, StepLimit)
        return limit


def parse_limits(texts: Sequence[str]) -> StepLimits:
    """Limits typed as ``STEP=SECONDS[,MEMORY[,WRITTEN]]``; what is not named keeps its own.

    Raises:
        BadInput: `BAD_ARGUMENT`, one of them says something else.
    """
    return replace(StepLimits(), **dict(map(_parsed, texts)))


def _parsed(text: str) -> tuple[str, StepLimit]:
    name, _, values = text.partition("=")
    seconds, *sizes = values.split(",")
    try:
        step, time_s = StepKind(name.strip()), float(seconds)
    except ValueError:
        step, time_s = StepKind.BUILD, 0.0
    if not 0 < time_s < float("inf") or len(sizes) > 2:
        names = ", ".join(step.value for step in StepKind)
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"{text!r} is no limit; it is STEP=SECONDS[,MEMORY[,WRITTEN]], such as"
            f" build=600,8GiB,64GiB, with one of the steps {names}.",
        )
    memory, written = (*map(_size, sizes), 0, 0)[:2]
    return step.value, StepLimit(time_s, memory, written or MAX_WRITTEN_BYTES)


def _size(text: str) -> int:
    return parse_size_bytes(text) if text else 0


# -- how a step ends ----------------------------------------------------------------------
class End(enum.Enum):
    """How a step ended that gave no answer."""

    TIME = enum.auto()
    MEMORY = enum.auto()
    PROCESSES = enum.auto()
    WRITTEN = enum.auto()
    DISK = enum.auto()
    RESULT = enum.auto()
    CRASH = enum.auto()
    DEFECT = enum.auto()
    LOST = enum.auto()


@dataclass(frozen=True, slots=True)
class Ending:
    """A step that gave no answer.

    Attributes:
        end: how that came.
        limit: what it had, as it was on the machine; None where that is not the reason.
        signal: number of the signal that ended it; 0 for none.
        trace: of an exception that nobody foresaw, or the last that it printed; for the log.
        why: why its result was not taken.
        waited_s: seconds of its time in which others had the processor.
    """

    end: End
    limit: StepLimit | None = None
    signal: int = 0
    trace: str = ""
    waited_s: float = 0.0
    why: str = ""


def overdue(limit: StepLimit, lasted_s: float, waited_s: float) -> Ending | None:
    """How a step ends that has lasted so long, kept from running for some of it; None: not yet."""
    if lasted_s > STARVED * limit.time_s:
        return Ending(End.TIME, replace(limit, time_s=STARVED * limit.time_s), waited_s=waited_s)
    return Ending(End.TIME, limit) if lasted_s - waited_s > limit.time_s else None


def error_of(ending: Ending, doing: str) -> BitgaugeError:
    """What is told of a step, which is called `doing`, such as ``Building int8-dynamic``.

    Only what lies outside of the model is `Unavailable`, and so tried again.
    """
    if ending.end in _AT_A_LIMIT:
        return BadInput(Code.STEP_LIMIT, f"{doing} {_much(ending)} and was stopped.")
    if ending.end is End.RESULT:
        return BadInput(Code.STEP_CRASHED, f"{doing} left what is not taken: {ending.why}.")
    if ending.end is End.CRASH:
        how = f"ended it with {_signal_name(ending.signal)}" if ending.signal else "ended it"
        return BadInput(
            Code.STEP_CRASHED, f"{doing} crashed: the model made a library fail, which {how}."
        )
    if ending.end is End.DEFECT:
        return Internal(
            Code.INTERNAL,
            f"{doing} failed by a defect of Bitgauge; logs/coordinator.log in the coordinator's"
            " state folder says which.",
        )
    return Unavailable(
        Code.TASK_LOST, f"{doing} was interrupted: its process was ended from outside."
    )


_AT_A_LIMIT = (End.TIME, End.MEMORY, End.PROCESSES, End.WRITTEN, End.DISK)


def _much(ending: Ending) -> str:
    """What of the machine it took."""
    limit = ending.limit
    if ending.end is End.PROCESSES:
        return f"started more than {MAX_PROCESSES} processes and threads"
    if ending.end is End.DISK:
        return "wrote until the disk was nearly full"
    if ending.end is End.WRITTEN:
        written = limit.written_bytes if limit else MAX_WRITTEN_BYTES
        return f"wrote more than {written / 1e9:.1f} GB to the disk"
    if ending.end is End.TIME:
        assert limit is not None, "who was too slow had a limit"
        return f"did not end within {limit.time_s:g} s{_waited(ending)}"
    had = limit.memory_bytes if limit else 0
    much = f"more than {had / 1e9:.1f} GB of memory" if had else "more memory than there is"
    return f"wanted {much}"


def _waited(ending: Ending) -> str:
    if not ending.waited_s:
        return ""
    return f", for {ending.waited_s:.0f} s of which others had the processor,"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def limit_met(error: BaseException) -> End | None:
    """The limit of a step that an error, or what led to it, says was met."""
    if wants_memory(error):
        return End.MEMORY
    numbers = {one.errno for one in _chain(error) if isinstance(one, OSError)}
    if errno.EFBIG in numbers:
        return End.WRITTEN
    return End.DISK if {errno.ENOSPC, errno.EDQUOT} & numbers else None


def wants_memory(error: BaseException) -> bool:
    """Whether an error, or what led to it, says that memory could not be had.

    Libraries in C++ raise classes of their own, with these words of the allocator.
    """
    return any(
        isinstance(one, MemoryError) or any(words in str(one) for words in _NO_MEMORY)
        for one in _chain(error)
    )


_NO_MEMORY = ("bad_alloc", "bad allocation", "Failed to allocate memory", "Unable to allocate")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


# -- what people are told -----------------------------------------------------------------
def doing_build(recipe: str) -> tuple[StepKind, str]:
    """The step that makes something of a recipe, and what it is called."""
    if recipe == REFERENCE_RECIPE:
        return StepKind.REFERENCE, "Evaluating the reference"
    if recipe == ANSWERS_RECIPE:
        return StepKind.REFERENCE, "Running another form of the model"
    if is_order(recipe):
        return StepKind.ORDER, "Putting the baseline in order"
    return StepKind.BUILD, f"Building {recipe}"


def doing_environment(name: str) -> tuple[StepKind, str]:
    """The step that makes a builder environment, and what it is called."""
    return StepKind.ENVIRONMENT, f"Making the builder environment {name}"


INSPECTING = "Looking into the model"
ANALYSING = "Analysing the run"
