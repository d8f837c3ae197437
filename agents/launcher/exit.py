"""How a child ended, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

_SHOWN_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class ChildExit:
    """How one child ended.

    Attributes:
        done: it said that its raw file is complete, and the file is there.
        code: what it said when it failed; empty when it said nothing.
        message: its sentence.
        signal: number of the signal that ended it; 0 when it exited by itself.
        timed_out: seconds of silence after which the agent ended it; 0 when it did not.
        out_of_memory: the kernel ended some process for lack of memory in that time.
        forks_refused: it asked for more processes than its limit.
        disk_full: the agent ended it because the disk was nearly full.
        median_ns: the median latency that it told of; 0 for none.
        least_ns: the shortest latency that the anchors allow, as it told; 0 for none.
    """

    done: bool
    code: str = ""
    message: str = ""
    signal: int = 0
    status: int = 0
    phase: str = "start"
    timed_out: float = 0.0
    out_of_memory: bool = False
    forks_refused: bool = False
    disk_full: bool = False
    log_tail: str = ""
    median_ns: float = 0.0
    least_ns: float = 0.0


def printable(text: str) -> str:
    """Text of an artifact that may be shown on a terminal: no control characters."""
    return "".join(one if one.isprintable() or one in "\n\t" else "�" for one in text)
