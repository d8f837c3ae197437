"""Qualcomm's neural processor: of the Linux board that this is, or simulated on x86-64.

A board's own was never run: no such board was there. Simulated is one unit per chip, by the HTP
simulator that `onnxruntime-qnn` brings. It computes what the chip would and says nothing of how
fast, so it is `simulated`: numerics and quality alone, and never in the table (DESIGN 10.15). What
the processor computes there, the reference, is this machine's.
"""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from dataclasses import replace
from pathlib import Path

from bitgauge.benchmarks.vocabulary.enums import HardwareClass, Realness
from bitgauge.benchmarks.vocabulary.errors import Code, NotFound
from bitgauge.benchmarks.vocabulary.session_options import PROVIDER
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription, StackItem

from ...host.qualcomm import (
    FIRMWARE,
    HTP_ARCHITECTURE,
    SIMULATOR,
    SOC,
    SOC_MODEL,
    SOCS,
    Soc,
    firmware_of_dsp,
    name_of_soc,
    soc_named,
)
from ...host.rest import Heat
from .. import cpu
from ..base import ConditionReader, DeviceFacts, Fact, Unit

NAME = "qualcomm"
RANK = 15
HINT = (
    "needs a board with a chip of Qualcomm, or x86-64 with pip install 'bitgauge[qnn]' for its"
    " simulator"
)

OWN = "npu"
"""Key of the unit that is really here."""
_SIMULATED = "simulator-"
_SIMULATES = ("*/libQnnHtp.so", "x86_64")
"""The library that is a simulator on such a machine, in whatever package it comes."""
_NODES = (
    *("fastrpc-cdsp", "fastrpc-cdsp-secure", "fastrpc-cdsp1", "adsprpc-smd", "adsprpc-smd-secure"),
    *("dma_heap/system", "dma_heap/qcom,system", "ion"),
)


def probe(*, root: Path = Path("/"), machine: str | None = None) -> tuple[Unit, ...]:
    """The board's own, or every chip that can be simulated here."""
    if name_of_soc(root):
        return (Unit(OWN, OWN),)
    if (machine or platform.machine()) != _SIMULATES[1] or _simulator() is None:
        return ()
    return tuple(_simulated(one) for one in SOCS)


def _simulated(soc: Soc) -> Unit:
    key = f"{_SIMULATED}{soc.name.lower()}"
    return Unit(key, f"qnn-{key}")


def describe(unit: str = OWN, *, root: Path = Path("/")) -> DeviceFacts:
    """The processor beside it as `cpu` describes it, and the chip.

    Raises:
        NotFound: there is no such unit.
    """
    if unit == OWN:
        return _own(cpu.describe(root=root), root)
    soc = soc_named(unit.removeprefix(_SIMULATED)) if unit.startswith(_SIMULATED) else None
    if soc is None:
        raise NotFound(Code.DEVICE_MISSING, f"No chip {unit[:80]!r} can be simulated here.")
    by = f"HTP simulator of {_simulator() or 'nothing that is installed'}"
    return _described(
        replace(cpu.describe(root=root), realness=Realness.SIMULATED, virtualisation=by),
        {**_known(soc), SIMULATOR: by},
        f"{soc.name} (simulated)",
    )


def offers(unit: str, installed: tuple[RuntimeDescription, ...]) -> tuple[RuntimeDescription, ...]:
    """On a board all of them; of what is simulated those that reach it, see `OffersRuntimes`."""
    if unit == OWN:
        return installed
    return tuple(one for one in installed if any(o.name == PROVIDER for o in one.options))


def _own(facts: DeviceFacts, root: Path) -> DeviceFacts:
    name = name_of_soc(root)
    soc = soc_named(name)
    told = {SOC: name, FIRMWARE: firmware_of_dsp(root)} | (_known(soc) if soc else {})
    return _described(facts, told, name)


def _known(soc: Soc) -> dict[str, str]:
    return {SOC: soc.name, SOC_MODEL: str(soc.model), HTP_ARCHITECTURE: soc.htp}


def _described(facts: DeviceFacts, told: dict[str, str], chip: str) -> DeviceFacts:
    stack = {one.name: one.value for one in facts.stack} | told
    return replace(
        facts,
        hardware_class=HardwareClass.MOBILE_QUALCOMM,
        processor_model=", ".join(filter(None, (f"Qualcomm {chip}", facts.processor_model))),
        stack=tuple(StackItem(name, value) for name, value in stack.items() if value),
    )


def _simulator() -> str | None:
    """The installed package that brings the simulator, with its version; None without one."""
    for folder in filter(None, sys.path):
        for library in sorted(Path(folder).glob(_SIMULATES[0])):
            try:
                name = library.parent.name
                return f"{name.replace('_', '-')} {importlib.metadata.version(name)}"
            except importlib.metadata.PackageNotFoundError:
                continue
    return None


def conditions(unit: str = OWN) -> ConditionReader:
    """Those of the processor beside it: what surrounds a block is the same chip."""
    return cpu.conditions()


def preflight(unit: str = OWN) -> dict[str, Fact]:
    """As `conditions`."""
    return cpu.preflight()


def rest(unit: str = OWN) -> Heat:
    """The temperature of the chip."""
    return cpu.rest()


def nodes(unit: str = OWN, *, root: Path = Path("/")) -> tuple[Path, ...]:
    """What leads to the signal processor and to memory that it shares; a simulator needs none."""
    if unit != OWN:
        return ()
    return tuple(path for name in _NODES if (path := root / "dev" / name).exists())
