"""Pass `operators`: where the time of one artifact goes, under the runtime's own profiler."""

from __future__ import annotations

from pathlib import Path

from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.operators import OperatorProfile, operators_raw
from bitgauge.benchmarks.vocabulary.enums import PassName
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError

from ..runtimes.base import ListsOperators, OpensProfiled
from .base import Child

NAME = PassName.OPERATORS

WARM_CALLS = 10
MAX_CALLS = 200
BUDGET_NS = 200_000_000


def measure(child: Child) -> RawFile:
    """One launch of the pass; see `base.PassModule`."""
    open_profiled = child.runtime.TRAITS.profile
    lists = child.runtime.TRAITS.lists
    if open_profiled is None and lists is not None:
        return operators_raw(child.origin, _listed(child, lists))
    if open_profiled is None:
        sentence = f"Runtime {child.spec.runtime} has no profiler."
        return operators_raw(child.origin, OperatorProfile(why_not=sentence))
    try:
        return operators_raw(child.origin, _profile(child, open_profiled))
    except BitgaugeError as error:
        # Its other passes say whether it runs; only this cannot be done.
        return operators_raw(child.origin, OperatorProfile(why_not=error.sentence))


def _listed(child: Child, lists: ListsOperators) -> OperatorProfile:
    """What is executed and where; its times are told nowhere."""
    child.channel.phase("load")
    try:
        return lists(Path(child.spec.paths[0]), child.options())
    except BitgaugeError as error:  # as in `measure`
        return OperatorProfile(why_not=error.sentence)


def _profile(child: Child, open_profiled: OpensProfiled) -> OperatorProfile:
    evaluation = child.evaluation()
    child.channel.phase("load")
    folder = Path(child.spec.result).parent
    session = open_profiled(Path(child.spec.paths[0]), child.options(), folder)
    batches = child.batches(evaluation, session).for_timing()
    child.channel.phase("measure")
    return session.profile(batches, warm=WARM_CALLS, most=MAX_CALLS, budget_ns=BUDGET_NS)
