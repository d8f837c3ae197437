"""The child's end of the two pipes to the agent."""

from __future__ import annotations

import os
import sys
import time

import msgspec

from ..spec import BUILD, Event

GAP_EVERY_NS = 500_000_000


class Channel:
    """Tells the agent what happens, and lets it speak in the gaps.

    Args:
        event_fd: descriptor to write events to.
        ack_fd: descriptor to read acknowledgements from.
        gap_every_ns: shortest time between two gaps that the agent hears of.
        began_ns: when the launch was asked for, on the monotonic clock; 0: now.

    Attributes:
        fraction: share of the pass that is done.
        median_ns: median latency that was measured, told with the end; 0 for none.
        least_ns: shortest latency that the anchors allow, told likewise.
        at: the present phase.
        spent_ns: how long each phase lasted until now, but the present one.
    """

    def __init__(
        self, event_fd: int, ack_fd: int, gap_every_ns: int = GAP_EVERY_NS, began_ns: int = 0
    ) -> None:
        self._event_fd = event_fd
        self._ack_fd = ack_fd
        self._gap_every_ns = gap_every_ns
        now = time.monotonic_ns()
        self._last_gap = now
        self._last_call = now
        self._longest = 0
        self.fraction = 0.0
        self.median_ns = self.least_ns = 0.0
        self.at = "start"
        self._since_ns = min(began_ns, now) or now
        self.spent_ns: dict[str, int] = {}

    def phase(self, name: str) -> None:
        """A phase begins."""
        now = time.monotonic_ns()
        self.spent_ns[self.at] = self.spent_ns.get(self.at, 0) + now - self._since_ns
        self.at, self._since_ns = name, now
        self._send(Event("phase", phase=name))
        self._last_call = self._last_gap = time.monotonic_ns()

    def gap(self) -> None:
        """No clock runs: every half second, let the agent send its heartbeat.

        The agent learns the longest silence so far, so that it can announce a longer one before
        it comes.
        """
        now = time.monotonic_ns()
        self._longest = max(self._longest, now - self._last_call)
        if now - self._last_gap >= self._gap_every_ns:
            self._send(Event("gap", fraction=self.fraction, hold_ms=self._longest // 1_000_000 + 1))
            if not os.read(self._ack_fd, 1):
                sys.exit(1)  # the agent has gone
            now = self._last_gap = time.monotonic_ns()
        self._last_call = now

    def building(self, share: float) -> None:
        """So much of a program is built that the runtime makes of the artifact; as a gap else."""
        if time.monotonic_ns() - self._last_gap >= self._gap_every_ns:
            self._send(Event("gap", phase=BUILD, fraction=share, hold_ms=1))
            if not os.read(self._ack_fd, 1):
                sys.exit(1)  # the agent has gone
            self._last_gap = self._last_call = time.monotonic_ns()

    def done(self) -> None:
        """The raw file is complete."""
        self._send(Event("done", median_ns=self.median_ns, least_ns=self.least_ns))

    def failed(self, code: str, message: str) -> None:
        """Nothing more will come."""
        self._send(Event("failed", code=code, message=message[:2000]))

    def _send(self, event: Event) -> None:
        line = msgspec.json.encode(event) + b"\n"
        while line:
            line = line[os.write(self._event_fd, line) :]
