"""Tells the head of the audit to the log, so that an end that was cut off can be seen."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from bitgauge.benchmarks.vocabulary.errors import BitgaugeError

from ..store.upkeep.heads import words
from ..store.writer import Writer

EVERY_S = 5.0
_log = logging.getLogger(__name__)


@dataclass(eq=False)
class AuditLog:
    """Looks for new entries every few seconds: what is told is committed."""

    writer: Writer
    _told: str = field(default="", init=False)

    async def run(self) -> None:
        """Tell each new head, for ever."""
        while True:
            try:
                await self.tell()
            except BitgaugeError as error:
                _log.error("the head of the audit could not be read: %s", error)
            await asyncio.sleep(EVERY_S)

    async def tell(self) -> None:
        """Tell the head, if it is a new one."""
        for entry in await self.writer.call(lambda store: store.audit(limit=1)):
            if entry.digest != self._told:
                _log.info("%s", words(entry))
                self._told = entry.digest
