"""One phone behind adb: commands, files out and in; every failure is one of ours.

The program adb is used and no library that speaks its protocol: it is what the owner's own tools
use, so a phone is asked for permission once, and the ones there are drop exit codes. Blocks; the
agent calls it at its start and from threads, else a process of its own does.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bitgauge.benchmarks.common.said import plain
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused, Unavailable

from ...host.process import marked_own
from ._ending import CommandEnd, new_word, with_end
from .listing import ADB, READY, ask, refusal

COMMAND_S = 30.0
_BEAT_S = 5.0
_SLOWEST_BYTES_PER_S = 500_000
_SHOWN_CHARACTERS = 300
_NO_SPACE = ("No space left", "ENOSPC")


def _silent() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone that adb lists.

    Attributes:
        name: what names it for ever, for sentences.
        serial: what adb calls it now.
        port: of adb's server.
        patience: how many times longer it is waited for, as where it is emulated.
        beat: called every few seconds while something takes long.
    """

    name: str
    serial: str
    port: int
    patience: float = 1.0
    beat: Callable[[], None] = _silent

    def command(self, *words: str) -> tuple[str, ...]:
        """A command of adb for this phone."""
        return (ADB, "-P", str(self.port), "-s", self.serial, *words)

    def shell(self, script: str, timeout_s: float = COMMAND_S) -> str:
        """What a script of the shell prints; its own exit status does not matter.

        Raises:
            Unavailable: it did not come to its end on the phone.
        """
        ending = CommandEnd(new_word())
        said, _, errors = self._run(
            self.command("shell", "-T", "-n", with_end(script, ending.word)), timeout_s
        )
        lines = ending.feed(said)
        if ending.status is None:
            raise self.lost(errors)
        return b"\n".join(lines).decode("utf-8", "replace")

    def push(self, source: Path, target: str, size_bytes: int) -> None:
        """Sends a file; what has come must be verified.

        Raises:
            Unavailable: the phone went away. `PHONE_FULL`, it has no room.
        """
        self._move("push", str(source), target, size_bytes)

    def pull(self, source: str, target: Path, size_bytes: int) -> None:
        """Gets a file; what has come must be verified.

        Raises:
            Unavailable: the phone went away.
        """
        self._move("pull", source, str(target), size_bytes)

    def _move(self, way: str, source: str, target: str, size_bytes: int) -> None:
        timeout_s = COMMAND_S + size_bytes / _SLOWEST_BYTES_PER_S
        said, status, errors = self._run(self.command(way, source, target), timeout_s)
        if status:
            told = f"{said.decode('utf-8', 'replace')} {errors}"
            if any(word in told for word in _NO_SPACE):
                raise full(self.name, size_bytes)
            raise self.lost(told)

    def _run(self, command: tuple[str, ...], timeout_s: float) -> tuple[bytes, int, str]:
        """Output, exit status and errors of a command of adb, which ends in time."""
        with (
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as errors,
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
                env=marked_own(),
            ) as running,
        ):
            try:
                status = self._wait(running, timeout_s * self.patience)
            except BaseException:
                running.kill()
                raise
            return _all_of(out), status, _all_of(errors).decode("utf-8", "replace")

    def _wait(self, running: subprocess.Popen[bytes], patience_s: float) -> int:
        left_s = patience_s
        while True:
            try:
                return running.wait(min(_BEAT_S, left_s))
            except subprocess.TimeoutExpired:
                left_s -= _BEAT_S
                if left_s <= 0:
                    raise self.lost(f"nothing for {patience_s:.0f} s") from None
                self.beat()

    def lost(self, told: str = "") -> BitgaugeError:
        """Why a command did not end, as far as adb can tell now."""
        try:
            states = {one.serial: one.state for one in ask(self.port)}
        except BitgaugeError as error:
            return error
        state = states.get(self.serial, "")
        if state != READY:
            return refusal(state, self.name)
        shown = plain(" ".join(told.split()))[:_SHOWN_CHARACTERS] or "nothing"
        return Unavailable(
            Code.PHONE_OFFLINE,
            f"The connection to the phone {self.name} broke in a command; adb says: {shown}.",
        )


def full(name: str, size_bytes: int) -> Refused:
    """The phone has no room for so many bytes."""
    return Refused(
        Code.PHONE_FULL, f"The phone {name} has no room for {size_bytes} bytes below its folder."
    )


def _all_of(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def found(port: int) -> tuple[tuple[Phone, ...], tuple[BitgaugeError, ...]]:
    """The phones that can be used now, and why the others cannot.

    A phone on USB has its own serial; one that is reached by an address is asked for it.

    Raises:
        Unavailable: `ADB_SERVER`.
    """
    here: list[Phone] = []
    refused: list[BitgaugeError] = []
    for one in ask(port):
        if one.state != READY:
            refused.append(refusal(one.state, one.serial))
            continue
        try:
            here.append(Phone(_own_serial(one.serial, port), one.serial, port))
        except BitgaugeError as error:
            refused.append(error)
    return tuple(here), tuple(refused)


def _own_serial(serial: str, port: int) -> str:
    if ":" not in serial:
        return serial
    told = Phone(serial, serial, port).shell("getprop ro.serialno 2>/dev/null")
    return next((line.strip() for line in told.splitlines() if line.strip()), serial)


def phone(name: str, port: int) -> Phone:
    """The phone of this name.

    Raises:
        Unavailable: it is not here, or cannot be used, and why.
    """
    listed = {one.serial: one.state for one in ask(port)}
    if listed.get(name) == READY:
        return Phone(name, name, port)
    here, _ = found(port)
    for one in here:
        if one.name == name:
            return one
    raise refusal(listed.get(name, ""), name)
