"""Brings what the spool holds to the coordinator, in order, each exactly as often as needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bitgauge.benchmarks.common.crash import crash_point
from bitgauge.benchmarks.vocabulary.enums import FailureGroup, RunStatus
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Unavailable
from bitgauge.benchmarks.vocabulary.values.runs import Failure, RunReport

from ..storage.spool import Spool
from .connection import Connection, patiently
from .transfer import Transfer

# Refusals that concern the agent and not the report: somebody must act, then it is sent again.
_OURS = (Code.UNAUTHENTICATED, Code.FORBIDDEN, Code.PROTOCOL_VERSION)


@dataclass(slots=True)
class Outbox:
    """The way from the spool, where reports wait, to the coordinator."""

    _spool: Spool
    _connection: Connection
    _transfer: Transfer
    _say: Callable[[str], None]
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def deliver(self) -> bool:
        """Tries once to report everything; whether nothing waits any more.

        Raises:
            BitgaugeError: the coordinator does not take this agent at all.
        """
        try:
            await self._deliver()
        except Unavailable:
            return False
        return True

    async def drain(self) -> None:
        """Reports everything, waiting while the coordinator is away."""
        await patiently(self._deliver)

    async def _deliver(self) -> None:
        async with self._lock:
            for report in await asyncio.to_thread(self._spool.reports):
                await self._send(report)

    async def _send(self, report: RunReport) -> None:
        try:
            files = {ref.digest: self._spool.raw_path(ref.digest) for ref in report.raw}
            if files:
                await self._transfer.upload(files)
            await self._connection.report(report)
            crash_point("A6")
        except Unavailable:
            raise
        except BitgaugeError as error:
            if error.code in _OURS:
                raise
            try:
                path = await asyncio.to_thread(self._spool.set_aside, report, str(error))
            except OSError as full:  # it stays where it is, and is tried again
                raise Unavailable(Code.DISK_FULL, f"The device's disk says: {full}.") from full
            self._say(f"Run {report.run_id} was refused and is kept at {path}: {error}")
            if error.code is Code.BAD_EVIDENCE and report.status is RunStatus.MEASURED:
                await self._tell_failed(report, error)
            return
        await asyncio.to_thread(self._spool.acknowledge, report.run_id)

    async def _tell_failed(self, report: RunReport, error: BitgaugeError) -> None:
        """Say that a run has failed whose evidence is none, or it would be measured in vain again.

        It takes the place of the report that was refused, so that it survives a power cut too.
        """
        failure = Failure(FailureGroup.DEVICE, error.code.value, error.sentence, error.advice)
        told = replace(report, status=RunStatus.FAILED, raw=(), failure=failure)
        await asyncio.to_thread(self._spool.put_report, told)
        await self._send(told)
