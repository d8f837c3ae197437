"""When a cron expression comes round, in UTC. The only importer of the library that knows."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from cronsim import CronSim, CronSimError

FIELDS = 5
_S = 1_000_000_000
_DAY_MINUTES = 24 * 60


def require_cron(cron: str, least_s: int) -> None:
    """Refuse what is no cron expression of five fields, or comes round too often.

    Args:
        cron: as somebody typed it.
        least_s: seconds between two starts, at least. On which days it comes is not looked at:
            the last start of a day and the first of the next count as neighbours.

    Raises:
        BadInput: it is refused.
    """
    if len(cron.split()) != FIELDS:
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"{cron!r} is no cron expression of five fields (minute, hour, day, month, weekday),"
            " such as '0 3 * * *' (03:00 UTC each day).",
        )
    next_after(cron, 0)
    parsed = CronSim(cron, datetime.fromtimestamp(0, timezone.utc))
    starts = sorted(60 * hour + minute for hour in parsed.hours for minute in parsed.minutes)
    again = (*starts[1:], starts[0] + _DAY_MINUTES)
    gap_s = 60 * min(later - one for one, later in zip(starts, again, strict=True))
    if gap_s < least_s:
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"{cron!r} starts every {gap_s / 60:g} minutes at its most frequent; here"
            f" {least_s / 60:g} minutes at least lie between two starts, which"
            " `bitgauge up --schedule-minutes` moves.",
        )


def following(cron: str, due_ns: int, now_ns: int, least_s: int) -> int:
    """When a schedule starts after a time that was due, UTC nanoseconds.

    What was missed meanwhile counts as one. A schedule of an earlier version that comes round too
    often is slowed down rather than refused.
    """
    return next_after(cron, max(now_ns, due_ns + least_s * _S - 1))


def next_after(cron: str, after_ns: int) -> int:
    """The first time after `after_ns`, UTC nanoseconds; whole minutes.

    Raises:
        BadInput: `cron` is no expression of five fields, or never comes round.
    """
    after = datetime.fromtimestamp(after_ns // _S, timezone.utc)
    try:
        found = next(CronSim(cron, after))
    except (CronSimError, StopIteration) as error:
        why = f": {error}" if str(error) else ", or it never comes round"
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"{cron!r} is no cron expression such as '0 3 * * *' (03:00 UTC each day){why}.",
        ) from error
    # Counted in whole microseconds: a float of seconds cannot hold nanoseconds of today.
    since = found - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return since // timedelta(microseconds=1) * 1000
