"""One model cannot stop the lab: a graph without end and graphs that ask for all memory.

A real coordinator and real children; another user's job goes on beside them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import onnx
import psutil
import pytest
from bitgauge.benchmarks.common.plugins import PLUGIN_PATH
from bitgauge.benchmarks.quality.sets import EvaluationSet, write_evaluation_set
from bitgauge.benchmarks.vocabulary.enums import EntryState, JobState, Role
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, JobView
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.endpoint import Endpoint
from bitgauge.coordinator.client.upload import local_file, upload

from tests.bad_days.attacks.strangers import DENIED
from tests.labs.graphs import hungry
from tests.labs.steps.nurseries import has_means
from tests.processes.bench import RECIPE, require_none_left, small_job
from tests.processes.conftest import Up

pytestmark = pytest.mark.timeout(300)

STATIC = "int8-static-u8s8-pc"
SLOW = "--step-limit=build=60", "--step-limit=reference=60"
TIGHT = "--step-limit=build=3,512MiB", "--step-limit=reference=3,512MiB"
PATIENCE_S = 60.0
EMPTY: Mapping[str, str] = MappingProxyType({})

EVILS = "fp16-evil_one"
EVIL = """
import os
import time

from bitgauge.coordinator.builders.base import Unsupported

VERSION, DISTRIBUTIONS, MAKES, RECIPES = 1, (), "onnx", ("{recipe}",)


def accepts(recipe):
    return False


def build(request):
    from tests.bad_days.attacks import strangers

    home, port = {home!r}, {port}
    said = {{
        "token": strangers.reads(home + "/tokens/user"),
        "key": strangers.reads(home + "/ca/authority.pem"),
        "state": strangers.reads(home + "/store.db"),
        "blobs": strangers.lists(home + "/blobs"),
        "write": strangers.writes(home + "/store.db"),
        "coordinator": strangers.connects(port),
        "parent": strangers.ends_its_parent(),
        "others": ",".join(map(strangers.ends, {others})),
    }}
    strangers.leaves_a_process()
    raise Unsupported(" ".join("=".join(one) for one in said.items()))
"""


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One slot, limits that nothing here meets, and a builder that is a stranger's."""
    plugins = tmp_path_factory.mktemp("plugins")
    (plugins / "builders").mkdir()
    path = plugins / "builders" / "evil.py"
    path.write_text(EVIL.format(recipe=EVILS, home="", port=0, others=[]))
    variables = {PLUGIN_PATH: str(plugins), "PYTHONPATH": str(Path(__file__).parents[3])}
    for up in started(tmp_path_factory.mktemp("slow"), *SLOW, variables=variables):
        port, others = int(up.address.rpartition(":")[2]), [one.pid for one in up.tree()]
        path.write_text(EVIL.format(recipe=EVILS, home=str(up.home), port=port, others=others))
        yield up


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One slot, and limits that are met soon."""
    yield from started(tmp_path_factory.mktemp("tight"), *TIGHT)


def started(home: Path, *limits: str, variables: Mapping[str, str] = EMPTY) -> Iterator[Up]:
    up = Up.start(home, "--task-cpus", "1", *limits, variables=variables)
    yield up
    assert up.stop() == []
    require_none_left(up.home)


def job_of(client: Client, folder: Path, model: onnx.ModelProto, *recipes: str) -> JobSpec:
    """A job on a model of `hungry`; its files are uploaded."""
    paths = [folder / name for name in ("model.onnx", "eval.npz", "calibration.npz")]
    onnx.save(model, paths[0])
    for seed, path in enumerate(paths[1:]):
        samples = hungry.inputs(seed, 32)
        labels = np.zeros(32, np.int64)
        write_evaluation_set(
            path,
            EvaluationSet(
                inputs={"x": samples}, ids=np.array([str(n) for n in range(32)]), labels=labels
            ),
        )
    files = [local_file(path) for path in paths]
    upload(client, files)
    baseline, evaluation, calibration = (file.digest for file in files)
    return JobSpec(
        model_name="hungry",
        baseline=baseline,
        entries=tuple(Entry(recipe) for recipe in recipes),
        evaluation=evaluation,
        calibration=calibration,
        wait_for_device=True,
    )


def until(client: Client, job_id: str, wanted: Callable[[JobView], bool]) -> JobView:
    for view in client.watch(job_id):
        if wanted(view):
            return view
    raise AssertionError("the job ended otherwise")


def building(view: JobView) -> bool:
    return view.waiting_for == f"building {STATIC}"


def queued(view: JobView) -> bool:
    return view.state is JobState.QUEUED


def busy(up: Up) -> set[int]:
    """Children of nurseries: steps that run."""
    found = set()
    for one in up.tree()[1:]:
        with contextlib.suppress(psutil.NoSuchProcess):
            if is_nursery(one) and not is_nursery(one.parent()):  # what it forks has its name
                found |= {child.pid for child in one.children()}
    return found


def is_nursery(process: psutil.Process | None) -> bool:
    return process is not None and "tasks.nursery" in " ".join(process.cmdline())


def require(what: Callable[[], bool]) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < until_s
        time.sleep(0.05)


def test_cancel_frees_the_slot_for_another_user(slow: Up, tmp_path: Path) -> None:
    """Beside the endless build another's model is looked into; its build has the next slot."""
    with slow.client() as client:
        secret, _ = client.create_token("ben", Role.SUBMIT)
        token = tmp_path / "token"
        token.write_text(secret)
        spec = job_of(client, tmp_path, hungry.endless(), STATIC)
        endless = client.submit(spec).job_id
        until(client, endless, building)
        require(lambda: len(busy(slow)) == 1)
        with Client(Endpoint(slow.address, None, token)) as other:
            said: list[str] = []
            theirs = other.submit(small_job(other, "ben"), said.append).job_id
            assert said[-1] == "looking into the model"
            require(lambda: other.job(theirs).waiting_for == "waiting for a slot")
            client.cancel(endless)
            view = until(other, theirs, queued)
            assert view.entries[1].state is EntryState.READY
        require(lambda: not busy(slow))


def test_the_deadline_ends_a_build(slow: Up, tmp_path: Path) -> None:
    with slow.client() as client:
        spec = job_of(client, tmp_path, hungry.endless(), STATIC)
        job_id = client.submit(dataclasses.replace(spec, deadline_s=2)).job_id
        view = until(client, job_id, queued)
        assert view.entries[1].reason == (
            f"Building {STATIC} was stopped: the deadline of 2 s for building has passed"
        )
        require(lambda: not busy(slow))


def test_a_coordinator_that_is_killed_leaves_no_step_behind(slow: Up, tmp_path: Path) -> None:
    with slow.client() as client:
        job_id = client.submit(job_of(client, tmp_path, hungry.endless(), STATIC)).job_id
        until(client, job_id, building)
        require(lambda: len(busy(slow)) == 1)
        before = busy(slow)
        slow.find("ray::CoordinatorActor").kill()
        slow.wait_serving()
        require(lambda: not any(psutil.pid_exists(pid) for pid in before))
        until(client, job_id, building)
        client.cancel(job_id)
        require(lambda: not busy(slow))


def test_a_build_without_end_is_stopped_once_and_for_all(tight: Up, tmp_path: Path) -> None:
    """What is known of it answers the next job at once, also after the coordinator was killed."""
    sentence = f"Building {STATIC} did not end within 3 s and was stopped."
    with tight.client() as client:
        spec = job_of(client, tmp_path, hungry.endless(), STATIC)
        for kill in (True, False):
            shown: list[JobView] = []
            for view in client.watch(client.submit(spec).job_id):
                shown.append(view)
                if queued(view):
                    break
            assert any(map(building, shown)) is kill
            assert (view.entries[1].state, view.entries[1].reason) == (EntryState.FAILED, sentence)
            if kill:
                tight.find("ray::CoordinatorActor").kill()
                tight.wait_serving()


@pytest.mark.parametrize("model", [hungry.vast(), hungry.exploding()], ids=["vast", "exploding"])
def test_what_asks_for_all_memory_is_stopped(
    tight: Up, tmp_path: Path, model: onnx.ModelProto
) -> None:
    with tight.client() as client:
        view = until(client, client.submit(job_of(client, tmp_path, model, STATIC)).job_id, queued)
        assert view.entries[1].state is EntryState.FAILED
        assert view.entries[1].reason == (
            f"Building {STATIC} wanted more than 0.5 GB of memory and was stopped."
        )
        view = until(
            client, client.submit(small_job(client, model.graph.node[0].name)).job_id, queued
        )
        assert view.entries[1].recipe == RECIPE
        assert view.entries[1].state is EntryState.READY


@pytest.mark.skipif(not has_means("userns"), reason="NOT RUN: no level confines a step here")
def test_a_build_that_attacks_reaches_nothing_and_another_users_job_goes_on(
    slow: Up, tmp_path: Path
) -> None:
    assert slow.lines[0].startswith(
        ("Sandbox of background steps: bwrap", "Sandbox of background steps: userns")
    )
    with slow.client() as client:
        secret, _ = client.create_token("cleo", Role.SUBMIT)
        (tmp_path / "token").write_text(secret)
        spec = dataclasses.replace(small_job(client, "evil"), entries=(Entry(EVILS),))
        evil = client.submit(spec).job_id
        with Client(Endpoint(slow.address, None, tmp_path / "token")) as other:
            theirs = other.submit(small_job(other, "cleo")).job_id
            assert until(other, theirs, queued).entries[1].state is EntryState.READY
        entry = until(client, evil, queued).entries[1]
    assert entry.state is EntryState.UNSUPPORTED
    said = dict(word.split("=") for word in str(entry.reason).split())
    found = {*said.pop("others").split(","), *said.values()}
    assert len(said) == 7
    assert found <= set(DENIED), entry.reason
    assert slow.process.poll() is None
    require(lambda: not busy(slow))
