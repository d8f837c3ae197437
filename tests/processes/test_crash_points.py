"""Each crash point is passed by real processes; afterwards nothing is lost and nothing doubled."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from bitgauge.agents.storage.spool import Spool
from bitgauge.benchmarks.common.crash import POINTS, VARIABLE
from bitgauge.benchmarks.vocabulary.enums import EntryState, JobState
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.upload import LocalFile, local_file, upload
from bitgauge.coordinator.store.sql.schema import SCRIPT
from bitgauge.coordinator.store.sql.steps import NEWEST, STEPS, Steps
from bitgauge.coordinator.store.store import Store

from .bench import AgentService, accepted, patiently, require_none_left, small_job
from .conftest import Up

pytestmark = [pytest.mark.kill, pytest.mark.timeout(300)]

COORDINATOR = [name for name in POINTS if name.startswith("C") and name != "C9"]
AGENT = [name for name in POINTS if name.startswith("A")]
SEVERAL_PIECES_BYTES = (2 << 20) + 12345


@dataclass
class Promises:
    """What was acknowledged, to be found again at the end."""

    jobs: list[str] = field(default_factory=list)
    runs: set[str] = field(default_factory=set)
    blobs: list[LocalFile] = field(default_factory=list)


@dataclass
class Spooled:
    """What an agent that died had on its disk: runs that had begun, and reports."""

    begun: list[int | None] = field(default_factory=list)
    reports: int = 0


@dataclass
class Lab:
    """A coordinator and an agent, both with every point in their environment, spent for now."""

    up: Up
    agent: AgentService
    promises: Promises = field(default_factory=Promises)
    deaths: list[Spooled] = field(default_factory=list)

    def marks(self, point: str) -> Path:
        folder = self.up.home if point.startswith("C") else self.up.home / "agent"
        return folder / "crash" / point

    def watch_deaths(self) -> None:
        def died() -> None:
            spool = Spool(self.up.home / "agent" / "spool")
            begun = [intent.pid for intent in spool.intents()]
            self.deaths.append(Spooled(begun, len(spool.reports())))

        self.agent.died = died


def every_one(points: list[str]) -> dict[str, str]:
    return {VARIABLE: ",".join(f"{point}:1" for point in points)}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    home = tmp_path_factory.mktemp("crash")
    for folder, points in ((home, COORDINATOR), (home / "agent", AGENT)):
        (folder / "crash").mkdir(parents=True)
        for point in points:
            (folder / "crash" / point).touch()
    up = Up.start(home, variables=every_one(COORDINATOR))
    # A simulated device takes only what needs no clock, which is all that matters here.
    agent = AgentService.of(up, "--device", "fake", variables=every_one(AGENT))
    lab = Lab(up, agent)
    lab.watch_deaths()
    yield lab
    agent.end()
    up.stop()
    require_none_left(home)
    settled(home, lab.promises)


def settled(home: Path, promises: Promises) -> None:
    """Exactly one accepted run for each entry of each job, and whatever was acknowledged."""
    database = sqlite3.connect(home / "store.db")
    try:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        counts = database.execute(
            """SELECT e.job_id, e.entry_index,
                 (SELECT count(*) FROM runs r WHERE r.job_id = e.job_id
                    AND r.entry_index = e.entry_index AND r.disposition = 'accepted')
               FROM entries e"""
        ).fetchall()
        assert {count for *_, count in counts} == {1}
        checks = {job for (job,) in database.execute("SELECT job_id FROM health_checks")}
        assert sorted({job for job, *_ in counts} - checks) == sorted(promises.jobs)
        kept = "SELECT job_id, run_id FROM runs WHERE disposition = 'accepted'"
        assert promises.runs == {run for job, run in database.execute(kept) if job not in checks}
    finally:
        database.close()
    spool = Spool(home / "agent" / "spool")
    assert (spool.intents(), spool.reports()) == ([], [])
    assert list((home / "agent" / "spool" / "aside").iterdir()) == []


def finished(client: Client, lab: Lab, key: str) -> None:
    """Submit a job as a user does who repeats what was not acknowledged, and see it through."""
    spec = small_job(client, key)
    job_id = patiently(lambda: client.submit(spec)).job_id
    lab.promises.jobs.append(job_id)
    for _ in client.watch(job_id):
        seen = accepted(patiently(lambda: client.runs(job_id)))
        lab.promises.runs |= {run for runs in seen.values() for run in runs}
    view = patiently(lambda: client.job(job_id))
    assert view.state is JobState.FINISHED
    assert [entry.state for entry in view.entries] == [EntryState.ACCEPTED] * 2
    assert patiently(lambda: client.submit(spec)).job_id == job_id
    results = accepted(patiently(lambda: client.runs(job_id)))
    lab.promises.runs |= {run for runs in results.values() for run in runs}
    assert {index: len(runs) for index, runs in results.items()} == {0: 1, 1: 1}


def test_an_undisturbed_job_passes_no_armed_point(lab: Lab) -> None:
    with lab.up.client() as client:
        finished(client, lab, "undisturbed")
    assert lab.deaths == []
    assert not any("has ended" in line for line in lab.up.lines)


@pytest.mark.parametrize("point", COORDINATOR)
def test_the_coordinator_dies(lab: Lab, point: str, tmp_path: Path) -> None:
    pid = lab.up.find("ray::CoordinatorActor").pid
    lab.marks(point).unlink()
    with lab.up.client() as client:
        if point == "C4":  # several pieces, so that it dies in the middle
            upload_in_pieces(client, lab, tmp_path / "large")
        finished(client, lab, point)
    assert lab.marks(point).read_text().split() == [str(pid)], POINTS[point]
    assert lab.deaths == []


def upload_in_pieces(client: Client, lab: Lab, path: Path) -> None:
    path.write_bytes(os.urandom(SEVERAL_PIECES_BYTES))
    large = local_file(path)
    patiently(lambda: upload(client, [large]))
    assert patiently(lambda: client.find_missing([large.digest])) == ()
    assert b"".join(client.read(large.digest)) == path.read_bytes()


AT_DEATH: dict[str, Callable[[Spooled], bool]] = {
    "A1": lambda disk: disk.begun == [None],
    "A2": lambda disk: disk.begun == [None],
    "A3": lambda disk: len(disk.begun) == 1 and disk.begun != [None],
    "A4": lambda disk: len(disk.begun) == 1 and disk.reports == 0,
    "A5": lambda disk: not disk.begun and disk.reports == 1,
    "A6": lambda disk: not disk.begun and disk.reports == 1,
    "A7": lambda disk: not disk.begun and disk.reports == 1,
}


@pytest.mark.parametrize("point", AGENT)
def test_the_agent_dies(lab: Lab, point: str) -> None:
    pid, deaths = lab.agent.process.pid, len(lab.deaths)
    lab.marks(point).unlink()
    with lab.up.client() as client:
        finished(client, lab, point)
    assert lab.marks(point).read_text().split() == [str(pid)], POINTS[point]
    assert len(lab.deaths) == deaths + 1
    assert AT_DEATH[point](lab.deaths[-1]), lab.deaths[-1]


OPEN = """
import json, sys
from pathlib import Path
from bitgauge.benchmarks.common.crash import arm
from bitgauge.coordinator.store.store import Store
arm(Path(sys.argv[1]))
Store.open(Path(sys.argv[1]) / "store.db", tuple(json.loads(sys.argv[2]))).close()
"""
MORE: Steps = (*STEPS, ("CREATE TABLE one (x TEXT) STRICT", "CREATE TABLE two (x TEXT) STRICT"))


def opened(home: Path, crash_at: str, steps: Steps) -> int:
    """Exit status of a process that opens the store and brings its schema to the end of `steps`."""
    variables = {**os.environ, VARIABLE: crash_at}
    return subprocess.run(
        [sys.executable, "-c", OPEN, str(home), json.dumps(steps)], env=variables, check=False
    ).returncode


def schema(path: Path) -> tuple[int, list[str]]:
    database = sqlite3.connect(path)
    try:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        tables = database.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        return version, sorted(sql for (sql,) in tables)
    finally:
        database.close()


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("exists", "steps"), [(False, STEPS), (True, MORE)])
def test_a_change_of_the_schema_dies(
    tmp_path: Path, exists: bool, steps: Steps, share: float
) -> None:
    """C9: the schema is the old one or the new one, never between."""
    path = tmp_path / "store.db"
    if exists:
        Store.open(path).close()
    else:
        path.touch()
    before = schema(path)
    assert before[0] == (NEWEST if exists else 0)
    statement = max(1, round(share * len(steps[-1] if exists else SCRIPT)))
    assert opened(tmp_path, f"C9:{statement}", steps) == -9
    assert (tmp_path / "crash" / "C9").exists()
    assert schema(path) == before
    assert opened(tmp_path, f"C9:{statement}", steps) == 0
    Store.open(tmp_path / "new.db", steps).close()
    assert schema(path) == schema(tmp_path / "new.db")


def test_every_point_is_in_the_test() -> None:
    assert sorted([*COORDINATOR, *AGENT, "C9"]) == sorted(POINTS)
    assert sorted(AT_DEATH) == sorted(AGENT)


def test_an_unknown_point_is_refused_in_one_sentence(tmp_path: Path) -> None:
    from .bench import AGENT as AGENT_COMMAND
    from .conftest import BITGAUGE, environment

    variables = {**environment(tmp_path), VARIABLE: "C99:1"}
    (tmp_path / "tokens").mkdir()
    (tmp_path / "tokens" / "agent").write_text("token")
    for command in ([BITGAUGE, "up", "--port", "0"], [AGENT_COMMAND, "run"]):
        began = time.monotonic()
        ended = subprocess.run(
            command, env=variables, capture_output=True, text=True, timeout=30, check=False
        )
        assert ended.returncode in (1, 2)
        assert "names the crash point 'C99'; there are C1, C2" in ended.stderr
        assert len(ended.stderr.splitlines()) == 1, ended.stderr
        assert time.monotonic() - began < 20
