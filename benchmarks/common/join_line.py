"""The one line with which a device joins: where, whom to trust, and the right to do it once.

    bitgauge-join://HOST:PORT/PIN/TOKEN

PIN is the SHA-256 of the public key of the coordinator's CA, TOKEN 128 random bits; both in
hexadecimal, lower case, so that a line has one spelling. Both ends use this module.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from ..vocabulary.errors import BadInput, Code

SCHEME = "bitgauge-join://"
SERVER_NAME = "bitgauge-coordinator"
"""The name in every coordinator's certificate; its address may change at any time."""
PIN_DIGITS = 64
TOKEN_DIGITS = 32
LONGEST = 512
_LINE = re.compile(
    rf"{SCHEME}(?P<address>[^/\s]+)/(?P<pin>[0-9a-f]{{{PIN_DIGITS}}})"
    rf"/(?P<token>[0-9a-f]{{{TOKEN_DIGITS}}})"
)
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a TCP port; an IPv6 host without its brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class JoinLine:
    """What a join line says; its text is `str` of it.

    Attributes:
        address: where the coordinator takes devices that join.
        pin: SHA-256 of the CA's public key, 64 hexadecimal digits.
        token: one-time secret, 32 hexadecimal digits.
    """

    address: Address
    pin: str
    token: str

    def __str__(self) -> str:
        return f"{SCHEME}{self.address}/{self.pin}/{self.token}"

    def __repr__(self) -> str:  # the token must not reach a log by accident
        return f"JoinLine({self.address}, pin {self.pin[:8]}...)"


def parse_join_line(text: str) -> JoinLine:
    """The line that somebody pasted; white space around it is no part of it.

    Raises:
        BadInput: `BAD_JOIN_LINE`; the sentence says what is wrong and never shows the token.
    """
    line = text.strip()
    if not line.startswith(SCHEME):
        raise _bad(f"does not begin with {SCHEME}")
    found = _LINE.fullmatch(line) if len(line) <= LONGEST else None
    if found is None:
        raise _bad("is cut short or was changed on the way")
    try:
        address = parse_host_port(found["address"])
    except ValueError as error:
        raise _bad(f"names no address: {error}") from None
    return JoinLine(address, found["pin"], found["token"])


def parse_host_port(text: str) -> Address:
    """``HOST:PORT`` as an address; an IPv6 host must stand in brackets.

    Raises:
        ValueError: with what is wrong as words.
    """
    host, colon, port = text.rpartition(":")
    if not colon:
        raise ValueError("the port is missing")
    if not _PORT.fullmatch(port) or int(port) > 65535:
        raise ValueError("the port is not a number from 1 to 65535")
    if host.startswith("[") and host.endswith("]"):
        return Address(str(ipaddress.IPv6Address(host[1:-1])), int(port))
    if not _NAME.fullmatch(host):
        raise ValueError("the host is neither a name nor an IP address")
    return Address(host, int(port))


def is_loopback(host: str) -> bool:
    """Whether only this machine can be meant by `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bad(why: str) -> BadInput:
    return BadInput(Code.BAD_JOIN_LINE, f"The join line {why}.")
