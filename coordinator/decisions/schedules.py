"""When a cron expression comes round, in UTC. The only importer of the library that knows."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from cronsim import CronSim, CronSimError

_S = 1_000_000_000


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
