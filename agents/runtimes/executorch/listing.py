"""What ExecuTorch executes of a file, and by what; Python is told no times."""

from __future__ import annotations

from bitgauge.benchmarks.common.pte.program import PteProgram
from bitgauge.benchmarks.raw.operators import ListedOperator, OperatorProfile

OWN = "portable"
WHY_NO_TIMES = (
    "ExecuTorch tells Python no times: its steps are listed with what executes each. What was"
    " compiled for a delegate nobody is told."
)


def listed(found: PteProgram) -> OperatorProfile:
    """The steps of a program in their order."""
    rows = tuple(
        ListedOperator(
            name=f"{at} {one.operator or one.delegate}",
            op_type=one.operator or "delegate",
            placed=one.delegate or OWN,
        )
        for at, one in enumerate(found.steps)
    )
    return OperatorProfile(why_not=WHY_NO_TIMES, listed=rows, pieces=sum(found.delegates.values()))
