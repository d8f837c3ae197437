"""What a device got when it joined: kept in one file, and renewed before it ends.

The file holds key, certificate, CA and token, and appears whole or not at all; only its owner
reads it. The key was made here and never leaves the device.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from bitgauge.benchmarks.common.files import write_durably
from bitgauge.benchmarks.vocabulary.errors import (
    BadInput,
    BitgaugeError,
    Code,
    Refused,
    Unavailable,
)

from ..config import Enrolment
from .connection import Connection

_NS = 1_000_000_000
_OWNER_ONLY = 0o600
_LONGEST_SLEEP_S = 60.0  # the clock may be set meanwhile
_SHORTEST_SLEEP_S = 0.2
_WARN_BEFORE_S = 7 * 86_400.0


def path_in(folder: Path) -> Path:
    """The file of an enrolment in an agent's state folder."""
    return folder / "enrolment.json"


def read(folder: Path) -> Enrolment | None:
    """The enrolment in an agent's state folder, or None when the device never joined.

    Raises:
        BadInput: `FILE_UNREADABLE`, there is one that cannot be read.
    """
    path = path_in(folder)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Enrolment)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        why = getattr(error, "strerror", None) or "it is damaged"
        raise BadInput(Code.FILE_UNREADABLE, f"{path} cannot be read: {why}.") from error


def write(folder: Path, enrolment: Enrolment) -> None:
    """Keep an enrolment; after a crash the old or the new one is there."""
    write_durably(path_in(folder), msgspec.json.encode(enrolment), _OWNER_ONLY)


@dataclass(slots=True)
class Keeper:
    """Renews one device's certificate for as long as its agent runs.

    The connection gets each new one; the clock is that of UTC nanoseconds.
    """

    enrolment: Enrolment
    _folder: Path
    _connection: Connection
    _say: Callable[[str], None]
    _now_ns: Callable[[], int] = time.time_ns
    _warned: bool = False

    async def keep(self) -> None:
        """Sleeps and renews; ends only by an error.

        Raises:
            Refused: the certificate ended, or the coordinator does not renew it.
        """
        while True:
            left_s = (self.enrolment.renew_unix_ns - self._now_ns()) / _NS
            if left_s <= 0:
                left_s = await self._renew()
            await asyncio.sleep(min(max(left_s, _SHORTEST_SLEEP_S), _LONGEST_SLEEP_S))

    async def _renew(self) -> float:
        """Asks once; the seconds until it is worth asking again."""
        # 8 MB that an agent does without between two renewals, which are months apart.
        from .device_key import signing_request

        request = signing_request(self.enrolment.key_pem, self.enrolment.device_id)
        try:
            pem, expires_unix_ns = await self._connection.renew_certificate(request)
        except Unavailable:
            now_ns = self._now_ns()
            self.enrolment.require_valid(now_ns)
            left_s = (self.enrolment.expires_unix_ns - now_ns) / _NS
            if left_s < _WARN_BEFORE_S and not self._warned:
                self._warned = True
                self._say(f"The certificate could not be renewed and ends in {left_s:.0f} s.")
            return left_s / 10
        except BitgaugeError as error:
            raise Refused(error.code, error.sentence) from error
        self._warned = False
        self.enrolment = replace(
            self.enrolment,
            certificate_pem=pem.decode("ascii"),
            issued_unix_ns=self._now_ns(),
            expires_unix_ns=expires_unix_ns,
        )
        await asyncio.to_thread(write, self._folder, self.enrolment)
        self._connection.secure(self.enrolment.security)
        return 0.0
