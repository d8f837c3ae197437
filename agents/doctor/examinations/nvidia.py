"""GPUs of NVIDIA: what keeps their driver from being asked, or a card from computing."""

from __future__ import annotations

from collections.abc import Iterator

from bitgauge.benchmarks.vocabulary.catalogue import CATALOGUE
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code

from ...devices.nvidia.facts import power_mode
from ...devices.nvidia.processes import processes_on
from ...host.files import text
from ...host.nvml import EXTRA, MODULE, Gpu, Nvml, has_bindings, has_library, require_given
from ..base import Observation, Patient, State

NAME = "nvidia"
RANK = 24

_SUBJECT = "NVIDIA driver"
_CONTAINER = CATALOGUE[Code.DEVICE_HIDDEN].advice
_UNSERVED = "Its cards are not served so."


def examine(patient: Patient) -> Iterator[Observation]:
    """One finding that keeps every card away, or one for each card."""
    if not (patient.root / MODULE).exists() and not has_library():
        return
    found: tuple[str, str] | None = None
    try:
        require_given(patient.root)
    except BitgaugeError as error:
        found = (error.sentence, error.advice)
    if found is None and not has_bindings():
        found = ("its bindings are not installed", EXTRA)
    if found is None:
        try:
            with Nvml() as driver:
                yield from _cards(driver)
            return
        except BitgaugeError as error:
            version = text(patient.root / MODULE).partition("\n")[0]
            mend = "restart this machine, so that module and library are of one version"
            found = (error.sentence, mend if version else "install NVIDIA's driver, then restart")
    yield Observation(_SUBJECT, State.MEND, found[0], _UNSERVED, found[1])


def _cards(driver: Nvml) -> Iterator[Observation]:
    seen = 0
    for gpu in driver.gpus():
        seen += 1
        yield _card(gpu)
    for uuid in driver.divided_in_vain():
        seen += 1
        yield Observation(
            *(uuid, State.MEND, "MIG is on and the card has no instance"),
            "Nothing can compute on it.",
            "as root: nvidia-smi mig -cgi 0 -C, or nvidia-smi -mig 0",
        )
    if not seen:
        yield Observation(_SUBJECT, State.NOTE, "it knows no card", _UNSERVED, _CONTAINER)


def _card(gpu: Gpu) -> Observation:
    mode = gpu.card("nvmlDeviceGetComputeMode")
    others = sorted(processes_on(gpu) or ())
    if mode == gpu.value("NVML_COMPUTEMODE_PROHIBITED"):
        return Observation(
            *(gpu.uuid, State.MEND, "its compute mode is prohibited"),
            *("Nothing can compute on it.", "as root: nvidia-smi -c DEFAULT"),
        )
    if mode == gpu.value("NVML_COMPUTEMODE_EXCLUSIVE_PROCESS") and others:
        return Observation(
            *(gpu.uuid, State.MEND, f"it is exclusive, and process {others[0]} has it"),
            *("No other process can compute on it.", f"end process {others[0]}"),
        )
    if others:
        return Observation(
            *(gpu.uuid, State.MEND, f"{len(others)} other processes use it: {others[0]}, ..."),
            *("Every run on it is marked.", "end them, or let the screen have another card"),
        )
    return Observation(gpu.uuid, State.GOOD, f"{gpu.name}, {power_mode(gpu) or 'no power limit'}")
