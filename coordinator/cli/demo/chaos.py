"""`bitgauge demo --chaos`: kills a part of the lab in the middle of a job, and says what followed.

Each part gets SIGKILL while something is being measured. Ray restarts the coordinator's actor and
the supervisor its driver; the agent is started again by the demo, as a service manager would.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import psutil
from bitgauge.benchmarks.selection.sentences import counted
from bitgauge.benchmarks.vocabulary.enums import Disposition, EntryState, JobState
from bitgauge.benchmarks.vocabulary.errors import Code, Internal
from bitgauge.benchmarks.vocabulary.values.jobs import JobView

from ...client.client import Client
from .processes import DemoLab

AGENT, ACTOR, DRIVER = "agent", "coordinator's actor", "coordinator's driver"
PARTS = (AGENT, ACTOR, DRIVER)
_COMMANDS = {ACTOR: "ray::CoordinatorActor", DRIVER: "bitgauge.coordinator.cluster.driver"}
_BACK_S = 120.0
_POLL_S = 0.1

Tell = Callable[[str], None]
Place = tuple[str, int, str]
"""A job, an entry, a step of measuring it."""


class Chaos:
    """Kills agent, actor and driver in turn: each once, then one for each further job."""

    def __init__(self, lab: DemoLab, client: Client) -> None:
        """Prepare; nothing is killed before `look`.

        Args:
            lab: what to kill.
            client: asks whether it is back.
        """
        self._lab = lab
        self._client = client
        self._victims: Iterator[str] = itertools.cycle(PARTS)
        self._places: set[Place] = set()
        self._jobs: set[str] = set()
        self.killed: Counter[str] = Counter()

    def look(self, view: JobView, tell: Tell) -> None:
        """Kill the next part when this job is in the middle of something new, and await its return.

        Args:
            view: the job now.
            tell: prints a line.

        Raises:
            Internal: `START_FAILED`, what was killed did not come back.
        """
        progress = view.progress
        if view.state is not JobState.LEASED or progress is None or progress.step == "fetching":
            return
        if view.entries[progress.entry_index].state is EntryState.ACCEPTED:
            return
        place = (view.job_id, progress.entry_index, progress.step)
        if place in self._places or (
            self.killed.total() >= len(PARTS) and view.job_id in self._jobs
        ):
            return
        self._places.add(place)
        self._jobs.add(view.job_id)
        what = f"{progress.recipe} of {view.model_name} was being measured ({progress.step})"
        self._kill(next(self._victims), what, tell)

    def _kill(self, victim: str, what: str, tell: Tell) -> None:
        began = time.monotonic()
        if victim == AGENT:
            pid = self._lab.kill_agent()
            tell(f"chaos: SIGKILL to the agent (process {pid}) while {what}")
            self._lab.start_agent(self._client)
            back = "the agent was started again and has registered"
        else:
            process = self._part(victim)
            process.kill()
            tell(f"chaos: SIGKILL to the {victim} (process {process.pid}) while {what}")
            self._wait_for_another(victim, process)
            who = "Ray" if victim == ACTOR else "the supervisor"
            back = f"{who} has restarted it; the coordinator serves again"
        self.killed[victim] += 1
        tell(f"chaos: {back} after {time.monotonic() - began:.1f} s")

    def _part(self, victim: str) -> psutil.Process:
        found = self._find(victim)
        if found is None:
            raise Internal(Code.START_FAILED, f"There is no {victim} to kill.")
        return found

    def _find(self, victim: str) -> psutil.Process | None:
        with contextlib.suppress(psutil.Error):
            below = psutil.Process(self._lab.coordinator_pid).children(recursive=True)
            for process in below:
                with contextlib.suppress(psutil.Error):
                    if _COMMANDS[victim] in " ".join(process.cmdline()):
                        return process
        return None

    def _wait_for_another(self, victim: str, dead: psutil.Process) -> None:
        """Wait until the victim's successor serves."""
        deadline = time.monotonic() + _BACK_S
        while (found := self._find(victim)) is None or found == dead or not self._lab.serves():
            self._lab.require_alive()
            if time.monotonic() > deadline:
                raise Internal(
                    Code.START_FAILED, f"The {victim} was not back within {_BACK_S:.0f} s."
                )
            time.sleep(_POLL_S)


def balance(chaos: Chaos, client: Client, jobs: Iterable[JobView]) -> str:
    """What the kills came to, in one or two sentences.

    Raises:
        Internal: a measured entry has not exactly one accepted run.
    """
    measured = attempts = 0
    for job in jobs:
        runs = client.runs(job.job_id)
        attempts += len(runs)
        accepted = Counter(
            run.entry_index for run in runs if run.disposition is Disposition.ACCEPTED
        )
        for entry in job.entries:
            if entry.state is not EntryState.ACCEPTED:
                continue
            measured += 1
            if accepted[entry.index] != 1:
                raise Internal(
                    Code.INTERNAL,
                    f"Entry {entry.index} of job {job.job_id} has {accepted[entry.index]} results.",
                )
    parts = ", ".join(f"{part} {times}" for part, times in chaos.killed.items())
    missed = [part for part in PARTS if part not in chaos.killed]
    return (
        f"chaos: {counted(chaos.killed.total(), 'kill')}{f' ({parts})' if parts else ''};"
        f" each measured entry has exactly one result:"
        f" {counted(measured, 'result')} of {counted(attempts, 'reported run')}."
        + (f" The jobs were over before it was the turn of: {', '.join(missed)}." if missed else "")
    )
