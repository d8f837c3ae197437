"""Chips of Qualcomm: which one this machine has, and what is known of its neural processor.

Numbers and architectures as QNN's documentation lists them (Supported Snapdragon devices). Whether
one computes in half precision no list says reliably: it is what the HTP simulator of
onnxruntime-qnn 2.7.0 did with float convolutions for that chip. For SM7325 and QCM6490 it takes
none; for SM8350 its answers are those of float32, which that chip has not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .files import text

SOC = "qualcomm.soc"
SOC_MODEL = "qualcomm.soc_model"
HTP_ARCHITECTURE = "qualcomm.htp_architecture"
SIMULATOR = "qualcomm.simulator"
FIRMWARE = "qualcomm.firmware"
"""Items of a device's stack: the chip's name, its number and architecture in QNN, what simulates
it (on such a device alone), the program of its signal processor."""

_FAMILY = "qcom,"


@dataclass(frozen=True, slots=True)
class Soc:
    """One chip.

    Attributes:
        name: as its vendor writes it.
        model: QNN's number.
        architecture: of its HTP, the neural processor.
        halves: whether that computes in half precision.
        also: names of the same chip for other markets.
    """

    name: str
    model: int
    architecture: int
    halves: bool
    also: tuple[str, ...] = ()

    @property
    def htp(self) -> str:
        """The architecture as people write it."""
        return f"v{self.architecture}"


SOCS = (
    Soc("SM8350", 30, 68, False),
    Soc("SM7325", 35, 68, False),
    Soc("SM8450", 36, 69, True),
    Soc("SA8295", 39, 68, True),
    Soc("SM8475", 42, 69, True),
    Soc("SM8550", 43, 73, True, ("QCS8550", "QCM8550")),
    Soc("SM8650", 57, 75, True),
    Soc("SC8380XP", 60, 73, True, ("X1E80100",)),
    Soc("SM8750", 69, 79, True),
    Soc("QCS9100", 77, 73, True, ("QCS9075",)),
    Soc("SM8850", 87, 81, True),
    Soc("QCM6490", 93, 68, False, ("QCS6490",)),
)


def soc_named(name: str) -> Soc | None:
    """The chip of a name, in any case; None for one that is not listed."""
    wanted = name.strip().upper()
    return next((one for one in SOCS if wanted in (one.name, *one.also)), None)


def soc_numbered(model: str) -> Soc | None:
    """The chip of a number of QNN's; None for one that is not listed."""
    return next((one for one in SOCS if str(one.model) == model), None)


def name_of_soc(root: Path) -> str:
    """What the machine below `root` calls its chip; "" where that is none of Qualcomm's.

    The kernel's `soc0` knows the variety; the last name of the device tree the family.
    """
    names = text(root / "proc/device-tree/compatible").replace("\0", "\n").split()
    ours = [one.removeprefix(_FAMILY) for one in names if one.startswith(_FAMILY)]
    if not ours:
        return ""
    told = text(root / "sys/devices/soc0/machine")
    return (
        told if soc_named(told) is not None else _first_listed(ours) or told or ours[-1]
    ).upper()


def _first_listed(names: Iterable[str]) -> str:
    return next((one for one in names if soc_named(one) is not None), "")


def firmware_of_dsp(root: Path) -> str:
    """The file that the compute DSP runs; "" where that is not told."""
    for processor in sorted((root / "sys/class/remoteproc").glob("remoteproc*")):
        if "cdsp" in text(processor / "name"):
            return text(processor / "firmware")
    return ""
