"""The coordinator's own certificate authority: its key, the server's certificate, the devices'.

Key and certificate of the CA lie in one file (0600), which appears whole or not at all. The
server's key lives in memory: every start, and two thirds of every certificate's life, makes a
new pair, and no device notices, because devices trust the CA.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import ipaddress
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bitgauge.benchmarks.common.files import whole_file
from bitgauge.benchmarks.common.join_line import SERVER_NAME
from bitgauge.benchmarks.common.pinned import pin_of
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Internal
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ..store.values import CertificateRecord
from .access import AGENT_URI

NS_PER_S = 1_000_000_000
CA_LIFE = dt.timedelta(days=3650)
# Boards without a battery behind their clock start in the past; so do their certificates.
BACKDATED = dt.timedelta(hours=24)
MAX_REQUEST_BYTES = 16 << 10
_OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A server's key and its certificate chain, PEM."""

    key_pem: bytes
    chain_pem: bytes


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate for a device, and what is recorded of it."""

    pem: bytes
    record: CertificateRecord


class Authority:
    """Signs for one coordinator. Safe to use from several threads."""

    def __init__(
        self,
        key: ec.EllipticCurvePrivateKey,
        certificate: x509.Certificate,
        life_s: float,
        names: Sequence[str] = (),
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """Sign with the key of a CA; `names` are those of the server, beside `SERVER_NAME`."""
        self._key = key
        self._certificate = certificate
        self._life_s = life_s
        self._names = names
        self._now_ns = clock
        self._lock = threading.Lock()
        self._server: KeyPair | None = None
        self._server_renew_ns = 0
        self.pem = certificate.public_bytes(Encoding.PEM)
        self.pin = pin_of(certificate)

    @classmethod
    def open(
        cls,
        path: Path,
        life_s: float,
        names: Sequence[str] = (),
        clock: Callable[[], int] = time.time_ns,
    ) -> Authority:
        """The CA in `path`, made on first use.

        Raises:
            Internal: `START_FAILED`, the file is damaged or cannot be written.
        """
        try:
            if not path.exists():
                _create(path, clock())
            path.chmod(_OWNER_ONLY)
            data = path.read_bytes()
            key = load_pem_private_key(data, password=None)
            certificate = x509.load_pem_x509_certificate(data)
        except OSError as error:
            raise Internal(
                Code.START_FAILED, f"The CA in {path} cannot be used: {error.strerror}."
            ) from error
        except (ValueError, UnsupportedAlgorithm) as error:
            raise _damaged(path) from error
        if (
            not isinstance(key, ec.EllipticCurvePrivateKey)
            or key.public_key() != certificate.public_key()
        ):
            raise _damaged(path)
        return cls(key, certificate, life_s, names, clock)

    def server(self) -> KeyPair:
        """The server's key and certificate, made anew after two thirds of its life."""
        with self._lock:
            now_ns = self._now_ns()
            if self._server is None or now_ns >= self._server_renew_ns:
                self._server = self._make_server(now_ns)
                self._server_renew_ns = now_ns + round(self._life_s * NS_PER_S * 2 / 3)
            return self._server

    def _make_server(self, now_ns: int) -> KeyPair:
        key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [x509.DNSName(SERVER_NAME)]
        names += [_general_name(name) for name in self._names if name.isascii()]
        certificate, _ = self._sign(
            SERVER_NAME, key.public_key(), names, ExtendedKeyUsageOID.SERVER_AUTH, now_ns
        )
        return KeyPair(_key_pem(key), certificate.public_bytes(Encoding.PEM) + self.pem)

    def device(self, request_pem: bytes, device_id: str, name: str) -> Issued:
        """A certificate for the key of a signing request; what else it asks for is ignored.

        Raises:
            BadInput: `BAD_ARGUMENT`, it is no signing request of a P-256 key.
        """
        public = _requested_key(request_pem)
        uri = x509.UniformResourceIdentifier(AGENT_URI + device_id)
        certificate, expires_ns = self._sign(
            device_id, public, [uri], ExtendedKeyUsageOID.CLIENT_AUTH, self._now_ns()
        )
        key_der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        record = CertificateRecord(
            serial=f"{certificate.serial_number:x}",
            device_id=device_id,
            name=name,
            key_sha256=hashlib.sha256(key_der).digest(),
            expires_unix_ns=expires_ns,
        )
        return Issued(certificate.public_bytes(Encoding.PEM), record)

    def _sign(
        self,
        common_name: str,
        public: ec.EllipticCurvePublicKey,
        names: Sequence[x509.GeneralName],
        usage: x509.ObjectIdentifier,
        now_ns: int,
    ) -> tuple[x509.Certificate, int]:
        # Certificates count whole seconds; a fraction is rounded up.
        expires_s = -(-(now_ns + round(self._life_s * NS_PER_S)) // NS_PER_S)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(common_name))
            .issuer_name(self._certificate.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(_moment(now_ns) - BACKDATED)
            .not_valid_after(dt.datetime.fromtimestamp(expires_s, dt.timezone.utc))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        )
        return builder.sign(self._key, hashes.SHA256()), expires_s * NS_PER_S


def _requested_key(request_pem: bytes) -> ec.EllipticCurvePublicKey:
    if len(request_pem) > MAX_REQUEST_BYTES:
        raise BadInput(Code.BAD_ARGUMENT, "The signing request is too long.")
    try:
        request = x509.load_pem_x509_csr(request_pem)
        public = request.public_key()
        if isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1):
            if request.is_signature_valid:
                return public
            raise InvalidSignature
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise BadInput(Code.BAD_ARGUMENT, "The signing request cannot be read.") from error
    raise BadInput(Code.BAD_ARGUMENT, "The signing request is not for a P-256 key.")


def _create(path: Path, now_ns: int) -> None:
    """Write a new CA; the first of two starts at once counts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Bitgauge coordinator CA")
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_moment(now_ns) - BACKDATED)
        .not_valid_after(_moment(now_ns) + CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError), whole_file(path, _OWNER_ONLY, first=True) as file:
        file.write(_key_pem(key) + certificate.public_bytes(Encoding.PEM))


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _moment(unix_ns: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(unix_ns // NS_PER_S, dt.timezone.utc)


def _damaged(path: Path) -> Internal:
    return Internal(
        Code.START_FAILED,
        f"The CA in {path} is damaged; restore it, or move it away and let all devices join again.",
    )
