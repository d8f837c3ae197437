"""How far one reported run walks through the store: the modules of ours that it enters.

Before decisions were instructions, an accepted run entered eight of them from the store on, and one
that failed nine: engine and SQL had a module for each step, and each step read its job anew.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

from bitgauge.benchmarks.vocabulary.enums import Disposition, FailureGroup

from tests.labs.store import TERMS, Lab

OURS = "bitgauge.coordinator."


def entered(call: Callable[[], object]) -> set[str]:
    """The modules whose functions are called; what a dataclass makes of its fields is none."""
    found = set()

    def look(frame: FrameType, event: str, _: object) -> None:
        name = str(frame.f_globals.get("__name__", ""))
        written = frame.f_code.co_filename != "<string>"
        if event == "call" and written and name.startswith(OURS):
            found.add(name.removeprefix(OURS))

    sys.setprofile(look)
    try:
        call()
    finally:
        sys.setprofile(None)
    return found - {__name__.removeprefix(OURS)}


WALK = {"store.sql.database", "store.jobs.runs", "store.jobs.changes", "decisions.jobs"}


def test_an_accepted_run_walks_through_four_modules(lab: Lab) -> None:
    told = lab.told(lab.claimed(lab.submit()), 1)
    assert entered(lambda: lab.store.report(told, lab.now_ns, TERMS)) == WALK
    again = entered(lambda: lab.store.report(told, lab.now_ns, TERMS))
    assert again <= WALK


def test_only_what_moves_the_job_or_the_table_walks_further(lab: Lab) -> None:
    lease = lab.claimed(lab.submit())
    for index in (0, 1):
        assert lab.report(lease, index) is Disposition.ACCEPTED
    last = lab.told(lease, 2)
    assert entered(lambda: lab.store.report(last, lab.now_ns, TERMS)) == {
        *WALK,
        "decisions.transitions",
    }
    other = lab.claimed(lab.submit())
    assert entered(lambda: lab.report_failure(other, 1, FailureGroup.HARNESS)) == {
        *WALK,
        "store.sql.table",
        "store.sql.candidates",
        "store.sql.unreadable",
    }


def test_a_job_is_read_once_per_report(lab: Lab) -> None:
    told = lab.told(lab.claimed(lab.submit()), 1)
    asked: list[str] = []
    lab.store._connection.set_trace_callback(asked.append)
    lab.store.report(told, lab.now_ns, TERMS)
    lab.store._connection.set_trace_callback(None)
    read = [sql for sql in asked if sql.lstrip().startswith("SELECT")]
    for table in ("FROM jobs", "FROM entries", "FROM leases", "FROM runs r"):
        assert sum(table in sql for sql in read) == 1, table
