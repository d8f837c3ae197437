"""A device's private key, and what it signs: the only module that imports cryptography.

It is imported when a device joins or its certificate is renewed, never by an agent that waits.
"""

from __future__ import annotations

from pathlib import Path

from bitgauge.benchmarks.common.files import write_durably
from bitgauge.benchmarks.vocabulary.errors import Code, Internal
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

_OWNER_ONLY = 0o600


def device_key(folder: Path) -> str:
    """This device's private key as PEM, made at the first call.

    It is kept before it is used, so that joining again after a lost answer shows the same key.

    Raises:
        Internal: the file is damaged.
    """
    path = folder / "key.pem"
    if not path.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        folder.mkdir(parents=True, exist_ok=True)
        write_durably(path, pem, _OWNER_ONLY)
    text = path.read_text("ascii", "replace")
    _load(text, path)
    return text


def _load(key_pem: str, where: Path | str) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(key_pem.encode(), password=None)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Internal(
            Code.START_FAILED, f"The key in {where} is damaged; remove it and join again."
        )
    return key


def signing_request(key_pem: str, device_id: str) -> bytes:
    """A request for a certificate, signed by the key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device_id)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    request = builder.sign(_load(key_pem, "the enrolment"), hashes.SHA256())
    return request.public_bytes(Encoding.PEM)
