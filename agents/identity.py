"""Who this agent is: an id for ever, a lock for one process, a description of the device."""

from __future__ import annotations

import contextlib
import fcntl
import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from bitgauge.benchmarks.errors import BadInput, Code, Refused
from bitgauge.benchmarks.fingerprint import fingerprint, stack_of
from bitgauge.benchmarks.meters import meters_of
from bitgauge.benchmarks.model import DeviceDescription, RuntimeDescription, StackItem

from . import registry
from .cache import sync_folder, write_durably


class FolderLock:
    """Holds a state folder for one agent process, until the process ends.

    Args:
        folder: made when it is not there.

    Raises:
        Refused: another agent holds it; the sentence names its process.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "lock"
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise Refused(
                Code.AGENT_RUNNING,
                f"Another agent, process {holder or 'unknown'}, uses {folder}.",
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Lets the next agent in."""
        os.close(self._descriptor)


def device_id(folder: Path) -> str:
    """The id of this device, minted at the first call and kept for ever after.

    Raises:
        BadInput: the file holds something else.
    """
    path = folder / "device_id"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        mine = folder / f"device_id.{os.getpid()}"
        write_durably(mine, f"{uuid.uuid4()}\n".encode(), 0o600)
        with contextlib.suppress(FileExistsError):
            os.link(mine, path)  # of two processes that mint at once, one wins
        mine.unlink()
        sync_folder(folder)
    text = path.read_text("ascii", errors="replace").strip()
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise BadInput(
            Code.FILE_UNREADABLE, f"{path} holds no device id but {text[:40]!r}; remove it."
        ) from error


def describe(
    device: str,
    *,
    name: str,
    identity: str,
    folders: Sequence[Path] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> DeviceDescription:
    """This device as it introduces itself.

    Args:
        device: name of the device module.
        name: label.
        identity: its id.
        folders: further folders of plug-ins; the environment's when not given.
        say: prints one line for each plug-in that cannot be used.

    Raises:
        BitgaugeError: no such device module, or two plug-ins of one name.
    """
    facts = registry.device(device, folders).describe()
    found = registry.find("runtimes", folders)
    meters = registry.find("meters", folders)
    runtimes, missing = registry.probe_runtimes(found)
    metered, failed = registry.describe_meters(meters)
    for line in (*found.problems, *meters.problems, *missing, *failed):
        say(line)
    return DeviceDescription(
        device_id=identity,
        name=name,
        hardware_class=facts.hardware_class,
        realness=facts.realness,
        architecture=facts.architecture,
        processor_model=facts.processor_model,
        isa_flags=facts.isa_flags,
        core_count=facts.core_count,
        memory_bytes=facts.memory_bytes,
        kernel_release=facts.kernel_release,
        virtualisation=facts.virtualisation,
        governor=facts.governor,
        stack=facts.stack,
        runtimes=tuple(_with_fingerprint(facts.stack, runtime) for runtime in runtimes),
        meters=meters_of(metered, facts.hardware_class),
        evidence=facts.evidence,
    )


def _with_fingerprint(
    stack: tuple[StackItem, ...], runtime: RuntimeDescription
) -> RuntimeDescription:
    return replace(runtime, fingerprint=fingerprint(stack_of(stack, runtime)))
