"""One child from its first event to its end: listen, acknowledge, time out, end, explain."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from io import RawIOBase
from pathlib import Path

from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.values.runs import MAX_RAW_FILE_BYTES

from ..config import PhaseLimits
from ..host import process
from ..host.patience import end_task, within
from ..sandbox.cgroup import ControlGroup, KillEvidence
from ..spec import ACKNOWLEDGED, MAX_EVENT_BYTES, PHASES, Event, decode_event
from .exit import ChildExit, printable

LOG_HEAD_BYTES = 32 * 1024
LOG_TAIL_BYTES = 32 * 1024
_SHOWN_TAIL_BYTES = 4 * 1024
RESERVE_BYTES = 32 << 20
"""A child is ended when the disk has less free: half of what a job needs to begin."""
DISK_EVERY_S = 1.0
_LAST_WORDS_S = 1.0
_LONGEST_HOLD_MS = 600_000
_RELAYED = 128  # a shell's way to tell a signal in an exit status


@dataclass(frozen=True, slots=True)
class Listener:
    """What the agent does when a child speaks.

    Attributes:
        spawned: called with the child's process id.
        phase: called when a phase begins.
        gap: awaited while no clock runs; the child goes on when it returns.
    """

    spawned: Callable[[int], Awaitable[None]]
    phase: Callable[[str], None]
    gap: Callable[[Event], Awaitable[None]]


class Log:
    """Keeps the first and the last bytes of a stream without end.

    Args:
        head_bytes: how much of the beginning is kept.
        tail_bytes: how much of the end is kept.
    """

    def __init__(self, head_bytes: int = LOG_HEAD_BYTES, tail_bytes: int = LOG_TAIL_BYTES) -> None:
        self._head_bytes = head_bytes
        self._tail_bytes = tail_bytes
        self._head = bytearray()
        self._tail = bytearray()
        self.seen = 0

    def feed(self, data: bytes) -> None:
        """Takes the next bytes of the stream."""
        self.seen += len(data)
        room = self._head_bytes - len(self._head)
        self._head += data[:room]
        self._tail += data[max(room, 0) :]
        del self._tail[: -self._tail_bytes]

    def text(self) -> str:
        """What was kept, with a line that says how much was left out."""
        left_out = self.seen - len(self._head) - len(self._tail)
        middle = f"\n[{left_out} bytes left out]\n".encode() if left_out else b""
        return (bytes(self._head) + middle + bytes(self._tail)).decode("utf-8", "replace")

    def tail(self) -> str:
        """The last lines, for a failure."""
        text = self.text().encode()[-_SHOWN_TAIL_BYTES:].decode("utf-8", "replace").strip()
        return printable(text)


@dataclass(slots=True)
class Supervision:
    """Listens to one living child until it has ended and been explained."""

    _child: asyncio.subprocess.Process
    _log_fd: int
    _event_fd: int
    _ack_fd: int
    _limits: PhaseLimits
    _listener: Listener
    _mark: str
    _group: ControlGroup
    relayed: bool
    _log: Log = field(default_factory=Log)
    _phase: str = "start"
    _last: Event = field(default_factory=lambda: Event(""))
    _timed_out: float = 0.0
    _evidence: KillEvidence = field(default_factory=KillEvidence)
    _disk_full: bool = False

    async def run(self, result: Path, log_file: Path, ooms: int | None) -> ChildExit:
        """Waits for the end of the child and of everything it started.

        Args:
            result: the raw file that a child which is done has written.
            log_file: where its output is put.
            ooms: processes that the kernel had ended for lack of memory before it began.
        """
        drain = asyncio.create_task(self._drain())
        watch = asyncio.create_task(self._watch_disk(result.parent))
        try:
            await self._listener.spawned(self._child.pid)
            await self._listen()
            if not self._timed_out:
                await self._reap()
        finally:
            self._kill()
            watch.cancel()
            os.close(self._ack_fd)
            await asyncio.shield(self._bury(drain))
        _write_log(log_file, self._log)
        return self._explain(result, ooms)

    def _explain(self, result: Path, ooms: int | None) -> ChildExit:
        number, status = ended_by(self._child.returncode or 0, self.relayed)
        done = self._last.kind == "done"
        failed = self._last.kind == "failed"
        return ChildExit(
            done=done and not self._disk_full and is_result(result),
            code=self._last.code if failed else Code.BAD_RESULT.value if done else "",
            message=self._last.message
            if failed
            else "The result is no file of the child's own, or too large.",
            signal=number,
            status=status,
            phase=self._phase,
            timed_out=self._timed_out,
            out_of_memory=self._evidence.out_of_memory
            or (ooms is not None and (process.oom_kills() or 0) > ooms),
            forks_refused=self._evidence.forks_refused,
            disk_full=self._disk_full,
            log_tail=self._log.tail(),
            median_ns=self._last.median_ns if done else 0.0,
            least_ns=self._last.least_ns if done else 0.0,
        )

    async def _listen(self) -> None:
        """Takes events until the child has said its last, ends, or is silent for too long."""
        async with _reading(self._event_fd, MAX_EVENT_BYTES) as reader, self._until_death(reader):
            while True:
                limit = self._limits.of(self._phase)
                try:
                    line = await within(reader.readline(), limit)
                except TimeoutError:
                    self._timed_out = limit
                    await self._terminate()
                    return
                except ValueError:
                    continue  # a line without end is no event
                except ConnectionResetError:
                    return
                if not line:
                    return
                if await self._take(decode_event(line)):
                    return

    @contextlib.asynccontextmanager
    async def _until_death(self, reader: asyncio.StreamReader) -> AsyncIterator[None]:
        """Ends the stream of events with the child, though what it started may hold the pipe."""

        async def ends() -> None:
            await self._child.wait()
            await asyncio.sleep(_LAST_WORDS_S)
            reader.set_exception(ConnectionResetError("the child has ended"))

        watching = asyncio.create_task(ends())
        try:
            yield
        finally:
            watching.cancel()

    async def _take(self, event: Event | None) -> bool:
        """Acts on one event; whether it was the last."""
        if event is None:
            return False
        if event.kind == "phase" and event.phase in PHASES:
            self._phase = event.phase
            self._listener.phase(event.phase)
        elif event.kind == "gap":
            hold_ms = min(max(event.hold_ms, 0), _LONGEST_HOLD_MS)
            await self._listener.gap(replace(event, hold_ms=hold_ms))
            with contextlib.suppress(OSError):
                os.write(self._ack_fd, ACKNOWLEDGED)
        elif event.kind in ("done", "failed"):
            self._last = event
            return True
        return False

    async def _watch_disk(self, folder: Path) -> None:
        """Ends the child before it has filled the disk that results need."""
        while not self._disk_full:
            await asyncio.sleep(DISK_EVERY_S)
            with contextlib.suppress(OSError):
                self._disk_full = shutil.disk_usage(folder).free < RESERVE_BYTES
        self._kill()

    async def _reap(self) -> None:
        """Waits a moment for a child that has said its last or closed its pipe."""
        with contextlib.suppress(TimeoutError):
            await within(self._child.wait(), _LAST_WORDS_S + self._limits.terminate)

    async def _terminate(self) -> None:
        self._signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await within(self._child.wait(), self._limits.terminate)

    def _kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        """Signals the child's whole group, which outlives its leader."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, number)

    async def _bury(self, drain: asyncio.Task[None]) -> None:
        """Ends what the child started and moved out of its group, and closes its log."""
        await self._child.wait()
        self._evidence = await asyncio.to_thread(self._group.evidence)
        await asyncio.to_thread(self._group.close)
        await asyncio.to_thread(process.end, self._mark)
        await asyncio.to_thread(process.end_orphans, self._child.pid)
        await asyncio.wait((drain,), timeout=_LAST_WORDS_S)
        await end_task(drain)

    async def _drain(self) -> None:
        """Reads the child's output, so that it never blocks on a full pipe."""
        async with _reading(self._log_fd, LOG_TAIL_BYTES) as reader:
            while data := await reader.read(LOG_TAIL_BYTES):
                self._log.feed(data)


@contextlib.asynccontextmanager
async def _reading(descriptor: int, limit: int) -> AsyncIterator[asyncio.StreamReader]:
    """Reads a pipe, and closes it even while somebody who escaped holds the other end."""
    reader = asyncio.StreamReader(limit=limit)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), _file(descriptor)
    )
    try:
        yield reader
    finally:
        transport.close()


def _file(descriptor: int) -> RawIOBase:
    return open(descriptor, "rb", buffering=0)


def _write_log(path: Path, log: Log) -> None:
    """Writes into the child's folder, where it may have left a link to anywhere."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
        with open(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(log.text())


def is_result(path: Path) -> bool:
    """Whether a raw file is a plain file of the child's own, and no larger than one is taken.

    A link would make the agent send a file of the host as a result, a pipe would hold it up.
    """
    try:
        found = path.lstat()
    except OSError:
        return False
    plain = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
    return plain and found.st_size <= MAX_RAW_FILE_BYTES


def ended_by(code: int, relayed: bool) -> tuple[int, int]:
    """Signal and exit status of a child, one of which is 0.

    Args:
        code: as the process that we started ended, signals negative.
        relayed: whether that process tells a signal n of the child as exit status 128 + n.
    """
    number = -code
    if relayed and _RELAYED < code < _RELAYED + signal.NSIG:
        number = code - _RELAYED
    return (number, 0) if number > 0 else (0, code)
