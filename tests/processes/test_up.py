"""`bitgauge up` as a user meets it: real processes, real Ray, real wire."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import re
import socket
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.vocabulary.enums import EntryState, JobState, ModelClass
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.upload import local_file, upload
from bitgauge.coordinator.cluster.sockets import require_token_mode
from bitgauge.coordinator.models.formats.onnx import facts_of
from grpc_health.v1 import health_pb2, health_pb2_grpc

from .conftest import BITGAUGE, Up, environment

RECIPES = ("fp16", "int8-dynamic", "int8-static-u8s8-pc")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def sent(client: Client, *paths: Path) -> list[Digest]:
    files = [local_file(path) for path in paths]
    upload(client, files)
    return [file.digest for file in files]


def mlp_job(client: Client, **changes: object) -> JobSpec:
    """A job on the smallest model of the zoo; its files are uploaded."""
    model = zoo.models()[0]
    baseline, evaluation, calibration = sent(
        client, model.path, zoo.evaluation_path(), zoo.calibration_path()
    )
    spec = JobSpec(
        model_name=model.name,
        baseline=baseline,
        entries=tuple(Entry(recipe) for recipe in RECIPES),
        evaluation=evaluation,
        calibration=calibration,
        wait_for_device=True,
    )
    return dataclasses.replace(spec, **changes)  # type: ignore[arg-type]


def built_job(client: Client) -> tuple[str, dict[str, Digest | None]]:
    job_id = client.submit(mlp_job(client)).job_id
    for view in client.watch(job_id):
        if view.state is not JobState.BUILDING:
            assert view.state is JobState.QUEUED
            assert view.model_class is ModelClass.MLP
            return job_id, {entry.recipe: entry.artifact for entry in view.entries}
    raise AssertionError("the job ended")


def refused(client: Client, spec: JobSpec) -> BitgaugeError:
    with pytest.raises(BitgaugeError) as caught:
        client.submit(spec)
    assert "\n" not in str(caught.value)
    assert "Traceback" not in str(caught.value)
    return caught.value


def run_up(home: Path, *arguments: str) -> tuple[int, list[str], float]:
    started = time.monotonic()
    ended = subprocess.run(
        [BITGAUGE, "up", *arguments],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, ended.stderr.splitlines(), time.monotonic() - started


def test_health_is_up_without_a_token(up: Up) -> None:
    with grpc.insecure_channel(up.address) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_secrets_are_for_their_owner_only(up: Up) -> None:
    assert mode(up.home) == 0o700
    for name in ("tokens/agent", "tokens/user", "ray-token"):
        assert mode(up.home / name) == 0o600


def test_other_users_cannot_reach_rays_sockets(up: Up) -> None:
    folder = Path(up.find("bitgauge.coordinator.cluster.driver").cmdline()[-1])
    assert next(folder.rglob("plasma_store")).is_socket()
    assert mode(folder) == 0o700


def test_ray_tasks_build_what_a_job_asks_for(up: Up) -> None:
    with up.client() as client:
        _, artifacts = built_job(client)
        assert list(artifacts) == ["fp32", *RECIPES]
        for recipe, digest in artifacts.items():
            assert digest is not None
            data = b"".join(client.read(digest))
            assert Digest(hashlib.sha256(data).hexdigest(), len(data)) == digest
            assert str(facts_of(data, "the model").recipe).split("-")[0] == recipe.split("-")[0]


def test_equal_builds_give_the_stored_artifact(up: Up) -> None:
    with up.client() as client:
        first, artifacts = built_job(client)
        second, again = built_job(client)
    assert first != second
    assert artifacts == again


def test_files_that_are_no_model_are_one_sentence(up: Up, tmp_path: Path) -> None:
    whole = zoo.models()[0].path.read_bytes()
    for name, data in (("noise.onnx", b"\x93hello" * 100), ("half.onnx", whole[: len(whole) // 2])):
        (tmp_path / name).write_bytes(data)
        with up.client() as client:
            (digest,) = sent(client, tmp_path / name)
            assert refused(client, mlp_job(client, baseline=digest)).code is Code.BAD_MODEL


def test_a_recipe_that_nobody_builds_is_one_sentence(up: Up) -> None:
    with up.client() as client:
        assert refused(client, mlp_job(client, entries=(Entry("int9"),))).code is Code.BAD_RECIPE


def test_a_job_can_be_cancelled_while_it_waits(up: Up) -> None:
    with up.client() as client:
        job_id, _ = built_job(client)
        view = client.cancel(job_id)
        assert view.state is JobState.CANCELLED
        assert {entry.state for entry in view.entries} == {EntryState.CANCELLED}


def test_a_second_coordinator_is_refused_at_once_naming_the_first(up: Up) -> None:
    code, lines, seconds = run_up(up.home, "--port", "0")
    holder = up.find("ray::CoordinatorActor")
    assert code != 0
    assert len(lines) == 1
    assert f"process {holder.pid} on {socket.gethostname()}" in lines[0]
    assert seconds < 5


def test_a_port_in_use_is_refused_at_once(up: Up, tmp_path: Path) -> None:
    code, lines, seconds = run_up(tmp_path, "--port", up.address.rpartition(":")[2])
    assert code != 0
    assert len(lines) == 1
    assert "is used by another process" in lines[0]
    assert seconds < 5


def test_listening_beyond_loopback_is_refused(tmp_path: Path) -> None:
    code, lines, _ = run_up(tmp_path, "--host", "0.0.0.0")
    assert code != 0
    assert len(lines) == 1
    assert "TLS" in lines[0]
    assert list(tmp_path.iterdir()) == []


def test_all_ports_are_loopback_and_ray_asks_for_its_token(up: Up) -> None:
    found = {process.name(): listening(process) for process in up.tree()}
    assert {"gcs_server", "raylet"} <= found.keys()
    ours = {address.ip for addresses in found.values() for address in addresses}
    assert ours
    assert ours <= {"127.0.0.1", "::ffff:127.0.0.1"}, found
    (gcs, *_) = listening(up.find("gcs_server"))
    require_token_mode(f"127.0.0.1:{gcs.port}")


def listening(process: psutil.Process, port: int | None = None) -> list[Any]:
    """Addresses that a process listens on; none when it has just ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [
            connection.laddr
            for connection in process.net_connections("inet")
            if connection.status == "LISTEN" and port in (None, connection.laddr.port)
        ]
    return []


def test_the_terminal_sees_how_steps_are_confined_and_where_it_serves(up: Up) -> None:
    sandbox, serving = up.lines
    assert re.fullmatch(r"Sandbox of background steps: (bwrap|userns|rlimits)( \(.+\))?\.", sandbox)
    assert serving == f"Bitgauge coordinator serving on {up.address}"
