"""The parts of the supervisor that need no Ray."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import filelock
import pytest
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.coordinator.cluster import driver_process, home_folder, listeners, supervisor
from bitgauge.coordinator.cluster.driver_process import (
    DriverEvent,
    EventKind,
    EventReader,
    EventSender,
)
from bitgauge.coordinator.config import CoordinatorConfig, from_json, lease_terms, require_loopback
from bitgauge.coordinator.store import state_folder

DEAD_PID = 2**22 + 1  # beyond the largest that Linux gives


@pytest.fixture
def config(tmp_path: Path) -> CoordinatorConfig:
    return CoordinatorConfig(home=str(tmp_path / "home"), port=listeners.free_port("127.0.0.1"))


def code_of(call: object, *arguments: object) -> Code:
    with pytest.raises(BitgaugeError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.code


def test_a_configuration_survives_the_way_to_the_driver(config: CoordinatorConfig) -> None:
    assert from_json(config.to_json()) == config
    assert CoordinatorConfig(home="/x", host="::1", port=5).address == "[::1]:5"


def test_terms_that_one_lost_renewal_would_break_are_refused() -> None:
    assert lease_terms(60, 5, 20).ttl_ns == 60_000_000_000
    assert code_of(lease_terms, 1.0, 0.6, 2.0) is Code.BAD_ARGUMENT


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_is_allowed(host: str) -> None:
    require_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])
def test_everything_else_is_refused(host: str) -> None:
    assert code_of(require_loopback, host) is Code.INSECURE_LISTEN


def test_the_state_folder_is_its_owners_alone(config: CoordinatorConfig) -> None:
    config.home_folder.mkdir(mode=0o755)
    home_folder.prepare(config)
    assert stat.S_IMODE(config.home_folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(config.ray_token_path.stat().st_mode) == 0o600
    first = config.ray_token_path.read_text()
    home_folder.prepare(config)
    assert config.ray_token_path.read_text() == first


def test_a_state_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    config = CoordinatorConfig(home=str(tmp_path / "file" / "home"))
    assert code_of(home_folder.prepare, config) is Code.START_FAILED


def test_a_held_lock_is_refused_when_its_supervisor_lives(config: CoordinatorConfig) -> None:
    home_folder.prepare(config)
    home_folder.refuse_if_running(config)
    with filelock.FileLock(config.lock_path):
        state_folder.write_holder(config.holder_path, DEAD_PID)
        home_folder.refuse_if_running(config)  # it is about to come free: the actor waits
        state_folder.write_holder(config.holder_path, os.getpid())
        with pytest.raises(BitgaugeError, match=f"process {os.getpid()} on") as caught:
            home_folder.refuse_if_running(config)
    assert caught.value.code is Code.COORDINATOR_RUNNING
    home_folder.refuse_if_running(config)


def test_a_port_in_use_is_refused_and_a_lingering_connection_is_not(
    config: CoordinatorConfig,
) -> None:
    with socket.create_server((config.host, config.port)) as server:
        assert code_of(listeners.refuse_if_port_taken, config) is Code.PORT_IN_USE
        with socket.create_connection((config.host, config.port)):
            accepted, _ = server.accept()
            accepted.close()  # our end closes first and stays in TIME_WAIT
    listeners.refuse_if_port_taken(config)


def test_ray_gets_our_token_and_nobodys_cluster(config: CoordinatorConfig) -> None:
    inherited = {"RAY_ADDRESS": "10.0.0.1:6379", "RAY_AUTH_TOKEN": "theirs", "PATH": "/bin"}
    made = driver_process.environment(config, inherited, Path("/tmp/bg-x"))
    assert made["RAY_AUTH_MODE"] == "token"
    assert made["RAY_AUTH_TOKEN_PATH"] == str(config.ray_token_path)
    assert made["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] == "0"
    assert made["RAY_USAGE_STATS_ENABLED"] == "0"
    assert made["PATH"] == "/bin"
    assert not {"RAY_ADDRESS", "RAY_AUTH_TOKEN"} & set(made)


def test_a_cluster_without_token_mode_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    config = CoordinatorConfig(home=str(tmp_path / "home"), ray_address="10.0.0.1:6379")
    assert code_of(supervisor.run, config) is Code.RAY_INSECURE
    assert not (tmp_path / "home").exists()


def test_events_arrive_whole_and_end_with_the_sender() -> None:
    read, write = os.pipe()
    sender, reader = EventSender(write), EventReader(read)
    events = (
        DriverEvent(EventKind.SERVING),
        DriverEvent(EventKind.REFUSED, Code.PORT_IN_USE, "Port 1 is used.\nReally."),
    )
    for event in events:
        sender.send(event)
    assert reader.read() == events
    os.close(write)
    assert reader.read() is None
    os.close(read)


def test_an_orphan_in_a_session_of_its_own_is_found_and_ended() -> None:
    """As Ray's helpers do: the parent is gone, the group is another."""
    script = textwrap.dedent("""
        import subprocess, sys, time, psutil
        from bitgauge.benchmarks.common.prctl import adopt_orphans
        from bitgauge.coordinator.cluster import family
        adopt_orphans()
        orphan = "import time; time.sleep(60)"
        child = (
            "import subprocess, sys;"
            f"p = subprocess.Popen([sys.executable, '-c', {orphan!r}], start_new_session=True,"
            "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL);"
            "print(p.pid); p.returncode = 0"
        )
        pid = int(subprocess.run([sys.executable, "-c", child], capture_output=True).stdout)
        assert psutil.Process(pid).ppid() == psutil.Process().pid
        assert family.end_descendants(5) == ()
        assert not psutil.pid_exists(pid)
    """)
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
