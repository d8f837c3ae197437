"""Which runtime ran on which kind of device, and how real that was: the README's table.

Each line below is one suite, what it runs and where. A suite that measures something that no line
has fails and asks for it (`require_ran`), and the README has to say the same (`tests/house`).
What no suite runs was never run, whoever may have tried it by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bitgauge.benchmarks.vocabulary.enums import HardwareClass, Realness

CONTRACT = "contract alone"
"""What its library computes was looked at, without an agent, a coordinator or a table."""
NEVER = "never run"
OBSERVED = {one: one.value.replace("_", " ") for one in Realness}


@dataclass(frozen=True, slots=True)
class Ran:
    """What one suite runs on one kind of device.

    Attributes:
        suite: its file.
        kind: of device, one of `KINDS`.
        realness: how real the device is on which it has run.
        runtimes: their names.
        only: `CONTRACT` where no agent measures with them; else empty.
    """

    suite: str
    kind: str
    realness: Realness
    runtimes: str
    only: str = ""


CPU, ARM, PHONE = "x86-64 CPU", "ARM board", "Android phone"
QUALCOMM, NVIDIA, AMD = "Qualcomm board", "NVIDIA GPU", "AMD GPU"
KINDS = {
    CPU: (HardwareClass.CPU_ONLY,),
    ARM: (HardwareClass.EDGE_ARM,),
    PHONE: (HardwareClass.MOBILE_QUALCOMM, HardwareClass.EDGE_ARM),
    QUALCOMM: (HardwareClass.MOBILE_QUALCOMM,),
    NVIDIA: (HardwareClass.GPU_NVIDIA,),
    AMD: (HardwareClass.GPU_AMD,),
}

_VM, _EMULATED = Realness.VIRTUAL_MACHINE, Realness.EMULATED

RAN = (
    Ran("tests/processes/agent/test_ort.py", CPU, _VM, "onnxruntime"),
    Ran("tests/runtimes/litert/test_agent.py", CPU, _VM, "litert"),
    Ran("tests/runtimes/torch/test_agent.py", CPU, _VM, "torch"),
    Ran("tests/runtimes/llamacpp/test_agent.py", CPU, _VM, "llamacpp"),
    Ran("tests/runtimes/genai/test_agent.py", CPU, _VM, "genai"),
    Ran("tests/runtimes/transformers/test_agent.py", CPU, _VM, "transformers"),
    Ran("tests/further/openvino/test_job.py", CPU, _VM, "openvino"),
    Ran("tests/further/executorch/test_job.py", CPU, _VM, "executorch"),
    Ran("tests/arm/test_boards.py", CPU, _EMULATED, "onnxruntime litert"),
    Ran("tests/arm/test_boards.py", ARM, _EMULATED, "onnxruntime litert"),
    Ran("tests/android/test_phones.py", PHONE, _EMULATED, "onnxruntime"),
    Ran("tests/further/qnn/test_agent.py", QUALCOMM, Realness.SIMULATED, "onnxruntime"),
)


class Described(Protocol):
    """What says what a device is."""

    @property
    def hardware_class(self) -> HardwareClass: ...

    @property
    def realness(self) -> Realness: ...


def require_ran(device: Described, runtime: str, kind: str = "") -> None:
    """What was just measured is in the table; more real than the table says is no lie.

    Args:
        device: as it describes itself.
        runtime: what measured on it.
        kind: of `KINDS`, where the hardware class does not say it.
    """
    order = list(Realness)
    named = [kind] if kind else [one for one, of in KINDS.items() if device.hardware_class in of]
    listed = [
        one
        for one in RAN
        if one.kind in named
        and runtime in one.runtimes.split()
        and order.index(device.realness) <= order.index(one.realness)
    ]
    wanted = f'Ran("tests/...", "{named[0]}", {device.realness}, "{runtime}")'
    assert listed, f"add to tests/matrix.py: {wanted}"


def said(kind: str, runtime: str) -> str:
    """A cell of the table: every way in which it ran, the most real first."""
    ran = [one for one in RAN if one.kind == kind and runtime in one.runtimes.split()]
    words = []
    for realness in Realness:
        only = {one.only for one in ran if one.realness is realness}
        if only:
            words.append(OBSERVED[realness] + (f" ({CONTRACT})" if "" not in only else ""))
    return ", ".join(words) or NEVER


def markdown(runtimes: Sequence[str]) -> str:
    """The table of the README, a column per runtime."""
    lines = [["device kind", *runtimes], ["---"] * (len(runtimes) + 1)]
    lines += [[kind, *(said(kind, one) for one in runtimes)] for kind in KINDS]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
