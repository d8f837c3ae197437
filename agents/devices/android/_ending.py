"""The end marker that every command on a phone must print: without it, it did not end.

adb 29 exits with 0 when the phone goes away in the middle of a command, so its exit status says
nothing. What says that a command ended, and how, is a last line that holds a word made up for it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

_LONGEST_LINE_BYTES = 1 << 20


def new_word() -> str:
    """A word that no output holds by chance."""
    return f"bitgauge-end-{secrets.token_hex(8)}"


@dataclass(slots=True)
class CommandEnd:
    """Cuts a stream into lines until its end marker: ``WORD STATUS [TOLD ...]``.

    Attributes:
        word: of the marker.
        status: exit status of the command; None until the marker has come.
        told: the further words of the marker.
    """

    word: str
    status: int | None = None
    told: tuple[str, ...] = ()
    _rest: bytes = field(default=b"")

    def feed(self, data: bytes) -> list[bytes]:
        """Takes the next bytes, however they are cut.

        Returns:
            The lines that are complete now, without their ends; nothing after the marker.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-_LONGEST_LINE_BYTES:]
        found: list[bytes] = []
        for line in lines:
            if self.status is not None:
                break
            if not self._is_end(line):
                found.append(line)
        return found

    def _is_end(self, line: bytes) -> bool:
        word, *told = line.decode("utf-8", "replace").split()[:8] or [""]
        if word != self.word or not told or not told[0].isdigit():
            return False
        self.status, self.told = int(told[0]), tuple(told[1:])
        return True


def with_end(script: str, word: str) -> str:
    """A script of the shell that prints the marker after its own output.

    The script runs in a shell of its own inside, so that it may exit.
    """
    return f"(\n{script}\n)\nprintf '\\n%s %s\\n' {word} $?"
