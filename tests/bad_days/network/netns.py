"""Two network namespaces on one machine, joined by one cable that can be cut, bent and slowed."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

COORDINATOR = "10.213.77.1"
AGENT = "10.213.77.2"


class NotPossible(Exception):
    """This machine has no namespaces for us; the text says what is missing."""


def ip(*words: str) -> None:
    """One command of iproute2, which must succeed."""
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@dataclass(frozen=True)
class Cable:
    """The two ends: namespaces `near` (coordinator) and `far` (agent)."""

    near: str
    far: str

    def inside(self, name: str) -> list[str]:
        """What to put before a command that shall run there."""
        return ["ip", "netns", "exec", name]

    def lose_towards_agent(self) -> None:
        """From now on nothing that the coordinator sends arrives."""
        ip("-n", self.near, "route", "replace", "blackhole", f"{AGENT}/32")

    def lose_towards_coordinator(self) -> None:
        """From now on nothing that the agent sends arrives."""
        ip("-n", self.far, "route", "replace", "blackhole", f"{COORDINATOR}/32")

    def cut(self) -> None:
        """Nothing arrives, either way."""
        self.lose_towards_agent()
        self.lose_towards_coordinator()

    def mend(self) -> None:
        for name, other in ((self.near, AGENT), (self.far, COORDINATOR)):
            with contextlib.suppress(subprocess.CalledProcessError):
                ip("-n", name, "route", "del", "blackhole", f"{other}/32")

    def slow(self, rate: str) -> None:
        """At most `rate`, such as ``1mbit``, each way."""
        for name, device in ((self.near, "near"), (self.far, "far")):
            shape = ("root", "tbf", "rate", rate, "burst", "16kbit", "latency", "400ms")
            command = ["tc", "-n", name, "qdisc", "replace", "dev", device, *shape]
            ended = subprocess.run(command, capture_output=True, text=True, check=False)
            if ended.returncode:
                raise NotPossible(f"tc has no token bucket here ({ended.stderr.strip()})")

    def quicken(self) -> None:
        for name, device in ((self.near, "near"), (self.far, "far")):
            command = ["tc", "-n", name, "qdisc", "del", "dev", device, "root"]
            subprocess.run(command, capture_output=True, check=False)


@contextlib.contextmanager
def cable() -> Iterator[Cable]:
    """Lay a cable; both namespaces are gone afterwards, with all that still runs in them.

    Raises:
        NotPossible: not root, no iproute2, or a kernel without namespaces or veth.
    """
    if os.geteuid() != 0:
        raise NotPossible("network namespaces take root")
    if shutil.which("ip") is None or shutil.which("tc") is None:
        raise NotPossible("iproute2 (ip, tc) is not installed")
    laid = Cable(f"bg-near-{os.getpid()}", f"bg-far-{os.getpid()}")
    try:
        try:
            _lay(laid)
        except subprocess.CalledProcessError as error:
            raise NotPossible(f"`{' '.join(error.cmd)}`: {error.stderr.strip()}") from error
        yield laid
    finally:
        for name in (laid.near, laid.far):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def _lay(laid: Cable) -> None:
    ip("netns", "add", laid.near)
    ip("netns", "add", laid.far)
    pair = ("link", "add", "near", "netns", laid.near, "type", "veth")
    ip(*pair, "peer", "name", "far", "netns", laid.far)
    for name, device, address in ((laid.near, "near", COORDINATOR), (laid.far, "far", AGENT)):
        ip("-n", name, "address", "add", f"{address}/30", "dev", device)
        ip("-n", name, "link", "set", device, "up")
        # Ray and the sockets between our own processes need it.
        ip("-n", name, "link", "set", "lo", "up")
