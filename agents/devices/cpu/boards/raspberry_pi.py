"""Raspberry Pi: what its firmware limits, and which firmware it is.

Sources: Raspberry Pi's documentation of `vcgencmd get_throttled` (bits 0 to 3 now, 16 to 19 since
the start) and of the device tree (`chosen/bootloader/version` on models with a boot EEPROM); the
file `get_throttled` of its kernel's firmware driver.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ....host.files import text
from . import Hindrance, Run

_BITS = (
    "the supply's voltage is too low",
    "the firmware caps the frequency",
    "the processor is throttled",
    "the soft temperature limit is reached",
)
_PAST = 16
_MENDS = {
    0: "use the board's own supply, and a short cable",
    1: "use the board's own supply, and a short cable",
}
_COOL_DOWN = "let it cool, give it a heat sink or a fan"


def is_here(root: Path) -> bool:
    """By the device tree."""
    return "raspberrypi," in text(root / "proc/device-tree/compatible")


def stack(root: Path) -> dict[str, str]:
    """The boot loader's version, which sets clocks and voltages."""
    version = text(root / "proc/device-tree/chosen/bootloader/version")
    return {"firmware": version} if version else {}


def preflight(root: Path) -> dict[str, str | None]:
    """What the firmware limited since the start; it counts nothing, so that this is a hint."""
    bits = _told(root)
    past = None if bits is None else ", ".join(_words(bits >> _PAST)) or "nothing"
    return {"firmware_limited": past}


def hindrances(root: Path, run: Run) -> Iterator[Hindrance]:
    """What the firmware limits now, asked of the kernel, else of vcgencmd."""
    bits = _told(root)
    if bits is None:
        bits = _number((run(("vcgencmd", "get_throttled")) or "").partition("=")[2])
    for place, word in enumerate(_BITS):
        if bits and bits >> place & 1:
            yield Hindrance(word, "The board is slower now.", _MENDS.get(place, _COOL_DOWN))


def _told(root: Path) -> int | None:
    files = sorted((root / "sys/devices/platform/soc").glob("*firmware/get_throttled"))
    return _number(text(files[0])) if files else None


def _number(word: str) -> int | None:
    try:
        return int(word, 16)
    except ValueError:
        return None


def _words(bits: int) -> list[str]:
    return [word for place, word in enumerate(_BITS) if bits >> place & 1]
