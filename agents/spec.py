"""What the agent and its child say to each other: a spec file in, events out, acknowledgements in.

Events are JSON lines on an inherited pipe. At a gap the child waits for one byte on a second
pipe: the agent sends its heartbeat in that time, when no clock runs.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from bitgauge.benchmarks.vocabulary.enums import PassName, Profile, RawRole
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription, StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import NO_OVERRIDES, Overrides, Workload

# Programs that run as processes of their own, as `python -m` names them. Strings: nothing on
# the agent's side imports what runs in a child.
WORKER = f"{__package__}.worker.worker"
PROBE = f"{__package__}.worker.probe"
TRIAL = f"{__package__}.worker.trial"
INTRODUCTION = f"{__package__}.worker.introduction"

MAX_EVENT_BYTES = 64 * 1024
ACKNOWLEDGED = b"\n"

BUILD = "build"
"""Phase of a gap in which a program is being built of the artifact."""
PHASES = ("start", "load", "warm_up", "measure", "write")


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """One launch of one pass.

    Attributes:
        launch: 0-based number within (pass, role).
        role: which artifact the raw file will speak of.
        runtimes: names of the runtime modules that load `paths`, in that order.
        seed: of every random choice in this launch.
        artifacts: SHA-256 of what is loaded, baseline first; empty for the floor.
        paths: files of the artifacts, in that order; the runtime's empty artifact for the floor.
        folders: those of artifacts that are several files, with nothing else in them.
        unit: key of the device among those of its kind.
        meter: name of the energy meter.
        second_meter: name of another one of the same scope; "" when there is none.
        beside: names of meters of energy of a card's other scopes.
        peak_fd: descriptor to read the peak of the child's control group from; -1: there is none.
        evaluation_sha256: of the evaluation set.
        anchors: the most that was observed of the runtime on this device.
        asked_ns: when the agent asked for the launch, on the system's monotonic clock.
        output: name of the output that is to be judged; "" when what fits is.
        run_id: the run that the launch is made for.
        device_id: the device that it is made on.
        references: how many of the artifacts, from the first, are the reference: they run where the
            hardware class says, whatever the candidate is placed with.
        stack: of the device, where the candidate is placed elsewhere than on the processor.
        built_before: what was built of the candidate for that, on this device; "" when nothing was.
        no_room: whether memory did not hold both artifacts of a pair, so that this is of one.
    """

    pass_name: PassName
    launch: int
    role: RawRole
    runtimes: tuple[str, ...]
    workload: Workload
    profile: Profile
    recipe: str
    seed: int
    artifacts: tuple[str, ...]
    paths: tuple[str, ...]
    evaluation: str
    result: str
    event_fd: int
    ack_fd: int
    device: str
    unit: str = ""
    folders: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    overrides: Overrides = NO_OVERRIDES
    peak_fd: int = -1
    meter: str = ""
    second_meter: str = ""
    beside: tuple[str, ...] = ()
    evaluation_sha256: str = ""
    anchors: tuple[StackItem, ...] = ()
    asked_ns: int = 0
    output: str = ""
    run_id: str = ""
    device_id: str = ""
    references: int = 0
    stack: tuple[StackItem, ...] = ()
    built_before: str = ""
    no_room: bool = False

    @property
    def built_now(self) -> str:
        """Where the child leaves what it builds of the candidate."""
        return f"{self.result}.built.onnx"

    @property
    def runtime(self) -> str:
        """What executes the artifact that the raw file speaks of: the last one."""
        return self.runtimes[-1]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that a child tells.

    Attributes:
        kind: `phase` a phase begins, `gap` no clock runs and an acknowledgement is awaited,
            `done` the raw file is written, `failed` nothing more will come.
        phase: the phase that begins; of a gap `BUILD`, or "".
        fraction: share of the pass that is done, 0 to 1; of the build in a gap of that phase.
        hold_ms: longest silence to expect before the next gap, in milliseconds.
        code: of the failure.
        median_ns: of `done`, the median latency that was measured; 0 for none.
        least_ns: of `done`, the latency below which the anchors do not let it be; 0: not told.
    """

    kind: str
    phase: str = ""
    fraction: float = 0.0
    hold_ms: int = 0
    code: str = ""
    message: str = ""
    median_ns: float = 0.0
    least_ns: float = 0.0


@dataclass(frozen=True, slots=True)
class Introduced:
    """What a device that its agent reaches from another machine tells of itself.

    Attributes:
        problems: one line for each runtime and meter that cannot be used there.
    """

    description: DeviceDescription
    problems: tuple[str, ...] = ()


def decode_event(line: bytes) -> Event | None:
    """The event in `line`, or None: an artifact may write anything into the pipe."""
    try:
        return msgspec.json.decode(line, type=Event)
    except (ValueError, RecursionError):  # msgspec's own, text that is no UTF-8, endless nesting
        return None


TRACE_VARIABLE = "BITGAUGE_REPLAY_METER"
