"""How much one user may have or do at a time: so that nobody's share is the whole lab."""

from __future__ import annotations

from dataclasses import dataclass

from bitgauge.benchmarks.vocabulary.errors import Code, Refused

DAY_NS = 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class Quotas:
    """What one user may have. Jobs that wait have theirs in `care.CareTerms`.

    Attributes:
        campaigns: that have not ended.
        schedules: at a time.
        between_starts_s: seconds between two starts of a schedule, at least.
        tokens: live tokens of people, of the whole lab.
        join_lines: that nobody has used and that have not expired, of the whole lab.
        notes: changes accepted within a day.
        certificates: that one device gets within a day; a renewal is due every few weeks.
        acts: entries of the audit within a day that begin or change something of the user's own.
    """

    campaigns: int = 20
    schedules: int = 20
    between_starts_s: int = 900
    tokens: int = 500
    join_lines: int = 200
    notes: int = 200
    certificates: int = 1000
    acts: int = 5000


def require_room(have: int, most: int, what: str, option: str = "") -> None:
    """Refuse one more of what somebody has enough of.

    Args:
        have: how many there are.
        most: how many there may be.
        what: them, with whose they are.
        option: of `bitgauge up`, moves the quota; empty: none does.

    Raises:
        Refused: `QUOTA`.
    """
    if have >= most:
        moved = f", which `bitgauge up {option}` moves" if option else ""
        raise Refused(Code.QUOTA, f"There are {have} {what}; the quota is {most}{moved}.")
