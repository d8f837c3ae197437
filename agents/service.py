"""The agent's life: its devices, put together and served side by side until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bitgauge.benchmarks.common.crash import arm

from . import registry
from .config import AgentConfig
from .connection.certificates import Keeper
from .connection.connection import Connection
from .connection.outbox import Outbox
from .connection.transfer import Transfer
from .devices.base import CarriesChildren, Hindered, NamesDevice
from .execution.attached import Attached, attached, come_since, introduced, names_of
from .execution.bench import Bench
from .execution.pinned import Pins
from .execution.probing import read_again, with_kernel_modes
from .execution.served import Arrivals, Served, serve_each
from .execution.turns import Turns
from .execution.watched import look_after
from .host.patience import end_task, first, to_the_end, within
from .host.rest import Rest
from .launcher.spawn import run_child
from .sandbox.confinement import Confinement, find_confinement, refuse_strangers
from .storage.built import BuiltPrograms
from .storage.cache import Cache
from .storage.identity import WORK, FolderLock
from .storage.room import Room
from .storage.spool import Spool

Say = Callable[[str], None]

_STOP_S = 1.5
LOOK_AGAIN_S = 15.0
"""How often an agent looks for devices that were plugged in since."""
_LOOK_PATIENCE_S = 12.0


async def serve(config: AgentConfig, say: Say) -> None:
    """Runs an agent until SIGINT or SIGTERM, or after one job when so configured.

    Raises:
        BitgaugeError: the agent cannot work here, or the coordinator does not take it.
    """
    arm(config.folder)
    lock = FolderLock(config.folder)
    pins = Pins(config.folder, registry.find("devices", config.plugins).get, say)
    pins.restore()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    agent = asyncio.create_task(_run(config, say, pins))
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
        pins.restore()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        lock.release()


async def _run(config: AgentConfig, say: Say, pins: Pins) -> None:
    """Everything that one agent serves, put together and run."""
    found = _once_each(say)
    devices = attached(config.devices, config.plugins, found)
    if config.pin_clocks:
        pins.pin(devices, config.pin_clocks)
    confinement = await find_confinement(config, say)
    enrolment = config.enrolment
    security = enrolment.security if enrolment else None
    connection = Connection(config.coordinator, config.token, say, security)
    cache = Cache(config.folder / "cache", config.cache_bytes, config.disk_reserve_bytes)
    shared = _Shared(config, connection, Transfer(connection, cache), confinement, say, found)
    is_full = Room(config.folder, cache, config.disk_reserve_bytes, say).low
    on_a_host = Counter(one.unit.host for one in devices)
    turns = {host: Turns(count) for host, count in on_a_host.items()}
    served: dict[str, Served] = {}
    here: list[Attached] = []
    try:
        for at, (one, name) in enumerate(zip(devices, names_of(devices, config.name), strict=True)):
            last = at == len(devices) - 1
            try:
                bench = await _bench(shared, one, name, turns[one.unit.host], len(devices) == 1)
            except Exception as error:  # a device module is another's code
                if last and not served:
                    raise
                say(f"{name} is not served: {error}")
                turns[one.unit.host].settle()
            else:
                served[name] = _served(bench, one, is_full, once=config.once)
                here.append(one)
        arrivals = None if config.once else _arrivals(shared, here, turns, is_full)
        serving = serve_each(served, say, arrivals)
        if enrolment is None:
            await serving
        else:
            keeper = Keeper(enrolment, config.folder, connection, say)
            await first(serving, keeper.keep())
    finally:
        await connection.close()


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the devices of one agent share.

    Attributes:
        found: prints what was found of plug-ins, a line that several devices meet only once.
    """

    config: AgentConfig
    connection: Connection
    transfer: Transfer
    confinement: Confinement
    say: Say
    found: Say


async def _bench(shared: _Shared, one: Attached, name: str, turns: Turns, alone: bool) -> Bench:
    """The bench of one device; its kernels are probed when that was not done before."""
    config, module, unit = shared.config, one.module, one.unit.key
    say = shared.say if alone else partial(_named, shared.say, name)
    home, device = introduced(one, name, config.folder, config.plugins, shared.found)
    carried = module.carrier(unit) if isinstance(module, CarriesChildren) else ()
    variables = module.variables(unit) if isinstance(module, NamesDevice) else {}
    confinement = shared.confinement.of(device, partial(module.nodes, unit), carried, variables)
    if carried:
        refuse_strangers(confinement.level, config.coordinator, config.allow_unsandboxed)
    again = partial(
        read_again, device=device, confinement=confinement, folder=home, plugins=config.plugins
    )
    device = await with_kernel_modes(
        device, confinement, folder=home, plugins=config.plugins, say=say
    )
    spool = Spool(home / "spool")
    return Bench(
        device=device,
        kind=one.kind,
        unit=unit,
        runtimes=registry.find("runtimes", config.plugins),
        plugins=config.plugins,
        connection=shared.connection,
        transfer=shared.transfer,
        spool=spool,
        outbox=Outbox(spool, shared.connection, shared.transfer, say),
        folder=home / WORK,
        limits=config.limits.times(confinement.patience),
        say=say,
        launch=partial(run_child, confinement=confinement),
        sandbox=confinement.level.NAME,
        turns=turns,
        look=look_after(module, unit),
        rest=Rest(module.rest(unit)).wait,
        built=BuiltPrograms(home / "built"),
        read_again=again,
    )


async def _arrivals(
    shared: _Shared, here: list[Attached], turns: dict[str, Turns], is_full: Callable[[], bool]
) -> Arrivals:
    """Devices that are plugged in while the agent runs.

    Args:
        shared: by all devices.
        here: those that are served.
        turns: by host.
        is_full: whether the disk has too little room for another job.
    """
    config = shared.config
    while True:
        await asyncio.sleep(LOOK_AGAIN_S)
        look = partial(come_since, config.devices, config.plugins, here, shared.found)
        for one in await _undisturbed(turns, look):
            name = names_of([*here, one], config.name)[-1]
            own = turns.setdefault(one.unit.host, Turns())
            try:
                bench = await _bench(shared, one, name, own, alone=False)
            except Exception as error:  # as in `_run`; it is asked again with the next look
                shared.found(f"{name} is not served: {error}")
                continue
            here.append(one)
            yield name, _served(bench, one, is_full)


async def _undisturbed(
    turns: dict[str, Turns], look: Callable[[], tuple[Attached, ...]]
) -> tuple[Attached, ...]:
    """What a look finds; nothing while this machine measures, which it would disturb."""
    own = turns.get("")
    if own is None:
        return await asyncio.to_thread(look)
    if not await own.take(_LOOK_PATIENCE_S):
        return ()
    try:
        return await to_the_end(look)
    finally:
        own.give_back()


def _served(
    bench: Bench, one: Attached, is_full: Callable[[], bool], *, once: bool = False
) -> Served:
    return Served(bench, is_full=is_full, hindered=partial(_hindrance, one), once=once)


def _hindrance(one: Attached) -> str | None:
    return one.module.hindrance(one.unit.key) if isinstance(one.module, Hindered) else None


def _named(say: Say, name: str, line: str) -> None:
    say(f"{name}: {line}")


def _once_each(say: Say) -> Say:
    """Says the same line only once: of several devices each meets the same missing library."""
    said: set[str] = set()

    def once(line: str) -> None:
        if line not in said:
            said.add(line)
            say(line)

    return once
