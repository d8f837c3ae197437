"""What an attack needs: a real coordinator's process with TLS and tokens, and who else uses it.

``with attacked(folder) as lab`` in a module's fixture, and ``with lab.harmless("what is done")``
around an attack.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import grpc
import psutil
from bitgauge.agents.config import Enrolment
from bitgauge.agents.connection.connection import Connection, Introduction
from bitgauge.agents.connection.join import join
from bitgauge.benchmarks.common.files import whole_file
from bitgauge.benchmarks.common.join_line import SERVER_NAME, parse_join_line
from bitgauge.benchmarks.vocabulary.enums import Role
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment
from bitgauge.coordinator.access.ca import Authority
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.endpoint import Endpoint
from bitgauge.protos.v1 import agent_pb2, lab_pb2
from google.protobuf.message import Message

from tests.bad_days import figures
from tests.bad_days.figures import Figures
from tests.labs.host import AGENT_TOKEN, DEVICE, USER_TOKEN, digest_of, job_of

ROOT = Path(__file__).parents[3]
MIB = 1 << 20
RENEW = "Renew"
PROMPT_S, PATIENT_S = 1.0, 3.0
"""What the 99th percentile of others' calls stays under, whatever the attack.

A renewal is prompt always. So is a question, unless something else than the attack computes: then
it is given more. An attack that works held questions up for 13 s and more.
"""
MAX_OTHERS = 0.15
"""Of the processors, what something else takes at most where a question is held to be prompt."""
MAX_GROWTH_BYTES = 256 * MIB
MAX_KEPT_BYTES = 64 * MIB
"""What of it may be left a little later: arenas of the allocator, and caches that have a bound."""
LONGEST_FALL_S = 10.0
PAUSE_S = 0.02
"""Between two rounds of a bystander's calls."""
START = "from tests.bad_days.attacks.attacked import main; main()"
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1))

T = TypeVar("T")
OtherCall = tuple[str, str, str]
"""Path, request as hex, token."""


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """The metadata of a call with this token; of one without when it is empty."""
    return (("authorization", f"Bearer {token.partition('@')[0]}"),) if token else ()


@dataclass
class Grown:
    """What an attack did to the coordinator's memory, beyond what it was."""

    peak: int = 0
    """The most that was seen above it, in bytes."""
    kept: int = 0
    """What was still there afterwards, in bytes."""


@dataclass
class Bystander:
    """What another caller's calls took, in seconds; `inf` for one that failed."""

    seconds: dict[str, list[float]] = field(default_factory=dict)

    def p99(self, name: str) -> float:
        """Of one kind of call."""
        took = sorted(self.seconds[name])
        return took[min(len(took) - 1, int(len(took) * 0.99))]

    def require_prompt(self, attack: str, others: float) -> None:
        """Print what it took during this attack, and hold it to its bound.

        Args:
            attack: what was done meanwhile.
            others: what else than the attack took of the processors.
        """
        for name, took in self.seconds.items():
            print(f"{attack}: {name} p99 {self.p99(name):.3f} s of {len(took)} calls")
        questions_s = PROMPT_S if others <= MAX_OTHERS else PATIENT_S
        late = {
            name: self.p99(name)
            for name in self.seconds
            if self.p99(name) >= (PROMPT_S if name == RENEW else questions_s)
        }
        assert not late, f"{attack}: {late}; others took {others:.0%} of the processors"


class Processors:
    """What is computed on this machine from now on, and how much of it is not ours."""

    def __init__(self, coordinator: int) -> None:
        self._coordinator = coordinator
        self._before = self._now()

    def _now(self) -> tuple[float, float, float]:
        """Seconds of all processors, of these busy, of these ours."""
        all_ = psutil.cpu_times()
        idle_s = all_.idle + getattr(all_, "iowait", 0.0)
        # What a guest takes is counted as its host's time, too.
        total_s = sum(all_) - getattr(all_, "guest", 0.0) - getattr(all_, "guest_nice", 0.0)
        own = os.times()  # with the bystander, which has ended
        other = psutil.Process(self._coordinator).cpu_times()
        return total_s, total_s - idle_s, sum(own[:4]) + other.user + other.system

    def others(self) -> float:
        """The share of something else, from 0 to 1."""
        total_s, busy_s, ours_s = (
            now - before for now, before in zip(self._now(), self._before, strict=True)
        )
        return min(1.0, max(0.0, busy_s - ours_s) / total_s) if total_s else 0.0


@dataclass
class Attacked:
    """The coordinator's process, as seen from outside."""

    home: Path
    process: subprocess.Popen[str]
    port: int
    tls_port: int
    agent_port: int
    _lease: Assignment | None = None

    @property
    def address(self) -> str:
        """The plain socket, on loopback."""
        return f"127.0.0.1:{self.port}"

    # -- who calls ------------------------------------------------------------------------
    def client(self, token: str = USER_TOKEN, timeout_s: float = 10.0) -> Client:
        """The client of this machine's owner, or of whom a token names, who comes over TLS."""
        path = self.home / f"token-{digest_of(token.encode()).sha256[:12]}"
        with whole_file(path, 0o600) as new:  # several threads may be at it
            new.write(token.encode())
        port = self.tls_port if "@" in token else self.port
        return Client(Endpoint(f"127.0.0.1:{port}", None, path), timeout_s)

    def token(self, name: str, role: Role) -> str:
        """A new token of a person, as ``SECRET@PIN``."""
        with self.client() as client:
            return client.create_token(name, role)[0]

    def channel(self, *, tls: bool = False, device: Enrolment | None = None) -> grpc.Channel:
        """A connection of its own: plain, over TLS without certificate, or a device's."""
        if not tls and device is None:
            return grpc.insecure_channel(self.address, options=OWN_CONNECTION)
        keys = device.security if device else None
        trusted = grpc.ssl_channel_credentials(
            Authority.open(self.home / "ca" / "authority.pem", 60.0).pem,
            keys.key_pem if keys else None,
            keys.certificate_pem if keys else None,
        )
        port = self.agent_port if device else self.tls_port
        options = (*OWN_CONNECTION, ("grpc.ssl_target_name_override", SERVER_NAME))
        return grpc.secure_channel(f"127.0.0.1:{port}", trusted, options=options)

    def device(self, name: str) -> Enrolment:
        """A device that has joined with a line of its own; it has not registered."""
        with self.client() as client:
            line = parse_join_line(client.create_join_line()[0])
        return asyncio.run(join(line, self.home / "devices" / name, name, lambda _: None))

    # -- what becomes of the coordinator --------------------------------------------------
    @property
    def memory_bytes(self) -> int:
        """What the process holds of the machine's memory (RSS)."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    @contextlib.contextmanager
    def growth(self, settle_s: float = 0.5) -> Iterator[Grown]:
        """Watches the memory; afterwards waits `settle_s` for what falls back."""
        grown, before, over = Grown(), self.memory_bytes, threading.Event()

        def look() -> None:
            while not over.wait(0.01):
                grown.peak = max(grown.peak, self.memory_bytes - before)

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield grown
        finally:
            over.set()
            thread.join()
        until = time.monotonic() + settle_s
        while (kept := self.memory_bytes - before) > 8 * MIB and time.monotonic() < until:
            time.sleep(0.05)
        until += LONGEST_FALL_S
        while (kept := self.memory_bytes - before) > MAX_KEPT_BYTES and time.monotonic() < until:
            time.sleep(0.05)
        grown.kept = kept
        print(f"memory: {grown.peak / MIB:.0f} MiB at most, {kept / MIB:.0f} MiB kept")

    @contextlib.contextmanager
    def harmless(self, attack: str, **more: OtherCall) -> Iterator[None]:
        """Holds an attack to what everybody is promised: memory, and others' calls."""
        processors = Processors(self.process.pid)
        with self.bystander(**more) as other, self.growth() as grown:
            yield
        others = processors.others()
        p99_s = {name: other.p99(name) for name in other.seconds}
        figures.seen.append(Figures(attack, grown.peak, grown.kept, p99_s, others))
        other.require_prompt(attack, others)
        assert max(grown.peak, grown.kept) < MAX_GROWTH_BYTES, attack
        assert grown.kept < MAX_KEPT_BYTES, attack

    # -- who else uses it -----------------------------------------------------------------
    @property
    def lease(self) -> Assignment:
        """That of a job that runs for as long as this lab is attacked."""
        self._lease = self._lease or self.leased()
        return self._lease

    def leased(self) -> Assignment:
        """A job that `DEVICE`, the agent of this machine, holds the lease of."""
        with self.client() as client:
            digests = []
            for data in (b"baseline", b"evaluation"):
                digests.append(digest_of(data))
                client.write(digests[-1], 0, iter([data]))
            client.submit(job_of(digests[0], digests[1]))

        async def claim() -> Assignment:
            connection = Connection(self.address, AGENT_TOKEN, lambda _: None)
            try:
                await connection.register(DEVICE, Introduction("1", "boot", "one"))
                found = await connection.acquire(DEVICE.device_id, "one", 10_000)
            finally:
                await connection.close()
            assert found is not None
            return found

        return asyncio.run(claim())

    @contextlib.contextmanager
    def bystander(self, **more: OtherCall) -> Iterator[Bystander]:
        """Somebody with a lease and somebody who lists, for as long as the block lasts.

        Args:
            more: what else is called, by its name.
        """
        lease = self.lease
        renew = agent_pb2.RenewRequest(
            job_id=lease.job_id, epoch=lease.epoch, lease_token=lease.lease_token
        )
        plan = {
            "address": self.address,
            "pause_s": PAUSE_S,
            "calls": {
                RENEW: other_call("Agents/Renew", renew, AGENT_TOKEN),
                "ListJobs": other_call("Jobs/ListJobs", lab_pb2.ListJobsRequest(), USER_TOKEN),
                **more,
            },
        }
        process = _started("-m", "tests.bad_days.attacks.bystander")
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(plan) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n"
        seen = Bystander()
        try:
            yield seen
        finally:
            process.stdin.close()
            seen.seconds = json.loads(process.stdout.readline())
            _ended(process)


def other_call(path: str, request: Message, token: str) -> OtherCall:
    """A call of a bystander's, such as ``Jobs/ListJobs``."""
    return f"/bitgauge.v1.{path}", request.SerializeToString().hex(), token.partition("@")[0]


def _started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _ended(process: subprocess.Popen[str]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    if process.stdout is not None:
        process.stdout.close()
    process.wait(30)


@contextlib.contextmanager
def attacked(home: Path) -> Iterator[Attacked]:
    """A coordinator that may be attacked; its end is a test too."""
    process = _started("-c", START, str(home))
    assert process.stdout is not None
    port, tls_port, agent_port = map(int, process.stdout.readline().split())
    lab = Attacked(home, process, port, tls_port, agent_port)
    try:
        yield lab
        assert process.poll() is None, "the attack ended it"
    finally:
        _ended(process)


def at_once(count: int, work: Callable[[int], T]) -> list[T]:
    """What `count` threads give that start together, each told its number."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(work, range(count)))
