"""The coordinator itself: one async Ray actor that holds the store and serves gRPC.

Ray may kill and restart it at any moment. It remembers nothing of its own: `start` reads the
store, and the lock beside it keeps a second coordinator out.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import time
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler

import filelock
import ray
from bitgauge.benchmarks.common.crash import arm
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.printable import printable_lines
from bitgauge.benchmarks.vocabulary.values.digests import Digest

from ..access.access import Access
from ..access.administration import Administration
from ..access.tokens import Party, ensure_local_tokens, new_token
from ..builders.registry import known_toolchains
from ..config import CoordinatorConfig
from ..lab.alerts import Alerts
from ..lab.assemble import assemble
from ..lab.audit_log import AuditLog
from ..lab.collector import CollectionTerms
from ..lab.health_check import HealthCheck, zoo_check
from ..services.server import make_server, servicers_of
from ..store import state_folder
from ..store.blobs.blob_store import BlobStore
from ..store.store import Store
from ..store.writer import Writer
from ..tasks.runner import RayRunner
from ..tasks.work import BlobAccess
from . import home_folder
from .listeners import listen, open_gateway

STOP_GRACE_S = 1.0
EXIT_STORE_FAILED = 4
_LOG_BYTES = 4 << 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the coordinator cannot serve: no restart would help."""

    code: Code
    sentence: str


@ray.remote
class CoordinatorActor:
    """Start, serve, stop; everything else happens over gRPC."""

    def __init__(self, config: CoordinatorConfig) -> None:
        self._config = config
        self._stack = contextlib.AsyncExitStack()
        self._stopped = asyncio.Event()
        _log_to(config)

    async def start(self) -> Refusal | None:
        """Take the lock, open the store, go on with what is pending, and listen."""
        try:
            await self._start()
        except BitgaugeError as error:
            _log.error("refused to start: %s", error)
            await self._stack.aclose()
            return Refusal(error.code, error.sentence)
        except Exception:
            _log.exception("could not start")
            await self._stack.aclose()
            log = self._config.logs_folder / "coordinator.log"
            return Refusal(Code.START_FAILED, f"The coordinator failed to start; see {log}.")
        return None

    async def serve(self) -> None:
        """Return when stopped; fail when a background loop has failed, which none may.

        A store that failed ends this process at once: Ray starts it again, and the new one finds
        out from the disk what was kept, or refuses to start and says why.
        """
        stopped = asyncio.create_task(self._stopped.wait())
        failed = asyncio.create_task(self._writer.failed.wait())
        await asyncio.wait(
            {stopped, failed, self._dispatcher.task}, return_when=asyncio.FIRST_COMPLETED
        )
        if failed.done() and not stopped.done():
            _log.critical("the store failed: %s", self._writer.failure)
            logging.shutdown()
            os._exit(EXIT_STORE_FAILED)
        failed.cancel()
        if not stopped.done():
            stopped.cancel()
            await self._dispatcher.task

    async def stop(self) -> None:
        """Finish the answers that are under way, then close the store and free the lock."""
        await self._stack.aclose()
        self._stopped.set()

    async def _start(self) -> None:
        config, stack = self._config, self._stack
        arm(config.home_folder)
        await self._take_lock()
        writer = self._writer = Writer()
        stack.push_async_callback(writer.close)
        await writer.open(lambda: Store.open(config.store_path))
        tokens = ensure_local_tokens(config.tokens_folder)
        task_token = new_token()  # of this life of the actor only
        access = Access({**tokens, task_token: Party.TASK})
        gateway = await asyncio.to_thread(open_gateway, config)
        administration = Administration(writer, access, gateway, config.quotas)
        await administration.load()
        toolchains = await asyncio.to_thread(known_toolchains)
        await writer.change(lambda store: store.use_inputs(toolchains))
        access_of_tasks = BlobAccess(config.address, task_token, config.replica_bytes)
        runner = RayRunner(
            access_of_tasks,
            config.step_limits,
            config.sandbox,
            config.home_folder,
            environments_bytes=config.environments_bytes,
        )
        blobs = await asyncio.to_thread(BlobStore, config.blobs_folder)
        lab = assemble(
            writer,
            runner,
            config.terms,
            care=config.care,
            check=await _check(writer, blobs),
            blobs=blobs,
            collection=CollectionTerms(config.blob_limit_bytes),
            device_bytes=config.device_limit_bytes,
            database=config.store_path,
            slots=_processors(),
            limits=config.step_limits,
            quotas=config.quotas,
        )
        webhook = await asyncio.to_thread(home_folder.read_webhook, config)
        self._dispatcher = lab.dispatcher
        stack.push_async_callback(self._dispatcher.stop)
        server, probe = make_server(access, servicers_of(lab, administration, blobs), config.calls)
        await self._dispatcher.refresh_leases()
        listen(server, config, gateway)
        await server.start()
        stack.push_async_callback(server.stop, STOP_GRACE_S)
        alerts = [Alerts(writer, webhook).run] if webhook else []
        self._dispatcher.start(lab.driver.run, AuditLog(writer).run, *alerts)
        # What lives as long as the coordinator needs no second look: a full collection took 25 ms
        # of answers that take 3.
        gc.collect()
        gc.freeze()
        probe.tell(serving=True)
        _log.info("serving on %s", config.address)

    async def _take_lock(self) -> None:
        config = self._config
        lock = filelock.FileLock(config.lock_path, thread_local=False)
        try:
            await asyncio.to_thread(lock.acquire, timeout=config.lock_wait_s)
        except filelock.Timeout:
            raise state_folder.running_error(config) from None
        self._stack.callback(lock.release)
        state_folder.write_holder(config.holder_path, config.supervisor_pid)


def _processors() -> int:
    """How many processors all nodes have together for our tasks."""
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return max(1, int(resources.get("CPU", 1)))


async def _check(writer: Writer, blobs: BlobStore) -> HealthCheck | None:
    async def record(digest: Digest) -> None:
        now_ns = time.time_ns()
        await writer.call(lambda store: store.record_blob(digest, now_ns))

    return await asyncio.to_thread(zoo_check, blobs, record)


class _Plain(logging.Formatter):
    """What is logged may be read on a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return printable_lines(super().format(record))


def _log_to(config: CoordinatorConfig) -> None:
    handler = RotatingFileHandler(
        config.logs_folder / "coordinator.log", maxBytes=_LOG_BYTES, backupCount=2
    )
    handler.setFormatter(_Plain("%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"))
    logger = logging.getLogger("bitgauge")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
