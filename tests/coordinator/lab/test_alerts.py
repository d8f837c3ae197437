"""Regressions and alerts with a coordinator at work, and webhooks that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

import pytest
from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.history import Annotated, HistoryQuery, Regression
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.cluster import listeners
from bitgauge.coordinator.cluster.home_folder import keep_webhook, read_webhook
from bitgauge.coordinator.config import CoordinatorConfig
from bitgauge.coordinator.lab import alerts
from bitgauge.coordinator.lab.alerts import host_of, pause_s, post, require_webhook
from bitgauge.coordinator.services.history import HistoryService
from bitgauge.protos.v1 import lab_pb2

from tests.labs.coordinator import LATENCY, SECOND_NS, SPEC, Lab, open_lab, report_of

SOUND = (LATENCY, MetricValue("saturated_pct", 0.0, n=9))
SATURATED = (LATENCY, MetricValue("saturated_pct", 1.5, n=9))
SECRET = "T0P-53CR3T"


@dataclass
class Hook:
    """A webhook on this machine, and what it was told.

    It answers with `answer`; without one it takes the request and never says a word. `trickle`
    makes it send one byte at a time, each of them soon enough for a socket's patience.
    """

    answer: bytes | None = None
    trickle: bool = False
    port: int = 0
    told: list[bytes] = field(default_factory=list)
    calls: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/{SECRET}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.calls.append(task)
        try:
            await self._serve(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            size = next(
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length")
            )
            self.told.append(head + await reader.readexactly(size))
            while self.trickle:
                writer.write(b"H")
                await writer.drain()
                await asyncio.sleep(0.05)
            if self.answer is None:
                await reader.read()  # until the caller has had enough
            else:
                writer.write(self.answer)
                await writer.drain()


@contextlib.asynccontextmanager
async def serving(hook: Hook) -> AsyncIterator[Hook]:
    server = await asyncio.start_server(hook.serve, "127.0.0.1", 0)
    hook.port = server.sockets[0].getsockname()[1]
    try:
        yield hook
    finally:
        server.close()
        for call in hook.calls:
            call.cancel()
        if hook.calls:
            await asyncio.wait(hook.calls)


OK = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


def answering(line: str, more: str = "") -> bytes:
    return f"HTTP/1.1 {line}\r\nConnection: close\r\nContent-Length: 0\r\n{more}\r\n".encode()


# -- one attempt --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (OK, None),
        (answering("200 OK"), None),
        (answering("500 Oh"), "answered 500"),
        (answering("403 No"), "answered 403"),
        (answering("302 Over there", "Location: http://127.0.0.1:9/\r\n"), "answered 302"),
        (b"nonsense\r\n\r\n", "could not be reached: BadStatusLine"),
        (None, "did not answer within 0.3 s"),
    ],
)
async def test_an_attempt(answer: bytes | None, why: str | None) -> None:
    async with serving(Hook(answer)) as hook:
        assert await asyncio.to_thread(post, hook.url, b"{}", 0.3) == why
        assert len(hook.told) == 1


def test_nobody_is_there() -> None:
    url = f"http://127.0.0.1:{listeners.free_port('127.0.0.1')}/x"
    assert post(url, b"{}", 1.0) == "could not be reached: ConnectionRefusedError"


def test_pauses_grow_up_to_an_hour() -> None:
    pauses = [pause_s(attempts) for attempts in range(1, 12)]
    assert pauses[:3] == [10.0, 20.0, 40.0]
    assert pauses[-1] == pause_s(10_000) == 3600.0


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com",
        "ftp://h/x",
        "http://",
        "file:///etc/passwd",
        "http://h:x/",
        "http://a b/",
    ],
)
def test_what_is_no_webhook_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(BadInput) as refused:
        require_webhook(url)
    assert refused.value.code is Code.BAD_ARGUMENT
    if url:
        assert url not in str(refused.value).replace("https://hooks.example.com/bitgauge", "")


def test_only_the_host_of_a_webhook_is_ever_said() -> None:
    url = require_webhook(f"https://user:{SECRET}@hooks.example.com:8443/{SECRET}?token={SECRET}")
    assert host_of(url) == "hooks.example.com:8443"


def test_the_webhook_is_its_owners_alone_and_not_in_the_configuration(tmp_path: object) -> None:
    config = CoordinatorConfig(home=str(tmp_path))
    keep_webhook(config, f"https://h/{SECRET}")
    path = config.alert_webhook_path
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_webhook(config) == f"https://h/{SECRET}"
    assert SECRET not in config.to_json()
    keep_webhook(config, None)
    assert read_webhook(config) is None


# -- a coordinator at work ----------------------------------------------------------------
async def measured(lab: Lab, metrics: tuple[MetricValue, ...], job_id: str | None = None) -> str:
    """A job is measured and analysed; its candidate gets these metrics, its baseline sound ones."""
    lab.runner.metrics = metrics
    lab.clock.now_ns += 60 * SECOND_NS
    if job_id is None:
        job_id = (await lab.jobs.submit(replace(SPEC, idempotency_key=str(lab.clock.now_ns))))[0]
    lease = await lab.claimed()
    assert lease.job_id == job_id
    for entry in lease.entries:
        await lab.leases.report(report_of(lease, entry.index))
    await lab.until(job_id, lambda job: job.state.value == "finished")
    return job_id


async def eventually(
    lab: Lab, wanted: Callable[[tuple[Regression, ...]], bool]
) -> tuple[Regression, ...]:
    deadline = time.monotonic() + 20
    while True:
        found = await lab.ask(lambda store: store.regressions(ended=True))
        if wanted(found):
            return found
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.01)


async def confirmed(lab: Lab) -> Regression:
    """Saturation appears, and is there once more."""
    await lab.register()
    await measured(lab, SOUND)
    await measured(lab, SATURATED)
    opened = await eventually(lab, lambda found: len(found) == 2)
    assert {one.state for one in opened} == {"new"}
    # One of the baseline's own row, one of the candidate's; each has a job of its own.
    for one in sorted(opened, key=lambda one: one.opened_unix_ns):
        job = await lab.jobs.view(str(one.confirm_job_id))
        assert job.state.value == "queued"
    first = await lab.claimed()
    for entry in first.entries:
        await lab.leases.report(report_of(first, entry.index))
    found = await eventually(lab, lambda found: any(one.state == "confirmed" for one in found))
    return next(one for one in found if one.state == "confirmed")


async def test_a_webhook_that_hangs_holds_up_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with serving(Hook()) as hook, open_lab(monkeypatch, webhook=hook.url) as lab:
        one = await confirmed(lab)
        words = "did not answer within 0.3 s"

        def told(found: tuple[Regression, ...]) -> bool:
            return any(words in (other.alert or "") for other in found)

        # Answers come while it hangs.
        begun = time.monotonic()
        await lab.listed(5, active_only=False)
        assert time.monotonic() - begun < 5
        [late, *_] = [x for x in await eventually(lab, told) if words in (x.alert or "")]
        assert late.alert is not None
        assert late.alert.startswith("not delivered after 1 attempt: the webhook at 127.0.0.1:")
        assert len(hook.told) >= 1
        # Once it answers, what waited is delivered: the same object, whole.
        hook.answer = OK
        lab.clock.now_ns += 3600 * SECOND_NS
        await lab.writer.changes.announce()
        await eventually(
            lab, lambda found: all((x.alert or "sent").startswith("sent") for x in found)
        )
        body = json.loads(hook.told[-1].partition(b"\r\n\r\n")[2])
        assert body["schema"] == "bitgauge.alert/1"
        assert body["regression"]["state"] == "confirmed"
        assert body["regression"]["signal"] == one.signal == "overflow_rate"
        assert body["regression"]["before"]["value"] == 0.0
        assert body["regression"]["after"]["value"] == 1.5
        assert len(body["regression"]["run_ids"]) == 2
    assert words in caplog.text
    assert SECRET not in caplog.text


async def test_a_webhook_that_trickles_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(Hook(trickle=True)) as hook, open_lab(monkeypatch, webhook=hook.url) as lab:
        await confirmed(lab)
        await eventually(
            lab, lambda found: any("did not answer within" in (x.alert or "") for x in found)
        )
        hook.trickle = False


async def test_nothing_is_sent_before_a_second_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(Hook(OK)) as hook, open_lab(monkeypatch, webhook=hook.url) as lab:
        await lab.register()
        await measured(lab, SOUND)
        await measured(lab, SATURATED)
        opened = await eventually(lab, lambda found: len(found) == 2)
        await asyncio.sleep(0.1)
        assert hook.told == []
        lab.runner.metrics = SOUND
        for _ in opened:
            lease = await lab.claimed()
            for entry in lease.entries:
                await lab.leases.report(report_of(lease, entry.index))
        ended = await eventually(lab, lambda found: {x.state for x in found} == {"not_confirmed"})
        assert {one.alert for one in ended} == {None}
        assert hook.told == []


async def test_what_is_annotated_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_lab(monkeypatch) as lab:
        one = await confirmed(lab)
        history = HistoryService(lab.writer)

        async def annotate(
            regression_id: str | None, query: HistoryQuery | None, note: str
        ) -> Annotated:
            request = lab_pb2.AnnotateRequest(
                regression_id=regression_id,
                query=to_wire(query) if query is not None else None,
                note=note,
            )
            answer = await history.Annotate(request, None)
            return from_wire(Annotated, answer.annotated)

        done = await annotate(one.regression_id[:10], None, "  known\n since May ")
        assert [(x.state, x.note) for x in done.regressions] == [("explained", "known since May")]
        for note, asked, query in (
            (" ", one.regression_id, None),
            ("x" * 501, one.regression_id, None),
            ("why", None, None),
            ("why", None, HistoryQuery()),
        ):
            with pytest.raises(BitgaugeError) as refused:
                await annotate(asked, query, note)
            assert refused.value.code is Code.BAD_ARGUMENT
        assert alerts.SCHEMA.startswith("bitgauge.alert/")
