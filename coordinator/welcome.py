"""What `bitgauge up --listen` says once it serves: where, and how a device joins."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping

from bitgauge.benchmarks.errors import BitgaugeError
from bitgauge.benchmarks.join_line import Address

from .administration import JOIN_LIFE_S
from .client_admin import AdminClient
from .config import CoordinatorConfig, TlsListen
from .endpoint import Endpoint


def lines(
    config: CoordinatorConfig, tls: TlsListen, environ: Mapping[str, str] = os.environ
) -> tuple[str, ...]:
    """What to print; a join line is a secret and is not printed into a journal."""
    shown = Address(tls.advertise, tls.port)
    agents = f"agents at port {tls.agent_port}"
    where = f"Other machines reach it over TLS at {shown}, {agents}."
    if "JOURNAL_STREAM" in environ:
        return (where, "For the line with which a device joins, run: bitgauge join-line")
    endpoint = Endpoint(config.address, None, config.tokens_folder / "user")
    try:
        with AdminClient(endpoint) as client:
            line, _ = client.create_join_line()
    except BitgaugeError as error:
        return (where, f"No join line could be made: {error}")
    return (where, join_sentence(line, JOIN_LIFE_S))


def join_sentence(line: str, life_s: float) -> str:
    """How a join line is shown to people."""
    return (
        f"One device may join within {life_s / 60:.0f} minutes:"
        f" bitgauge-agent join {shlex.quote(line)}"
    )
