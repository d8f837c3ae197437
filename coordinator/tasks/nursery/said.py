"""What a step has left in its folder: taken as what a stranger sent, once the step is gone.

Only what is a plain file of its own, under a name that was asked for and within a size. A link is
not followed, and nothing is unpickled.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec
from bitgauge.benchmarks.common.manifest import MAX_FILES, what_is_wrong
from bitgauge.benchmarks.vocabulary import errors
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.printable import cleaned, cleaned_lines

from ...decisions.steps import End, Ending
from .order import ANSWER, LOG, RESULTS

MAX_ANSWER_BYTES = 8 << 20
MAX_TEXT = 4096
"""Characters of one text in an answer; what is longer loses its end."""
MAX_LOG_BYTES = 16 << 10
"""Of what it printed, the end; it goes into the coordinator's log."""
_KINDS: dict[str, type[BitgaugeError]] = {
    one.__name__: one
    for one in (
        *(errors.BadInput, errors.Refused, errors.NotFound),
        *(errors.Unavailable, errors.Internal),
    )
}
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class NoAnswer(Exception):
    """A step has left no answer."""


class NotTaken(Exception):
    """What a step has left is not taken; why, without a full stop."""


def said_in(folder: Path, kind: Any) -> Any:
    """What a step said that ended by itself: a value, a `BitgaugeError` or an `Ending`.

    Args:
        folder: the step's.
        kind: the type that a value must have.

    Raises:
        NoAnswer: it said nothing.
        NotTaken: it said something else than it may.
    """
    try:
        data = _read(folder, ANSWER, MAX_ANSWER_BYTES)
    except FileNotFoundError as error:
        raise NoAnswer from error
    except OSError as error:
        raise NotTaken(f"its answer cannot be opened ({error.strerror})") from error
    try:
        what, raw = msgspec.msgpack.decode(data, type=tuple[str, msgspec.Raw])
        if what == "defect":
            trace = msgspec.msgpack.decode(raw, type=str)
            return Ending(End.DEFECT, trace=cleaned_lines(trace, MAX_LOG_BYTES))
        found = _harmless(msgspec.msgpack.decode(raw))
        if what == "value":
            return msgspec.convert(found, kind)
        if what == "error":
            name, code, sentence = msgspec.convert(found, tuple[str, Code, str])
            return _KINDS[name](code, sentence)
        return Ending(End[what])
    except (msgspec.MsgspecError, KeyError, RecursionError, UnicodeDecodeError) as error:
        raise NotTaken("its answer cannot be read") from error


def _harmless(value: Any) -> Any:
    """The same without what no honest step says: it goes into the store, and before people's eyes.

    Raises:
        NotTaken: it holds a number that is none, or anything but values.
    """
    if isinstance(value, str):
        return cleaned(value, MAX_TEXT)
    if isinstance(value, list):
        return list(map(_harmless, value))
    if isinstance(value, dict):
        return {_harmless(name): _harmless(one) for name, one in value.items()}
    if value is None or isinstance(value, int) or (isinstance(value, float) and isfinite(value)):
        return value
    raise NotTaken(f"its answer holds {str(value)[:40]!r}")


def printed_in(folder: Path) -> str:
    """The end of what a step has printed."""
    with contextlib.suppress(OSError, NotTaken), _opened(folder, LOG) as descriptor:
        size_bytes = os.fstat(descriptor).st_size
        data = os.pread(descriptor, MAX_LOG_BYTES, max(0, size_bytes - MAX_LOG_BYTES))
        return cleaned_lines(data.decode("utf-8", "replace"), MAX_LOG_BYTES)
    return ""


def files_in(folder: Path, names: Sequence[str], most_bytes: int) -> dict[str, Path]:
    """The files of these names among the results of a step.

    Args:
        folder: the step's.
        names: relative; a step may have said which there are.
        most_bytes: of all together.

    Raises:
        NotTaken: there are too many or too large ones, or one is no plain file of the step's own.
    """
    if len(names) > MAX_FILES:
        raise NotTaken(f"it names {len(names)} files; {MAX_FILES} are taken")
    found, left_bytes = {}, most_bytes
    for name in names:
        if what_is_wrong(name):
            raise NotTaken(f"it names {name[:80]!r}, which {what_is_wrong(name)}")
        try:
            with _opened(folder, f"{RESULTS}/{name}") as descriptor:
                left_bytes -= os.fstat(descriptor).st_size
        except OSError as error:
            raise NotTaken(f"{name[:80]!r} cannot be opened ({error.strerror})") from error
        if left_bytes < 0:
            raise NotTaken(f"its files are larger than {most_bytes} bytes together")
        found[name] = folder / RESULTS / name
    return found


def _read(folder: Path, name: str, most_bytes: int) -> bytes:
    with _opened(folder, name) as descriptor, open(descriptor, "rb", closefd=False) as file:
        if os.fstat(descriptor).st_size > most_bytes:
            raise NotTaken(f"its answer is larger than {most_bytes} bytes")
        return file.read(most_bytes)


@contextlib.contextmanager
def _opened(folder: Path, name: str) -> Iterator[int]:
    """A descriptor of a plain file that no link leads to.

    Raises:
        OSError: it cannot be opened, or a link is on the way.
        NotTaken: it is something else, or has other names.
    """
    *folders, last = name.split("/")
    with contextlib.ExitStack() as stack:
        at = os.open(folder, _FOLDER)
        stack.callback(os.close, at)
        for part in folders:
            at = os.open(part, _FOLDER, dir_fd=at)
            stack.callback(os.close, at)
        descriptor = os.open(last, _FILE, dir_fd=at)
        stack.callback(os.close, descriptor)
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
            raise NotTaken(f"{name[:80]!r} is no plain file")
        yield descriptor
