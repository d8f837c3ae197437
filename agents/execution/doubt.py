"""A latency that cannot be is measured once more, beside a fresh reading of the anchors.

The anchors may have been read while others used the machine; what is beyond them then says more of
the reading than of the latency. The analysis decides on both; see `benchmarks.analysis.bounds`.
"""

from __future__ import annotations

from collections.abc import Sequence

from bitgauge.benchmarks.analysis.bounds import bounds_of, is_beyond, ledger_of
from bitgauge.benchmarks.raw.anchors import from_items
from bitgauge.benchmarks.raw.container import read_raw
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.runs import RawRef

from .bench import Bench
from .probing import ProbeFailed


def doubted(
    bench: Bench, runtime: str, workload: Workload, made: Sequence[RawRef], median_ns: float | None
) -> int | None:
    """The number of the launch to make once more, when a median latency is beyond the anchors.

    Args:
        bench: whose spool and anchors these are.
        runtime: what executed the entry.
        workload: of the job.
        made: raw files of the entry so far.
        median_ns: of its launches; None when nothing was timed.
    """
    ledgers = [ref for ref in made if ref.pass_name is PassName.NUMERICS]
    anchors = from_items(bench.anchors(runtime))
    if median_ns is None or not median_ns > 0 or anchors is None or not ledgers:
        return None
    try:
        ledger = ledger_of(read_raw(bench.spool.raw_path(ledgers[0].digest)))
    except BitgaugeError:  # the coordinator will say so
        return None
    if not is_beyond(bounds_of(ledger, anchors, workload), median_ns):
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
