"""A store that fails under a real coordinator: its process ends, says why, and comes back."""

from __future__ import annotations

import hashlib
import resource
import time

import pytest
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.coordinator.client.client import Client

from .conftest import Up

LATER_S = 60.0


def wait_for_jobs(client: Client) -> None:
    deadline = time.monotonic() + LATER_S
    while True:
        try:
            client.jobs()
        except BitgaugeError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        else:
            return


@pytest.mark.kill
def test_an_io_error_ends_the_actor_and_a_new_one_serves(own_up: Up) -> None:
    actor = own_up.find("CoordinatorActor")
    limits = resource.prlimit(actor.pid, resource.RLIMIT_FSIZE)
    with own_up.client() as client:
        assert client.jobs() == ()
        # The next write beyond 4 KiB fails as on a broken disk, in that process only.
        resource.prlimit(actor.pid, resource.RLIMIT_FSIZE, (4096, limits[1]))
        with pytest.raises(BitgaugeError) as caught:
            write_until_refused(own_up)
        assert caught.value.code in (Code.STORE_IO, Code.UNREACHABLE)
        own_up.wait_serving()
        wait_for_jobs(client)
        write_something(own_up)
    assert own_up.find("CoordinatorActor").pid != actor.pid
    log = (own_up.home / "logs" / "coordinator.log").read_text()
    assert "CRITICAL" in log
    assert "the store failed" in log


def write_until_refused(up: Up) -> None:
    for _ in range(20):
        write_something(up)


def write_something(up: Up) -> None:
    """A write that is acknowledged, or an error."""
    data = str(time.monotonic_ns()).encode()
    with up.client() as client:
        client.write(Digest(hashlib.sha256(data).hexdigest(), len(data)), 0, iter([data]))
