"""What a report of a run must bring, before anything is stored of it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole, RunStatus
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.profiles import PLACES
from bitgauge.benchmarks.vocabulary.values.runs import (
    MAX_RAW_FILE_BYTES,
    MAX_RAW_FILES,
    MAX_RUN_RAW_BYTES,
    RawRef,
    RunReport,
)

_A, _B = RawRole.BASELINE, RawRole.CANDIDATE
_ORDERS = ((_A, _B, _B, _A), (_B, _A, _A, _B))

MAX_CLOCK_SKEW_NS = 86_400 * 10**9
"""How far a device's clock may be from the coordinator's, by which a lease is given."""


def require_evidence(told: RunReport) -> None:
    """Refuse a report without evidence, with the same twice, or with more than can be borne.

    Raises:
        BadInput: `BAD_EVIDENCE`.
    """
    if told.status is RunStatus.MEASURED and not told.raw:
        raise _bad(told, "is measured and names no raw file")
    if len(told.raw) > MAX_RAW_FILES:
        raise _bad(told, f"names {len(told.raw)} raw files; {MAX_RAW_FILES} are taken at most")
    if problem := _turns_problem(told.raw):
        raise _bad(told, problem)
    digests = Counter(ref.digest.sha256 for ref in told.raw)
    launches = Counter((ref.pass_name, ref.launch, ref.role) for ref in told.raw)
    for ref in told.raw:
        if digests[ref.digest.sha256] > 1:
            raise _bad(told, f"names raw file {ref.digest} twice")
        if launches[ref.pass_name, ref.launch, ref.role] > 1:
            launch = f"launch {ref.launch} of pass {ref.pass_name.value} ({ref.role.value})"
            raise _bad(told, f"names {launch} twice")
    largest = max((ref.digest for ref in told.raw), key=lambda one: one.size_bytes, default=None)
    if largest is not None and largest.size_bytes > MAX_RAW_FILE_BYTES:
        raise _bad(
            told, f"names raw file {largest}; {MAX_RAW_FILE_BYTES} bytes are taken at most of each"
        )
    together = sum(ref.digest.size_bytes for ref in told.raw)
    if together > MAX_RUN_RAW_BYTES:
        raise _bad(
            told,
            f"names {together} bytes of raw files; {MAX_RUN_RAW_BYTES} are taken at most together",
        )


def _turns_problem(refs: Sequence[RawRef]) -> str | None:
    """What is wrong with the launches of pass `pair`: all hold both artifacts, or they take turns.

    Launches that take turns are whole quads, in the order A B B A or B A A B.
    """
    pairs = [ref for ref in refs if ref.pass_name is PassName.PAIR]
    turns = {ref.launch: ref.role for ref in pairs if ref.role is not RawRole.BOTH}
    if not turns:
        return None
    if len(turns) < len(pairs) or sorted(turns) != list(range(len(turns))) or len(turns) % PLACES:
        return "names launches of pass pair with one artifact that are no whole quads"
    for quad in range(0, len(turns), PLACES):
        order = tuple(turns[quad + place] for place in range(PLACES))
        if order not in _ORDERS:
            return f"names launches {quad} to {quad + PLACES - 1} of pass pair that take no turns"
    return None


def require_times(told: RunReport, leased_unix_ns: int, now_ns: int) -> None:
    """Refuse a run of before its lease, of the future, or that ended before it started.

    Args:
        told: what a device on another machine reports, by its own clock.
        leased_unix_ns: when its lease began, by the coordinator's.
        now_ns: the present, by the coordinator's.

    Raises:
        BadInput: `BAD_EVIDENCE`.
    """
    if told.ended_unix_ns < told.started_unix_ns:
        raise _bad(told, "ended before it started")
    early_s = (leased_unix_ns - told.started_unix_ns) / 1e9
    late_s = (told.ended_unix_ns - now_ns) / 1e9
    off_s = max(early_s, late_s)
    if off_s * 1e9 > MAX_CLOCK_SKEW_NS:
        when = "started before its lease was given" if off_s == early_s else "ended in the future"
        raise _bad(told, f"{when}, by {off_s / 3600:.0f} h: set the clock of its device")


def require_own(told: RunReport, others: Mapping[str, str]) -> None:
    """Refuse raw files that were the evidence of another job or device.

    Within one job and device a launch of the baseline is evidence of every entry that compares
    with it.

    Args:
        told: what is reported.
        others: runs of other jobs or devices that name a raw file of the report, by its SHA-256.

    Raises:
        BadInput: `BAD_EVIDENCE`.
    """
    for ref in told.raw:
        if ref.digest.sha256 in others:
            raise _bad(
                told, f"names raw file {ref.digest}, which is of run {others[ref.digest.sha256]}"
            )


def _bad(told: RunReport, why: str) -> BadInput:
    return BadInput(Code.BAD_EVIDENCE, f"Run {told.run_id} {why}.")
