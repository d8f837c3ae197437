"""A TCP proxy that is told when to misbehave: cut, flip a bit, dawdle, double."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

PIECE_BYTES = 4096


@dataclass
class Plan:
    """What happens to the bytes of one direction of one connection.

    Attributes:
        cut_at: the connection ends after so many bytes.
        flips_at: the lowest bit of each of these bytes is flipped.
        pause_s: seconds to wait after each piece.
    """

    cut_at: int | None = None
    flips_at: tuple[int, ...] = ()
    pause_s: float = 0.0


@dataclass
class Proxy:
    """Between a client and `target`; `up` towards it and `down` back from it.

    Each new connection takes the next plan of each list, and none when the list is used up.
    """

    target: int
    up: list[Plan] = field(default_factory=list)
    down: list[Plan] = field(default_factory=list)
    port: int = 0
    connections: int = 0
    cuts: int = 0
    flips: int = 0
    up_bytes: int = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self._tasks: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        plans = (self.up.pop(0) if self.up else Plan(), self.down.pop(0) if self.down else Plan())
        writers = [back]
        try:
            far, forth = await asyncio.open_connection("127.0.0.1", self.target)
            writers.append(forth)
            both = [
                asyncio.ensure_future(self._pump(near, forth, plans[0], counted=True)),
                asyncio.ensure_future(self._pump(far, back, plans[1], counted=False)),
            ]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for one in both:
                one.cancel()
            await asyncio.gather(*both, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for writer in writers:
                writer.transport.abort()
            self._tasks.discard(task)

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, plan: Plan, *, counted: bool
    ) -> None:
        passed = 0
        while data := await source.read(PIECE_BYTES):
            for flip_at in plan.flips_at:
                if passed <= flip_at < passed + len(data):
                    at = flip_at - passed
                    data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
                    self.flips += 1
            if plan.cut_at is not None and passed + len(data) >= plan.cut_at:
                sink.write(data[: plan.cut_at - passed])
                with contextlib.suppress(OSError):
                    await sink.drain()
                self.cuts += 1
                return
            sink.write(data)
            await sink.drain()
            passed += len(data)
            self.up_bytes += len(data) if counted else 0
            if plan.pause_s:
                await asyncio.sleep(plan.pause_s)


@contextlib.contextmanager
def between(target: int) -> Iterator[Proxy]:
    """A proxy on a thread of its own, for clients that block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    proxy = Proxy(target)
    try:
        asyncio.run_coroutine_threadsafe(proxy.start(), loop).result(10)
        yield proxy
        asyncio.run_coroutine_threadsafe(proxy.stop(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
