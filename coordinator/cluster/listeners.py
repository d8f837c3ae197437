"""A coordinator's sockets: plain on loopback, TLS for people and joining, mutual TLS for agents."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
from collections.abc import Callable
from typing import Any

import grpc
import psutil
from bitgauge.benchmarks.common.home import DEFAULT_PORT
from bitgauge.benchmarks.common.join_line import Address, is_loopback, parse_host_port
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, Internal, Refused

from ..access.administration import Gateway
from ..access.ca import Authority
from ..config import CoordinatorConfig, TlsListen

TLS_PORT = DEFAULT_PORT + 1
SECONDS_PER_DAY = 86_400.0
_LISTEN = re.compile(
    r"\[(?P<bracketed>[^\[\]]+)\](:(?P<port6>[0-9]{1,5}))?"
    r"|(?P<bare>[^\[\]:]*(:[^\[\]:]*){2,})"
    r"|(?P<plain>[^\[\]:]+)(:(?P<port>[0-9]{1,5}))?"
)
WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 (recognised, not bound)


def parse_listen(text: str, advertise: str | None, certificate_days: float) -> TlsListen:
    """The flag ``--listen ADDRESS[:PORT]``; the agents' port is the next one.

    Args:
        text: IP address, an IPv6 one in brackets when a port follows; port 0: two free ones.
        advertise: host that devices shall be told; None: the address, or one of this machine.
        certificate_days: life of certificates.

    Raises:
        BadInput: it is no IP address or no port.
    """
    host, port = _split(text.strip())
    if port == 0:
        port, agent_port = (free_port(host) for _ in range(2))
    else:
        agent_port = port + 1
    if agent_port > 65535:
        raise BadInput(Code.BAD_ARGUMENT, f"Agents need the port after {port}, and there is none.")
    shown = advertise or (_own_address(host) if host in WILDCARDS else host)
    try:
        parse_host_port(str(Address(shown, port)))
    except ValueError as error:
        raise BadInput(
            Code.BAD_ARGUMENT, f"Devices cannot connect to {shown!r}: {error}."
        ) from None
    return TlsListen(host, port, agent_port, shown, certificate_days * SECONDS_PER_DAY)


def _split(text: str) -> tuple[str, int]:
    found = _LISTEN.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        host = found["bracketed"] or found["bare"] or found["plain"]
        host = "127.0.0.1" if host == "localhost" else host
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
        port = int(found["port6"] or found["port"] or TLS_PORT)
        if port > 65535:
            raise ValueError
    except (OSError, ValueError):
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"--listen {text!r} is not ADDRESS or ADDRESS:PORT, such as 0.0.0.0:{TLS_PORT}.",
        ) from None
    return host, port


def _own_address(host: str) -> str:
    """An address of this machine that others may reach, else its name."""
    family = socket.AF_INET6 if host == "::" else socket.AF_INET
    up = psutil.net_if_stats()
    for interface, addresses in sorted(psutil.net_if_addrs().items()):
        for one in addresses:
            plain = one.address.partition("%")[0]
            local = is_loopback(plain) or plain.startswith("fe80:")
            if one.family in (family, socket.AF_INET) and not local and up[interface].isup:
                return plain
    return socket.gethostname()


def open_gateway(config: CoordinatorConfig) -> Gateway | None:
    """The CA and the address that devices are told; None when only this machine is served."""
    tls = config.tls
    if tls is None:
        return None
    names = dict.fromkeys([socket.gethostname(), "localhost", tls.advertise])
    authority = Authority.open(config.authority_path, tls.certificate_life_s, tuple(names))
    return Gateway(authority, Address(tls.advertise, tls.port), tls.agent_port)


def listen(server: grpc.aio.Server, config: CoordinatorConfig, gateway: Gateway | None) -> None:
    """Bind every port, or say in one sentence why one cannot be had."""
    try:
        server.add_insecure_port(config.address)
        if config.tls is not None and gateway is not None:
            everybody, agents = config.tls.addresses
            server.add_secure_port(str(everybody), credentials(gateway.authority, agents=False))
            server.add_secure_port(str(agents), credentials(gateway.authority, agents=True))
    except RuntimeError as error:
        refuse_if_port_taken(config)
        raise Internal(Code.START_FAILED, f"Cannot listen on {config.address}.") from error


def credentials(authority: Authority, *, agents: bool) -> grpc.ServerCredentials:
    """TLS whose certificate changes under way; agents must show one of ours."""
    # None means "as before"; the types that gRPC ships do not know that.
    fetch: Any = _rotation(authority)
    return grpc.dynamic_ssl_server_credentials(fetch(), fetch, require_client_authentication=agents)


def _rotation(
    authority: Authority,
) -> Callable[[], grpc.ServerCertificateConfiguration | None]:
    """Called at each handshake: the new certificate, or None while the last one is good."""
    given: list[bytes] = [b""]

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        pair = authority.server()
        if pair.chain_pem == given[0]:
            return None
        given[0] = pair.chain_pem
        return grpc.ssl_server_certificate_configuration(
            [(pair.key_pem, pair.chain_pem)], authority.pem
        )

    return fetch


def free_port(host: str) -> int:
    """A TCP port that nobody uses at this moment."""
    with _listener(host, 0) as probe:
        return int(probe.getsockname()[1])


def refuse_if_port_taken(config: CoordinatorConfig) -> None:
    """Refuse a port that another process listens on, before anything is started.

    Raises:
        Refused: `PORT_IN_USE`.
        Internal: `START_FAILED` when the address cannot be used for another reason.
    """
    addresses = (Address(config.host, config.port), *(config.tls.addresses if config.tls else ()))
    with contextlib.ExitStack() as held:
        # All at once: two of ours may not share a port either.
        for address in addresses:
            try:
                held.enter_context(_listener(address.host, address.port))
            except OSError as error:
                raise listen_error(address, error) from error


def listen_error(address: Address, error: OSError) -> BitgaugeError:
    """Why we cannot listen, as one sentence."""
    if error.errno == errno.EADDRINUSE:
        return Refused(
            Code.PORT_IN_USE, f"Port {address.port} of {address.host} is used by another process."
        )
    return Internal(
        Code.START_FAILED, f"Cannot listen on {address}: {os.strerror(error.errno or 0)}."
    )


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    probe = socket.socket(family, socket.SOCK_STREAM)
    try:
        # As the server does: connections that linger after a restart do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        probe.listen(1)
    except OSError:
        probe.close()
        raise
    return probe
