"""Messages between processes: lost, doubled, late, out of order, and cut off by a crash."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import grpc
from bitgauge.agents.connection import connection
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused, Unavailable

from .loop import PROCESS, Crash, Process
from .world import World

Handler = Callable[[Any], Awaitable[Any]]


class Server(Protocol):
    process: Process


class Call:
    """One call as the network sees it: who waits, and what the server does about it."""

    def __init__(self, answer: asyncio.Future[Any], method: str, who: str) -> None:
        self.answer = answer
        self.method = method
        self.who = who
        self.serving: list[asyncio.Task[None]] = []


class Network:
    """The way from every process to the coordinator and back."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._open: list[Call] = []
        self.server: Server | None = None

    async def call(self, who: str, method: str, handler: Handler, timeout_s: float) -> Any:
        """Has `handler` run in the server's process; its answer.

        Raises:
            Unavailable: no answer came in time, or nobody listens.
            BitgaugeError: the server refuses.
        """
        world, loop = self._world, self._world.loop
        world.step(f"sending {method}")
        call = Call(loop.create_future(), method, who)
        self._open.append(call)
        for number in range(2 if world.chance(world.weather.doubled) else 1):
            if world.chance(world.weather.lost):
                world.tell("network", f"loses {method} of {who}")
            else:
                if number:
                    world.tell("network", f"doubles {method} of {who}")
                self._later(self._arrive, call, handler)
        timer = loop.call_later(timeout_s, self._cut, call, "deadline exceeded")
        try:
            return await call.answer
        finally:
            timer.cancel()
            self._open.remove(call)
            process = PROCESS.get()
            # A call that its client gives up is cancelled at the server, if that is heard of.
            if process is not None and process.alive and world.rng.random() < 0.5:
                for task in call.serving:
                    self._later(task.cancel)

    def cut_off(self) -> None:
        """The server has died: most clients notice, the rest wait for their deadline."""
        self.server = None
        for call in self._open:
            if call.serving and self._world.rng.random() < 0.7:
                self._later(self._cut, call, "connection reset")

    def _later(self, what: Callable[..., object], *args: Any) -> None:
        world = self._world
        late = world.chance(world.weather.late)
        most_s = world.weather.late_s if late else 0.02
        world.loop.call_later(world.rng.uniform(0.0005, most_s), what, *args, context=NOBODY)

    def _cut(self, call: Call, why: str) -> None:
        if not call.answer.done():
            call.answer.set_exception(
                Unavailable(Code.UNREACHABLE, f"The coordinator did not answer ({why}).")
            )

    def _arrive(self, call: Call, handler: Handler) -> None:
        server = self.server
        if server is None:
            self._later(self._cut, call, "unavailable")
            return
        task = server.process.context.copy().run(
            self._world.loop.create_task, self._serve(server, call, handler)
        )
        call.serving.append(task)

    async def _serve(self, server: Server, call: Call, handler: Handler) -> None:
        world = self._world
        result: Any = None
        error: BitgaugeError | None = None
        try:
            world.step(f"taking {call.method} of {call.who}")
            try:
                result = await handler(server)
            except BitgaugeError as raised:
                error = raised
            world.step(f"answering {call.method} of {call.who}")
        except Crash:
            return
        if world.chance(world.weather.lost):
            world.tell("network", f"loses the answer to {call.method} of {call.who}")
            return
        self._later(self._answer, call, result, error)

    def _answer(self, call: Call, result: Any, error: BitgaugeError | None) -> None:
        if call.answer.done():
            return
        if error is None:
            call.answer.set_result(result)
        elif grpc.StatusCode[error.status] in connection._PASSING:
            self._world.tell("network", f"{call.method} of {call.who}: {error}")
            self._cut(call, error.status)
        else:
            call.answer.set_exception(Refused(error.code, error.sentence))


def _nobody() -> contextvars.Context:
    context = contextvars.copy_context()
    context.run(PROCESS.set, None)
    return context


NOBODY = _nobody()
