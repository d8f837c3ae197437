"""All examinations of a machine, one after the other, and what came of them in words."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from bitgauge.benchmarks.common import plugins
from bitgauge.benchmarks.common.plugins import Kind

from .base import Examination, Observation, Patient, State

KIND = Kind("examinations", ("NAME", "RANK", "examine"), f"{__package__}.examinations")
PROGRAM_S = 10.0
"""How long a program of the machine is waited for."""

EXIT_MEND = 1
EXIT_STOP = 3

_MARKS = {State.GOOD: "ok", State.NOTE: "note", State.MEND: "MEND", State.STOP: "STOP"}
_WORST = (State.STOP, State.MEND, State.NOTE, State.GOOD)


def examined(patient: Patient) -> tuple[Observation, ...]:
    """What every examination finds; one that fails is a finding itself."""
    found = plugins.find(KIND, patient.plugins)
    findings = [Observation("plug-in", State.MEND, line) for line in found.problems]
    for name, module in found.modules.items():
        try:
            findings += cast(Examination, module).examine(patient)
        except Exception as error:  # a plug-in is another's code and may fail in any way
            told = f"it failed: {type(error).__name__}: {error}"
            findings.append(Observation(name, State.MEND, told))
    return tuple(findings)


def program(command: tuple[str, ...]) -> str | None:
    """What a program prints within `PROGRAM_S`; None where it is not there or fails."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=PROGRAM_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace")


def exit_code(findings: Sequence[Observation]) -> int:
    """0 where there is nothing to mend, 1 where there is, 3 where nothing can be measured."""
    states = {one.state for one in findings}
    return EXIT_STOP if State.STOP in states else EXIT_MEND if State.MEND in states else 0


def in_words(findings: Sequence[Observation]) -> str:
    """The answer, then what was found, worst first, then how to mend it."""
    lines = [_answer(findings), ""]
    ordered = sorted(findings, key=lambda one: _WORST.index(one.state))
    width = max((len(one.subject) for one in ordered), default=0)
    for one in ordered:
        lines.append(f"{_MARKS[one.state]:<5} {one.subject:<{width}}  {one.found}")
        indent = " " * (width + 8)
        if one.state is not State.GOOD:
            lines += [indent + text for text in (one.why, one.mend and f"→ {one.mend}") if text]
    return "\n".join(lines) + "\n"


def _answer(findings: Sequence[Observation]) -> str:
    def count(state: State) -> int:
        return sum(one.state is state for one in findings)

    stops, mends = count(State.STOP), count(State.MEND)
    if stops:
        return "Nothing can be measured here yet: see STOP."
    if mends:
        things = "one thing" if mends == 1 else f"{mends} things"
        return f"This machine can measure; {things} would make its numbers better: see MEND."
    return "This machine can measure; there is nothing to mend."


def this_machine(
    home: Path, folders: Sequence[Path], sandbox: str, refused: tuple[tuple[str, str], ...]
) -> Patient:
    """The machine that this process runs on."""
    return Patient(
        *(Path("/"), home, tuple(folders), sandbox, refused),
        user_id=os.geteuid(),
        run=program,
    )
