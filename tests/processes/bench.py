"""A coordinator and an agent on one machine, kept running as a service manager would."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil
from bitgauge.agents.host.process import start_ticks
from bitgauge.agents.spec import WORKER
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.vocabulary.enums import Disposition, EntryState, JobState, PassName
from bitgauge.benchmarks.vocabulary.errors import Unavailable
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, JobView, Overrides
from bitgauge.benchmarks.vocabulary.values.runs import RunView
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.upload import local_file, upload

from tests.labs.agent import known_kernels

from .conftest import Up, environment

T = TypeVar("T")

AGENT = str(Path(sys.executable).with_name("bitgauge-agent"))
RECIPE = "int8-dynamic"
BRIEF = Overrides(warmup_ms=20, launches=1, budget_ms=500)
"""Enough of every pass that is asked for, where what it measures does not matter."""
PATIENCE_S = 60.0
YOUNG_S = 0.25
"""Less than a child needs to import what measures."""


@dataclass
class AgentService:
    """Keeps an agent running.

    Attributes:
        home: state folder.
        command: how to start it.
        variables: what its environment has besides.
        log: where what it says is added.
        died: called whenever it has ended, before it is started again.
    """

    home: Path
    command: Sequence[str]
    variables: dict[str, str] = field(default_factory=dict)
    log: Path = Path(os.devnull)
    died: Callable[[], None] = lambda: None
    starts: int = 0

    def __post_init__(self) -> None:
        self._ending = False
        self._known = known_kernels(self.home / "agent")
        self._known.__enter__()
        self._start()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    @classmethod
    def of(cls, up: Up, *arguments: str, variables: dict[str, str] | None = None) -> AgentService:
        command = [AGENT, "run", "--coordinator", up.address, *arguments]
        return cls(up.home, command, variables or {})

    def _start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env={**environment(self.home), **self.variables},
                stdout=log,
                stderr=log,
            )
        self.starts += 1

    def _keep(self) -> None:
        while True:
            self.process.wait()
            if self._ending:
                return
            self.died()
            time.sleep(0.2)
            self._start()

    def child(self) -> psutil.Process:
        """A child that has just begun to compare: what it measures is still ahead of it.

        One that is older may be about to end by the time that a busy machine lets us act; without
        some other passes a run is whole.
        """
        deadline = time.monotonic() + PATIENCE_S
        before = self._children()
        while time.monotonic() < deadline:
            for process in self._children() - before:
                with contextlib.suppress(psutil.NoSuchProcess, OSError):
                    if age_s(process.pid) < YOUNG_S and _pass_of(process) == PassName.PAIR.value:
                        return process
            time.sleep(0.02)
        raise AssertionError("no child began to measure")

    def _children(self) -> set[psutil.Process]:
        return set(psutil.Process(self.process.pid).children(recursive=True))

    def end(self) -> None:
        self._ending = True
        self.process.terminate()
        self._keeper.join(20)
        self._known.__exit__(None, None, None)


def _pass_of(process: psutil.Process) -> str:
    """The pass that a child measures; "" of a process that is none, its box included."""
    words = process.cmdline()
    if words[1:3] != ["-m", WORKER]:
        return ""
    spec = Path(words[3])
    return str(json.loads(spec.read_bytes())["pass_name"])


def age_s(pid: int) -> float:
    """How long ago a process was started; of one that is gone, longer than any."""
    ticks = start_ticks(pid) or 0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def left_over(home: Path) -> list[str]:
    """Every process on this machine that has to do with `home`."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            command = " ".join(process.cmdline())
            if str(home) in command or process.environ().get("BITGAUGE_HOME") == str(home):
                found.append(command)
    return found


def require_none_left(home: Path) -> None:
    """Fail when processes of `home` stay for a minute."""
    deadline = time.monotonic() + PATIENCE_S
    while (left := left_over(home)) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert left == []


def wait_for_device(up: Up, name: str) -> None:
    """Until an agent has registered the device `name`."""
    deadline = time.monotonic() + PATIENCE_S
    with up.client() as client:
        while not any(view.description.name == name for view in client.devices()):
            assert time.monotonic() < deadline, "the agent did not register"
            time.sleep(0.1)


def small_job(client: Client, key: str) -> JobSpec:
    """The smallest job that has a baseline and a candidate; its files are uploaded."""
    model = zoo.models()[0]
    files = [local_file(path) for path in (model.path, zoo.evaluation_path())]
    patiently(lambda: upload(client, files))
    return JobSpec(
        model_name=model.name,
        baseline=files[0].digest,
        entries=(Entry(RECIPE),),
        evaluation=files[1].digest,
        overrides=BRIEF,
        wait_for_device=True,
        idempotency_key=key,
    )


def in_the_middle(view: JobView) -> bool:
    """The baseline's result is in, the next entry is being measured."""
    return (
        view.state is JobState.LEASED
        and view.entries[0].state is EntryState.ACCEPTED
        and view.progress is not None
        and view.progress.entry_index == 1
    )


def accepted(runs: tuple[RunView, ...]) -> dict[int, list[str]]:
    found = collections.defaultdict(list)
    for run in runs:
        if run.disposition is Disposition.ACCEPTED:
            found[run.entry_index].append(run.run_id)
    return found


def patiently(work: Callable[[], T]) -> T:
    """What `work` gives; a coordinator that is being restarted is waited for."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return work()
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
