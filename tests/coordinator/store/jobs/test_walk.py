"""How far one reported run walks through the store: the modules of the coordinator it enters.

Before decisions were instructions, an accepted run entered eight of them from the store on, one
that is tried again ten, one that ends its job eleven or twelve: engine and SQL had a module for
each step, and each step read its job anew.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

from bitgauge.benchmarks.vocabulary.enums import Disposition, FailureGroup, JobState

from tests.labs.store import TERMS, Lab

OURS = "bitgauge.coordinator."


def entered(call: Callable[[], object]) -> list[str]:
    """The modules whose functions are called, in order.

    What a dataclass makes of its fields is none.
    """
    found: dict[str, None] = {}

    def look(frame: FrameType, event: str, _: object) -> None:
        name = str(frame.f_globals.get("__name__", ""))
        written = frame.f_code.co_filename != "<string>"
        if event == "call" and written and name.startswith(OURS):
            found.setdefault(name.removeprefix(OURS))

    sys.setprofile(look)
    try:
        call()
    finally:
        sys.setprofile(None)
    return list(found)


WALK = ["store.sql.database", "store.jobs.changes", "decisions.jobs"]
MOVED = [*WALK, "decisions.transitions"]


def test_an_accepted_run_walks_through_three_modules(lab: Lab) -> None:
    told = lab.told(lab.claimed(lab.submit()), 1)
    assert entered(lambda: lab.store.report(told, lab.now_ns, TERMS)) == WALK
    again = entered(lambda: lab.store.report(told, lab.now_ns, TERMS))
    assert set(again) <= set(WALK)


def test_one_that_moves_its_job_walks_through_four(lab: Lab) -> None:
    lease = lab.claimed(lab.submit())
    for index in (0, 1):
        assert lab.report(lease, index) is Disposition.ACCEPTED
    last = lab.told(lease, 2)
    assert entered(lambda: lab.store.report(last, lab.now_ns, TERMS)) == MOVED
    assert lab.job(lease.job_id).state is JobState.ANALYSING


def test_one_that_is_tried_again_walks_through_four(lab: Lab) -> None:
    lease = lab.claimed(lab.submit())
    for index in (0, 1):
        assert lab.report(lease, index) is Disposition.ACCEPTED
    lost = lambda: lab.report_failure(lease, 2, FailureGroup.HARNESS)  # noqa: E731
    assert entered(lost) == MOVED
    assert lab.job(lease.job_id).state is JobState.QUEUED


def test_one_that_ends_its_job_walks_through_four_before_the_job_is_judged(lab: Lab) -> None:
    lease = lab.claimed(lab.submit())
    for index in (0, 1):
        assert lab.report(lease, index) is Disposition.ACCEPTED
    lab.analyse()
    crashed = lambda: lab.report_failure(lease, 2, FailureGroup.ARTIFACT)  # noqa: E731
    walk = entered(crashed)
    assert lab.job(lease.job_id).state is JobState.FINISHED
    assert walk[:4] == MOVED
    # Then what every end of a job does, whoever ended it; and the table shows what was found.
    assert walk[4:6] == ["store.jobs.job_end", "decisions.job_end"]
    assert walk.index("store.sql.table") > walk.index("decisions.job_end")


def test_a_job_is_read_once_per_report(lab: Lab) -> None:
    told = lab.told(lab.claimed(lab.submit()), 1)
    asked: list[str] = []
    lab.store._connection.set_trace_callback(asked.append)
    lab.store.report(told, lab.now_ns, TERMS)
    lab.store._connection.set_trace_callback(None)
    read = [sql for sql in asked if sql.lstrip().startswith("SELECT")]
    for table in ("FROM jobs", "FROM entries", "FROM leases", "FROM runs r"):
        assert sum(table in sql for sql in read) == 1, table
