"""Alerts about confirmed regressions: one JSON object by POST, from an outbox in the store.

Nothing waits for a webhook: each attempt has a thread of its own that is left behind when its
time is up, and what was not taken is tried again with growing pauses, also after a restart. The
URL may hold a secret, so only its host is ever said.
"""

from __future__ import annotations

import asyncio
import http.client
import logging
import threading
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from email.message import Message
from typing import IO

import msgspec
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.history import Regression

from ..store.values import DueAlert
from ..store.writer import Writer

SCHEMA = "bitgauge.alert/1"
TIMEOUT_S = 10.0
LOOK_EVERY_S = 5.0
FIRST_PAUSE_S = 10.0
LONGEST_PAUSE_S = 3600.0

_log = logging.getLogger(__name__)


def require_webhook(url: str) -> str:
    """`url`, when alerts can be posted there.

    Raises:
        BadInput: `BAD_ARGUMENT`; the sentence holds no more of the URL than its scheme.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or any(character.isspace() for character in url):
        raise BadInput(
            Code.BAD_ARGUMENT,
            "The alert webhook is no URL such as https://hooks.example.com/bitgauge.",
        )
    return url


def host_of(url: str) -> str:
    """Host and port of a URL, which may be said; the rest may be a secret."""
    parts = urllib.parse.urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def body_of(regression: Regression) -> bytes:
    """What is posted."""
    return msgspec.json.encode({"schema": SCHEMA, "regression": regression})


def pause_s(attempts: int) -> float:
    """Seconds until the next attempt, after so many that failed."""
    return min(FIRST_PAUSE_S * 2.0 ** min(attempts - 1, 20), LONGEST_PAUSE_S)


@dataclass(eq=False)
class Alerts:
    """Sends what is due to a URL, for as long as the coordinator runs; an attempt has its time."""

    writer: Writer
    url: str
    timeout_s: float = TIMEOUT_S

    async def run(self) -> None:
        """Send alerts as they fall due, for ever."""
        while True:
            version = self.writer.changes.version
            due = None
            try:
                due = await self._due()
                if due is not None:
                    await self._send(due)
            except BitgaugeError as error:  # a full disk heals
                _log.error("alerts could not be read: %s", error)
                await asyncio.sleep(LOOK_EVERY_S)
            if due is None:
                await self.writer.changes.wait_past(version, LOOK_EVERY_S)

    async def _due(self) -> DueAlert | None:
        now_ns = self.writer.now_ns()
        return await self.writer.call(lambda store: store.due_alert(now_ns))

    async def _send(self, due: DueAlert) -> None:
        regression_id = due.regression.regression_id
        why = await self._post(body_of(due.regression))
        now_ns = self.writer.now_ns()
        if why is None:
            _log.info("alert about regression %s was sent", regression_id)
            await self.writer.call(lambda store: store.alert_sent(regression_id, now_ns))
            return
        wait_s = pause_s(due.attempts + 1)
        sentence = f"the webhook at {host_of(self.url)} {why}"
        _log.warning(
            "alert about regression %s was not delivered: %s; the next attempt is in %g s",
            regression_id,
            sentence,
            wait_s,
        )
        next_ns = now_ns + round(wait_s * 1e9)
        await self.writer.call(lambda store: store.alert_failed(regression_id, sentence, next_ns))

    async def _post(self, body: bytes) -> str | None:
        """Post once; None when it was taken, else why not, as the end of a sentence."""
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[str | None] = loop.create_future()

        def work() -> None:
            why = post(self.url, body, self.timeout_s)
            try:
                loop.call_soon_threadsafe(_settle, answered, why)
            except RuntimeError:
                return  # The coordinator has stopped meanwhile.

        threading.Thread(target=work, name="alert", daemon=True).start()
        try:
            # A little longer than the socket's own patience, whose words are better.
            return await asyncio.wait_for(answered, self.timeout_s * 1.2)
        except asyncio.TimeoutError:
            return f"did not answer within {self.timeout_s:g} s"


def _settle(answered: asyncio.Future[str | None], why: str | None) -> None:
    if not answered.done():
        answered.set_result(why)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An alert goes where it was told to go, and nowhere else."""

    def redirect_request(  # noqa: PLR0917  (the signature is urllib's)
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> None:
        return None


def post(url: str, body: bytes, timeout_s: float) -> str | None:
    """Post JSON once; None when it was taken, else why not, as the end of a sentence."""
    opener = urllib.request.build_opener(_NoRedirect)
    request = urllib.request.Request(  # noqa: S310  (the scheme was checked)
        url, data=body, method="POST", headers={"Content-Type": "application/json"}
    )
    try:
        with opener.open(request, timeout=timeout_s):
            return None
    except urllib.error.HTTPError as error:
        error.close()
        return f"answered {error.code}"
    except (TimeoutError, urllib.error.URLError, http.client.HTTPException, OSError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            return f"did not answer within {timeout_s:g} s"
        return f"could not be reached: {type(reason).__name__}"
