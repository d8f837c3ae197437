"""Where a coordinator listens, its CA, and the certificates that the CA signs."""

from __future__ import annotations

import datetime as dt
import json
import socket
import stat
from pathlib import Path

import pytest
from bitgauge.agents.connection.device_key import device_key, signing_request
from bitgauge.benchmarks.common.join_line import SERVER_NAME, Address, is_loopback
from bitgauge.benchmarks.common.pinned import pin_of
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.coordinator.access.ca import Authority
from bitgauge.coordinator.client.tls import Credential, parse_credential
from bitgauge.coordinator.cluster import listeners
from bitgauge.coordinator.cluster import supervisor as welcome
from bitgauge.coordinator.cluster.listeners import open_gateway, parse_listen
from bitgauge.coordinator.config import CoordinatorConfig, TlsListen, from_json
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

DEVICE_ID = "5b0b1f0a-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1", "127.0.0.1", 50951),
        ("127.0.0.1:7000", "127.0.0.1", 7000),
        ("localhost:7000", "127.0.0.1", 7000),
        ("::1", "::1", 50951),
        ("[::1]", "::1", 50951),
        ("[::1]:7000", "::1", 7000),
        (" 192.0.2.1:1 ", "192.0.2.1", 1),
    ],
)
def test_an_address_to_listen_on(text: str, host: str, port: int) -> None:
    tls = parse_listen(text, None, 30)
    assert (tls.host, tls.port, tls.agent_port) == (host, port, port + 1)
    assert tls.advertise == host
    assert tls.certificate_life_s == 30 * 86_400
    config = CoordinatorConfig(home="/x", tls=tls)
    assert from_json(config.to_json()) == config


def test_a_wildcard_is_told_as_an_address_that_others_reach() -> None:
    tls = parse_listen("0.0.0.0:7000", None, 30)
    assert tls.host == "0.0.0.0"
    assert tls.advertise != "0.0.0.0"
    assert not is_loopback(tls.advertise)
    assert parse_listen("0.0.0.0", "lab.example.org", 30).advertise == "lab.example.org"


def test_port_0_is_two_free_ports() -> None:
    tls = parse_listen("127.0.0.1:0", None, 30)
    assert 0 not in (tls.port, tls.agent_port)
    assert tls.port != tls.agent_port


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":7000",
        "lab",
        "lab:7000",
        "1.2.3",
        "1.2.3.4:",
        "1.2.3.4:x",
        "1.2.3.4:65536",
        "[::1",
        "::1]:7",
        "127.0.0.1:65535",
        "1.2.3.4:-1",
        "1.2.3.4:\u0661",
        "1.2.3.4\0",
    ],
)
def test_what_is_no_address_is_one_sentence(text: str) -> None:
    with pytest.raises(BitgaugeError) as caught:
        parse_listen(text, None, 30)
    assert caught.value.code is Code.BAD_ARGUMENT


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_a_sentence(text: str) -> None:
    try:
        tls = parse_listen(text, "lab", 30)
    except BitgaugeError:
        return
    socket.inet_pton(socket.AF_INET6 if ":" in tls.host else socket.AF_INET, tls.host)


def test_two_of_our_own_sockets_may_not_share_a_port(tmp_path: Path) -> None:
    port = listeners.free_port("127.0.0.1")
    tls = TlsListen("0.0.0.0", port, port + 1, "lab")
    with pytest.raises(BitgaugeError) as caught:
        listeners.refuse_if_port_taken(CoordinatorConfig(home=str(tmp_path), port=port, tls=tls))
    assert caught.value.code is Code.PORT_IN_USE


# -- the CA -----------------------------------------------------------------------------------
def test_a_ca_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "ca" / "authority.pem"
    first = Authority.open(path, 60.0)
    path.chmod(0o644)
    second = Authority.open(path, 60.0)
    assert first.pin == second.pin
    assert first.pem == second.pem
    assert b"PRIVATE" not in first.pem
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [child.name for child in path.parent.iterdir()] == ["authority.pem"]


@pytest.mark.parametrize("keep", [0, 100, -30])
def test_a_damaged_ca_is_one_sentence(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "authority.pem"
    Authority.open(path, 60.0)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(BitgaugeError, match="damaged") as caught:
        Authority.open(path, 60.0)
    assert caught.value.code is Code.START_FAILED


def test_a_key_and_a_certificate_that_do_not_belong_together_are_no_ca(tmp_path: Path) -> None:
    one, other = (tmp_path / name for name in ("one.pem", "other.pem"))
    Authority.open(one, 60.0)
    foreign = Authority.open(other, 60.0)
    key = one.read_bytes().partition(b"-----BEGIN CERTIFICATE")[0]
    one.write_bytes(key + foreign.pem)
    with pytest.raises(BitgaugeError, match="damaged"):
        Authority.open(one, 60.0)


def test_the_servers_certificate_changes_at_two_thirds_and_the_pin_never(tmp_path: Path) -> None:
    now = [1_800_000_000 * 10**9]
    authority = Authority.open(tmp_path / "ca.pem", 90.0, ("lab", "192.0.2.1"), lambda: now[0])
    first = authority.server()
    now[0] += 59 * 10**9
    assert authority.server() is first
    now[0] += 10**9
    second = authority.server()
    assert second.chain_pem != first.chain_pem
    assert second.key_pem != first.key_pem
    leaf, ca = x509.load_pem_x509_certificates(second.chain_pem)
    assert pin_of(ca) == authority.pin
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [SERVER_NAME, "lab"]
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    end = dt.datetime.fromtimestamp(now[0] / 1e9 + 90, dt.timezone.utc)
    assert leaf.not_valid_after_utc == end


def test_a_device_gets_its_own_name_only(tmp_path: Path) -> None:
    authority = Authority.open(tmp_path / "ca.pem", 90.0)
    request = signing_request(device_key(tmp_path / "board"), SERVER_NAME)  # asks for too much
    issued = authority.device(request, DEVICE_ID, "board")
    certificate = x509.load_pem_x509_certificate(issued.pem)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [name.value for name in names] == [f"bitgauge://agent/{DEVICE_ID}"]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert not constraints.ca
    assert SERVER_NAME not in certificate.subject.rfc4514_string()
    assert certificate.serial_number == int(issued.record.serial, 16)


def test_a_gateway_is_there_only_with_tls(tmp_path: Path) -> None:
    assert open_gateway(CoordinatorConfig(home=str(tmp_path))) is None
    tls = TlsListen("0.0.0.0", 7000, 7001, "lab")
    made = open_gateway(CoordinatorConfig(home=str(tmp_path), tls=tls))
    assert made is not None
    assert (made.address, made.agent_port) == (Address("lab", 7000), 7001)


def test_a_join_line_is_not_printed_into_a_journal(tmp_path: Path) -> None:
    tls = TlsListen("0.0.0.0", 7000, 7001, "lab")
    config = CoordinatorConfig(home=str(tmp_path), port=1, tls=tls)
    where, how = welcome.lines(config, tls, {"JOURNAL_STREAM": "8:1"})
    assert "lab:7000" in where
    assert "7001" in where
    assert how.endswith("bitgauge join-line")


def test_the_configuration_of_the_driver_holds_no_secret(tmp_path: Path) -> None:
    tls = TlsListen("0.0.0.0", 7000, 7001, "lab")
    text = CoordinatorConfig(home=str(tmp_path), tls=tls).to_json()
    words = " ".join(json.loads(text)) + " ".join(json.loads(text)["tls"])
    assert not any(word in words for word in ("token", "key", "secret", "pin"))


# -- what a token file holds ------------------------------------------------------------------
@given(st.text(st.characters(codec="ascii"), max_size=200))
def test_any_token_file_is_a_credential_or_a_sentence(text: str) -> None:
    try:
        credential = parse_credential(text)
    except BitgaugeError as error:
        assert error.code is Code.UNAUTHENTICATED  # noqa: PT017
    else:
        assert "@" not in credential.secret
        assert len(credential.pin) in (0, 64)


def test_a_token_with_its_pin_is_taken_apart() -> None:
    pin = "ab" * 32
    assert parse_credential(f" secret@{pin}\n") == Credential("secret", pin)
    assert parse_credential("secret") == Credential("secret")
    assert parse_credential("") == Credential()
