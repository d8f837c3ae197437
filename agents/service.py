"""The agent's life: settle the past, register, then work until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from functools import partial

from bitgauge.benchmarks.common.crash import arm

from . import registry
from .config import AgentConfig
from .connection.certificates import Keeper
from .connection.connection import Connection
from .connection.outbox import Outbox
from .connection.transfer import Transfer
from .execution.bench import Bench
from .execution.probing import with_kernel_modes
from .execution.served import Served
from .host.patience import end_task, first, within
from .host.rest import Rest
from .launcher.spawn import run_child
from .registry import describe
from .sandbox.confinement import find_confinement
from .storage.cache import Cache
from .storage.identity import FolderLock, device_id
from .storage.room import Room
from .storage.spool import Spool

Say = Callable[[str], None]

_STOP_S = 1.5


async def serve(config: AgentConfig, say: Say) -> None:
    """Runs an agent until SIGINT or SIGTERM, or after one job when so configured.

    Raises:
        BitgaugeError: the agent cannot work here, or the coordinator does not take it.
    """
    arm(config.folder)
    lock = FolderLock(config.folder)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    agent = asyncio.create_task(_run(config, say))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((agent, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not agent.done():
            say("Stopping: what was measured is kept and will be reported at the next start.")
        else:
            agent.result()
    finally:
        stopping.cancel()
        with contextlib.suppress(TimeoutError):
            await within(end_task(agent), _STOP_S)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        lock.release()


async def _run(config: AgentConfig, say: Say) -> None:
    """One agent of this machine, put together and run."""
    module = registry.device(config.device, config.plugins)
    unit = next((one.key for one in module.probe()), "")
    device = describe(
        config.device,
        name=config.name,
        identity=device_id(config.folder),
        unit=unit,
        folders=config.plugins,
        say=say,
    )
    confinement = (await find_confinement(config, say)).of(device, partial(module.nodes, unit))
    runtimes = registry.find("runtimes", config.plugins)
    device = await with_kernel_modes(
        device, confinement, folder=config.folder, plugins=config.plugins, say=say
    )
    enrolment = config.enrolment
    security = enrolment.security if enrolment else None
    connection = Connection(config.coordinator, config.token, say, security)
    cache = Cache(config.folder / "cache", config.cache_bytes)
    transfer = Transfer(connection, cache)
    spool = Spool(config.folder / "spool")
    bench = Bench(
        device=device,
        kind=config.device,
        unit=unit,
        runtimes=runtimes,
        plugins=config.plugins,
        connection=connection,
        transfer=transfer,
        spool=spool,
        outbox=Outbox(spool, connection, transfer, say),
        folder=config.folder / "work",
        limits=config.limits,
        say=say,
        launch=partial(run_child, confinement=confinement),
        sandbox=confinement.level.NAME,
        rest=Rest(module.rest(unit)).wait,
    )
    room = Room(config.folder, cache, config.disk_reserve_bytes, say)
    served = Served(bench, is_full=room.low, once=config.once)
    try:
        if enrolment is None:
            await served.run()
        else:
            keeper = Keeper(enrolment, config.folder, connection, say)
            await first(served.run(), keeper.keep())
    finally:
        await connection.close()
