"""A latency that cannot be is measured once more, beside a fresh reading of the anchors.

The anchors may have been read while others used the machine; what is beyond them then says more of
the reading than of the latency. The analysis decides on both; see `benchmarks.analysis.bounds`.
"""

from __future__ import annotations

from collections.abc import Sequence

from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.values.runs import RawRef

from .bench import Bench
from .probing import ProbeFailed


def doubted(made: Sequence[RawRef], median_ns: float | None, least_ns: float) -> int | None:
    """The number of the launch to make once more, when a median latency is beyond the anchors.

    Args:
        made: raw files of the entry so far.
        median_ns: of its launches; None when nothing was timed.
        least_ns: the shortest that the anchors allow, as the pass over its numerics told.
    """
    if median_ns is None or not 0 < median_ns < least_ns:
        return None
    own = (PassName.ABSOLUTE, RawRole.CANDIDATE)
    return 1 + max(ref.launch for ref in made if (ref.pass_name, ref.role) == own)


async def read_afresh(bench: Bench, runtime: str) -> bool:
    """Reads the anchors of a runtime once more; whether that gave any."""
    try:
        fresh = await bench.read_again(runtime)
    except ProbeFailed as failed:
        bench.say(f"The anchors of {runtime} were not read again: {failed.sentence}")
        return False
    if fresh:
        bench.readings[runtime] = fresh
    return bool(fresh)
