"""Carries one child to a phone, and what it made back.

``carry ROUTE MODULE FIRST PARENT SPACE PROCESSES [REST ...]`` stands where the child itself would:
it takes the same words, passes on events and acknowledgements, leaves the result where it was asked
for and ends as the child ended, a signal n as status 128 + n. It runs nothing of an artifact.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from bitgauge.benchmarks.common.digests import digest_of
from bitgauge.benchmarks.common.files import write_own
from bitgauge.benchmarks.common.prctl import die_with_parent
from bitgauge.benchmarks.vocabulary.enums import PassName
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, Unavailable
from bitgauge.benchmarks.vocabulary.values.runs import MAX_RAW_FILE_BYTES

from ...spec import PROBE, WORKER, ChildSpec, Event, decode_event
from ._adb import Phone, phone
from ._ending import CommandEnd, new_word
from ._health import SCRIPT, health, require_fit
from ._launch import UNTIMED, on_phone, script
from ._route import Route, route
from ._shelf import ARRIVE, CHILD_VARIABLE, RUN, bring, forget, shelf
from ._words import sections

_PIECE_BYTES = 1 << 16
_KILLED = 128 + 9
_NO_PROGRAM = 127
BACK_S = 20.0
"""How long a phone that has gone is waited for, to know whether it has started again."""
_AGAIN_S = 1.0
_BOOT_S = 5.0
_INHERITED = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Errand:
    """What is carried.

    Attributes:
        files: of this machine, by their places below `RUN`.
        command: arguments of the phone's Python; ``$$`` stands for the parent.
        result: what the child writes below `RUN`, and where it is wanted here.
        pass_name: of the launch; None for what is none.
        heard: called with each line that the child sends, and what answers it.
    """

    files: Mapping[str, Path]
    command: Sequence[str]
    result: tuple[str, Path]
    pass_name: PassName | None
    heard: Callable[[bytes, Callable[[], None]], None]


def main(arguments: list[str]) -> int:
    """Carries a child of `WORKER` or `PROBE`; the exit status is the child's."""
    way, module, first, parent, space, processes, *rest = arguments
    if not die_with_parent(int(parent)):
        return 1
    limits = ("$$", space, processes)
    if module == WORKER:
        return _worker(route(way), Path(first), limits)
    assert module == PROBE, f"{module} is no child"
    timed, result, *_ = rest
    return _probe(route(way), first, (*limits, timed), Path(result))


def _worker(way: Route, spec_file: Path, limits: Sequence[str]) -> int:
    """One launch of a pass."""
    spec = msgspec.json.decode(spec_file.read_bytes(), type=ChildSpec)
    last: list[Event] = []

    def tell(event: Event) -> None:
        os.write(spec.event_fd, msgspec.json.encode(event) + b"\n")

    def heard(line: bytes, answer: Callable[[], None]) -> None:
        event = decode_event(line)
        if event is None:
            return
        if event.kind in ("done", "failed"):
            last.append(event)  # is told when the phone has said its last
            return
        tell(event)
        if event.kind == "gap":
            if not os.read(spec.ack_fd, 1):
                sys.exit(1)  # the agent has gone
            answer()

    told, places = on_phone(spec, "raw.npz")
    own = spec_file.with_name("phone.json")
    write_own(own, msgspec.json.encode(told))
    files = {"spec.json": own}
    for source, place in places.items():
        here = Path(source)
        files |= (
            {f"{place}/{one.name}": one for one in here.iterdir()}
            if here.is_dir()
            else {place: here}
        )
    errand = Errand(
        files,
        ("-m", WORKER, f"{RUN}/spec.json", *limits),
        ("raw.npz", Path(spec.result)),
        spec.pass_name,
        heard,
    )
    try:
        status = carried(way, errand, lambda: tell(Event("phase", phase="start")))
    except BitgaugeError as error:
        tell(Event("failed", code=error.code.value, message=error.sentence))
        return 0
    for event in last[-1:]:
        tell(event)
    return status


def _probe(way: Route, name: str, limits: Sequence[str], result: Path) -> int:
    """The probe of a runtime."""
    command = ("-m", PROBE, name, *limits, f"{RUN}/modes.json")
    errand = Errand({}, command, ("modes.json", result), None, lambda *_: None)
    try:
        return carried(way, errand)
    except BitgaugeError as error:
        write_own(result, msgspec.json.encode({"problem": error.sentence}))
        return 0


def carried(way: Route, errand: Errand, beat: Callable[[], None] = lambda: None) -> int:
    """Runs one child on a phone to its end, whatever end that is.

    Args:
        way: to the phone.
        errand: what is carried.
        beat: called every few seconds until the child starts.

    Returns:
        Its exit status, 128 + n for a signal n; its result is where it is wanted, if it made one.

    Raises:
        BitgaugeError: the phone cannot be used or went away, or what came back is damaged.
    """
    here = replace(way.phone(), beat=beat)
    told = sections(here.shell(SCRIPT + ARRIVE))
    now, kept = health(told), shelf(told)
    require_fit(now, here.name, errand.pass_name)
    given = way.given(here, kept.parts)
    forget(here, kept.parts.difference(given.parts))
    bring(here, errand.files, kept)
    ending = CommandEnd(new_word())
    made, target = errand.result
    variables = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    variables |= {"PYTHONPATH": given.path, "PYTHONUNBUFFERED": "1", "HOME": RUN, "TMPDIR": RUN}
    # What Python compiles is kept beside the part, for the next launches.
    variables |= {CHILD_VARIABLE: "1", "PYTHONDONTWRITEBYTECODE": ""}
    timed = errand.pass_name is not None and errand.pass_name not in UNTIMED
    _run(
        here,
        script(
            ending.word,
            (given.python, *errand.command),
            made,
            variables,
            fixed=timed and bool(now.properties),
        ),
        ending,
        errand,
    )
    if ending.status is None:
        raise _why(here, now.boot_id)
    return _ended(here, ending, f"{RUN}/{made}", target)


def _run(here: Phone, text: str, ending: CommandEnd, errand: Errand) -> None:
    """Runs the script and hears what the child says, until adb ends."""
    command = here.command("shell", "-T", text)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as adb:
        assert adb.stdin is not None, "as it was asked for"
        assert adb.stdout is not None, "as it was asked for"
        acknowledgements = adb.stdin.fileno()

        def answer() -> None:
            with contextlib.suppress(BrokenPipeError):
                os.write(acknowledgements, b"\n")

        while ending.status is None and (data := os.read(adb.stdout.fileno(), _PIECE_BYTES)):
            for line in ending.feed(data):
                errand.heard(line, answer)


def _ended(here: Phone, ending: CommandEnd, made: str, target: Path) -> int:
    """What the end marker says of the child, with its result brought back.

    Raises:
        BitgaugeError: it ended for want of memory or of Python, or the result cannot be had.
    """
    ooms, size, digest = (*ending.told, "0", "0", "")[:3]
    status = ending.status or 0
    if status == _KILLED and ooms not in ("", "0"):
        raise Unavailable(
            Code.OUT_OF_MEMORY, "The phone's kernel ended the child for lack of memory."
        )
    if status == _NO_PROGRAM:
        raise Unavailable(Code.PHONE_PYTHON, f"The phone {here.name} has no Python any more.")
    size_bytes = int(size) if size.isdigit() else 0
    if not size_bytes:
        return status
    if size_bytes > MAX_RAW_FILE_BYTES:
        raise BadInput(Code.BAD_RESULT, f"The result has {size_bytes} bytes, too many to be one.")
    here.pull(made, target, size_bytes)
    if digest_of(target).sha256 != digest:
        raise Unavailable(
            Code.DIGEST_MISMATCH, f"The result came from the phone {here.name} with other bytes."
        )
    return status


def _why(here: Phone, boot_id: str) -> BitgaugeError:
    """Why the connection broke: as adb says, or because the phone has started again."""
    error = here.lost()
    until_s = time.monotonic() + BACK_S
    while not (now := _boot_of(here)) and time.monotonic() < until_s:
        time.sleep(_AGAIN_S)
    if boot_id and now and now != boot_id:
        return Unavailable(
            Code.PHONE_REBOOTED, f"The phone {here.name} has started again in the middle."
        )
    return error


def _boot_of(here: Phone) -> str:
    """The boot that a phone is in; empty where it cannot be asked."""
    with contextlib.suppress(BitgaugeError):
        there = phone(here.name, here.port)  # adb may call it something else by now
        return there.shell("cat /proc/sys/kernel/random/boot_id", _BOOT_S).strip()
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
