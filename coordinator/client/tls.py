"""How a client reaches a coordinator: plain on loopback, else TLS with the CA that a token names.

A token of a coordinator with TLS reads ``SECRET@PIN``; the pin says whose certificate is right,
so that a person needs one file and no other trust.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import grpc
from bitgauge.benchmarks.common.join_line import is_loopback, parse_host_port
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused

_PIN = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Credential:
    """What a token file holds; both parts are empty when there is none."""

    secret: str = ""
    pin: str = ""


def parse_credential(text: str) -> Credential:
    """The token in a file's text.

    Raises:
        BadInput: what follows its ``@`` is no pin.
    """
    secret, at, pin = text.strip().partition("@")
    if at and not _PIN.fullmatch(pin):
        raise BadInput(Code.UNAUTHENTICATED, "The token is cut short: its pin is not complete.")
    return Credential(secret, pin)


def open_channel(address: str, pin: str, options: Sequence[tuple[str, int | str]]) -> grpc.Channel:
    """A channel to ``HOST:PORT``; with a pin over TLS, without one on loopback only.

    Raises:
        BadInput: the address is none.
        Refused: `PIN_MISMATCH`, or `INSECURE_ADDRESS` when the token would travel in clear.
        Unavailable: nothing answers over TLS.
    """
    try:
        target = parse_host_port(address)
    except ValueError as error:
        raise BadInput(Code.BAD_ARGUMENT, f"{address!r} is no address: {error}.") from None
    if not pin:
        if not is_loopback(target.host):
            raise Refused(
                Code.INSECURE_ADDRESS,
                f"The token for {address} names no certificate, so it would travel in clear.",
            )
        return grpc.insecure_channel(address, options=options)
    from bitgauge.benchmarks.common.join_line import SERVER_NAME
    from bitgauge.benchmarks.common.pinned import fetch_authority

    trusted = grpc.ssl_channel_credentials(fetch_authority(target, pin))
    name = ("grpc.ssl_target_name_override", SERVER_NAME)
    return grpc.secure_channel(address, trusted, options=(*options, name))
