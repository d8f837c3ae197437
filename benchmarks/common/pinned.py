"""Finding out whom a coordinator's certificate belongs to, before anything is told to it.

A CA's certificate is public and proves itself by its pin, so it may be fetched over a connection
that nobody trusts yet. Whoever got it here then connects anew and trusts that CA alone.
Agents and clients both do this.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import socket
import ssl
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ..vocabulary.errors import Code, Refused, Unavailable
from .join_line import SERVER_NAME, Address

TIMEOUT_S = 10.0


def pin_of(certificate: x509.Certificate) -> str:
    """SHA-256 of a certificate's public key (SubjectPublicKeyInfo), in hexadecimal."""
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(key).hexdigest()


def fetch_authority(address: Address, pin: str, timeout_s: float = TIMEOUT_S) -> bytes:
    """The CA certificate with this pin, from the chain that a coordinator shows.

    Args:
        address: a TLS port of the coordinator.
        pin: of the CA, from a join line or a token.
        timeout_s: of the connection, in seconds.

    Returns:
        The CA's certificate as PEM.

    Raises:
        Unavailable: `UNREACHABLE`, nothing there speaks TLS.
        Refused: `PIN_MISMATCH`, what is there has another CA.
    """
    try:
        chain = _chain(address, timeout_s)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise Unavailable(
            Code.UNREACHABLE, f"No coordinator answers over TLS at {address} ({why})."
        ) from error
    for der in chain:
        with contextlib.suppress(ValueError, UnsupportedAlgorithm):  # not a certificate of ours
            certificate = x509.load_der_x509_certificate(der)
            if hmac.compare_digest(pin_of(certificate), pin):
                return certificate.public_bytes(Encoding.PEM)
    raise Refused(Code.PIN_MISMATCH, f"What answers at {address} has not the CA that is expected.")


def _chain(address: Address, timeout_s: float) -> list[bytes]:
    """Every certificate that a server shows, DER; nothing is verified and nothing is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection((address.host, address.port), timeout_s) as plain,
        context.wrap_socket(plain, server_hostname=SERVER_NAME) as secured,
    ):
        # Public since Python 3.13; before, the same function of the object below.
        source: Any = secured if hasattr(secured, "get_unverified_chain") else secured._sslobj  # type: ignore[attr-defined]
        shown = source.get_unverified_chain() or []
    return [one if isinstance(one, bytes) else one.public_bytes(_DER) for one in shown]


_DER = 2  # _ssl.ENCODING_DER
