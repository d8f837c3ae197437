"""Shows jobs to whoever watches them: each is looked at once a change, however many watch it.

A look is one question for all jobs that may have changed. It takes a quarter of the time at most,
so that ever so many watched jobs leave the readers to others, and those who watch are woken a few
at a time, so that the event loop has time for others in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field

from bitgauge.benchmarks.vocabulary.values.jobs import JobView

from ..decisions.job_now import ENDED
from ..store.store import Store
from ..store.writer import Writer

LONGEST_UNSEEN_S = 5.0
"""A job is looked at so often at least: that a device fell silent is no change of the store."""
MAX_WOKEN_AT_ONCE = 50
MAX_LOOKED_AT = 200
_REST = 3.0
_LONGEST_REST_S = 2.0
_BREATH_S = 0.002


@dataclass(eq=False)
class _Watched:
    """One job, and who watches it.

    Attributes:
        view: as it was last shown.
        error: why it cannot be looked at any more.
        watchers: how many there are.
        waiting: those of them that have seen `view`.
    """

    view: JobView
    error: Exception | None = None
    watchers: int = 0
    waiting: set[asyncio.Future[None]] = field(default_factory=set)


@dataclass(eq=False)
class Watching:
    """Every job that somebody watches.

    Attributes:
        writer: tells what changes, and has the readers.
        seen: what people see of the jobs that these words name, in this order.
    """

    writer: Writer
    seen: Callable[[Store, Sequence[str]], tuple[JobView, ...]]
    _watched: dict[str, _Watched] = field(default_factory=dict, init=False)
    _coming: dict[str, asyncio.Task[JobView]] = field(default_factory=dict, init=False)
    _moved: set[str] = field(default_factory=set, init=False)
    _task: asyncio.Task[None] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._stirred = asyncio.Event()
        self.writer.changes.listen(self._note)

    async def views(self, word: str, by: str) -> AsyncGenerator[JobView, None]:
        """The job that `word` names now, and after each change that is seen, until it has ended."""
        shown = await self._first(word, by)
        job_id = shown.job_id  # what was typed may come to name another one
        yield shown
        if shown.state in ENDED:
            return
        watched = self._watched.setdefault(job_id, _Watched(shown))
        watched.watchers += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look_for_ever())
        self._note(job_id)  # it may have changed since
        try:
            while True:
                if watched.error is not None:
                    raise watched.error
                if watched.view == shown:
                    await _news_of(watched)
                    continue
                shown = watched.view
                yield shown
                if shown.state in ENDED:
                    return
        finally:
            self._leave(job_id, watched)

    async def _first(self, word: str, by: str) -> JobView:
        """The first view, of which those who come at the same time share one."""
        if word in self._watched:
            return self._watched[word].view
        if word not in self._coming:
            self._coming[word] = asyncio.create_task(self._view(word, by))
        return await asyncio.shield(self._coming[word])

    async def _view(self, word: str, by: str) -> JobView:
        try:
            [view] = await self.writer.ask(lambda store: self.seen(store, [word]), by)
        finally:
            del self._coming[word]
        return view

    def _leave(self, job_id: str, watched: _Watched) -> None:
        watched.watchers -= 1
        if not watched.watchers and self._watched.get(job_id) is watched:
            del self._watched[job_id]
        if not self._watched and self._task is not None:
            self._task.cancel()
            self._task = None

    def _note(self, job_id: str | None) -> None:
        """A job may have changed, or any of them."""
        self._moved.update(self._watched if job_id is None else {job_id} & {*self._watched})
        if self._moved:
            self._stirred.set()

    async def _look_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                await asyncio.wait_for(self._stirred.wait(), LONGEST_UNSEEN_S)
            except asyncio.TimeoutError:
                self._note(None)
            self._stirred.clear()
            moved, self._moved = [*self._moved & {*self._watched}], set()
            began_s = loop.time()
            for at in range(0, len(moved), MAX_LOOKED_AT):
                await self._look(moved[at : at + MAX_LOOKED_AT])
            await asyncio.sleep(min(_REST * (loop.time() - began_s), _LONGEST_REST_S))

    async def _look(self, job_ids: Sequence[str]) -> None:
        """Look at some jobs, and show those that changed."""
        known = [self._watched[one] for one in job_ids if one in self._watched]
        names = [one.view.job_id for one in known]
        try:
            views = await self.writer.ask(lambda store: self.seen(store, names))
        except Exception as error:  # whoever watches is told; who comes now begins anew
            changed = known
            for one, name in zip(known, names, strict=True):
                one.error = error
                self._watched.pop(name, None)
        else:
            pairs = list(zip(known, views, strict=True))
            changed = [one for one, view in pairs if one.view != view]
            for one, view in pairs:
                one.view = view
        waiting = [future for one in changed for future in one.waiting]
        for at, future in enumerate(waiting, start=1):
            if not future.done():
                future.set_result(None)
            if at % MAX_WOKEN_AT_ONCE == 0:
                await asyncio.sleep(_BREATH_S)


async def _news_of(watched: _Watched) -> None:
    """Wait for another view, or for an error."""
    news = asyncio.get_running_loop().create_future()
    watched.waiting.add(news)
    try:
        await news
    finally:
        watched.waiting.discard(news)
