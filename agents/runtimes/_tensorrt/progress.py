"""How far a build is, and how it ends before its end.

The library tells phases inside of phases, each of so many steps, and asks after each step whether
to go on. A build of minutes says nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class BuildProgress:
    """The share of a build that is done, of the phases that the library tells.

    A phase takes the place of one step of the phase around it.

    Args:
        tells: told the share, 0 to 1, after each step; what it raises ends the build.

    Attributes:
        raised: what it raised, if it did.
    """

    def __init__(self, tells: Callable[[float], None]) -> None:
        self._tells = tells
        self._phases: dict[str, tuple[str, int, int]] = {}
        self._share = 0.0
        self.raised: BaseException | None = None

    def start(self, phase: str, around: str, steps: int) -> None:
        """A phase of so many steps begins, inside of another, or of none ("")."""
        self._phases[phase] = (around, max(steps, 1), 0)

    def step(self, phase: str, step: int) -> bool:
        """A step, from 0, is done; whether to go on."""
        if phase in self._phases:
            around, steps, _ = self._phases[phase]
            self._phases[phase] = (around, steps, min(step + 1, steps))
            self._share = max(self._share, min(self._base(phase), 1.0))
        if self.raised is None:
            try:
                self._tells(self._share)
            except BaseException as error:  # it cannot pass through the library
                self.raised = error
        return self.raised is None

    def finish(self, phase: str) -> None:
        """A phase is over."""
        self._phases.pop(phase, None)

    def _base(self, phase: str) -> float:
        """Share of the whole where the present step of a phase begins."""
        around, steps, done = self._phases[phase]
        start = self._base(around) if around in self._phases else 0.0
        return start + self._width(phase) * done / steps

    def _width(self, phase: str) -> float:
        """Share of the whole that a phase takes."""
        around, _, _ = self._phases[phase]
        if around not in self._phases:
            return 1.0
        return self._width(around) / self._phases[around][1]


def monitor(trt: Any, progress: BuildProgress) -> Any:
    """What the library calls."""

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            progress.start(phase_name, parent_phase or "", num_steps)

        def phase_finish(self, phase_name: str) -> None:
            progress.finish(phase_name)

        def step_complete(self, phase_name: str, step: int) -> bool:
            return progress.step(phase_name, step)

    return Monitor()
