"""Where the time of a program goes, by the library's own profiler.

Only operators that the program itself calls are counted, with all that they call in turn: what
is nested in another one is a part of it. Of a compiled program the calls of its outer kernels are
seen, and of one built ahead of time nothing.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from bitgauge.benchmarks.vocabulary.errors import Code, Refused

from .session import TorchSession

if TYPE_CHECKING:
    from bitgauge.benchmarks.raw.operators import OperatorProfile, OperatorTime

    from ..base import Feeds

RESOLUTION_NS = 1_000


class ProfiledTorchSession(TorchSession):
    """A session under the profiler; see `base.ProfiledSession`."""

    def profile(
        self, feeds: Sequence[Feeds], *, warm: int, most: int, budget_ns: int
    ) -> OperatorProfile:
        """Where the time of these calls went."""
        import torch
        from bitgauge.benchmarks.raw.operators import OperatorProfile
        from torch.profiler import ProfilerActivity, profile

        self.run(feeds[0])  # what it says of inputs that it cannot take
        latencies: list[int] = []
        card = self.is_on_card
        kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if card else [])]
        with torch.no_grad():
            following = itertools.cycle([self.bare(one) for one in feeds]).__next__
            for _ in range(warm):
                following()()
            started = time.perf_counter_ns()
            with profile(activities=kinds, record_shapes=True) as seen:
                while len(latencies) < most and time.perf_counter_ns() - started < budget_ns:
                    before = time.perf_counter_ns()
                    following()()
                    self.wait()
                    latencies.append(time.perf_counter_ns() - before)
        self.close()
        operators = _operators(seen.events(), len(latencies), "cuda" if card else "cpu")
        if not operators:
            raise Refused(
                Code.RUN_FAILED, "The profiler sees no operator of a program that is built whole."
            )
        return OperatorProfile(
            operators,
            calls=len(latencies),
            call_ns=float(statistics.median(latencies)),
            resolution_ns=RESOLUTION_NS,
        )


def _operators(events: Sequence[Any], calls: int, provider: str) -> tuple[OperatorTime, ...]:
    """The outermost operators by their order in a call, the slowest first."""
    from bitgauge.benchmarks.raw.operators import OperatorTime

    found: defaultdict[tuple[str, int], list[Any]] = defaultdict(list)
    outer = list(_outermost(events))
    per_call = max(len(outer) // max(calls, 1), 1)
    for at, one in enumerate(outer):
        found[one.name, at % per_call].append(one)
    rows = []
    for (name, at), seen in found.items():
        times = sorted(_time_us(one, provider) * 1e3 for one in seen)
        quarter = len(times) // 4
        middle = times[quarter : len(times) - quarter]
        rows.append(
            OperatorTime(
                name=f"{at} {name}",
                op_type=name,
                provider=provider,
                calls=len(seen),
                time_ns=statistics.fmean(middle) * len(seen) / calls,
                median_ns=statistics.median(times),
                inputs=_shapes(seen[-1].input_shapes),
            )
        )
    return tuple(sorted(rows, key=lambda row: (-row.time_ns, row.name)))


def _time_us(event: Any, provider: str) -> float:
    """Of an operator and all that it calls: of the card where that computes, never of its host."""
    return float(event.cpu_time_total if provider == "cpu" else event.device_time_total)


def _outermost(events: Sequence[Any]) -> Iterator[Any]:
    """Events of one thread that lie in no other, in the order of time."""
    ends = -1.0
    for one in sorted(events, key=lambda one: (one.time_range.start, -one.time_range.end)):
        if one.time_range.start >= ends and "::" in one.name:
            ends = one.time_range.end
            yield one


def _shapes(shapes: Any) -> str:
    """``[[8, 64], [512, 64]]`` as ``[8,64] [512,64]``."""
    return " ".join(f"[{','.join(map(str, one))}]" for one in shapes or () if one)
