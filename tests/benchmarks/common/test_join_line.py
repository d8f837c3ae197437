"""Join lines: one spelling, parsed or refused in one sentence that never shows the token."""

from __future__ import annotations

import ipaddress

import pytest
from bitgauge.benchmarks.common.join_line import (
    LONGEST,
    SCHEME,
    Address,
    JoinLine,
    is_loopback,
    parse_host_port,
    parse_join_line,
)
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from hypothesis import example, given
from hypothesis import strategies as st

PIN, TOKEN = "ab" * 32, "cd" * 16
LINE = JoinLine(Address("192.0.2.7", 50951), PIN, TOKEN)

names = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?", fullmatch=True)
hosts = names | st.ip_addresses().map(str)
lines = st.builds(
    JoinLine,
    st.builds(Address, hosts, st.integers(1, 65535)),
    st.binary(min_size=32, max_size=32).map(bytes.hex),
    st.binary(min_size=16, max_size=16).map(bytes.hex),
)


def refusal(text: str) -> BitgaugeError:
    with pytest.raises(BitgaugeError) as caught:
        parse_join_line(text)
    assert caught.value.code is Code.BAD_JOIN_LINE
    return caught.value


@given(lines, st.sampled_from(["", " ", "\n", "\t \r\n"]))
def test_a_line_is_read_back_as_it_was_written(line: JoinLine, around: str) -> None:
    assert parse_join_line(f"{around}{line}{around}") == line


@given(st.text(max_size=300) | lines.map(str), st.data())
@example(f"{SCHEME}[::1%eth0]:1/{PIN}/{TOKEN}", None)
@example(f"{SCHEME}h:00001/{PIN}/{TOKEN}", None)
@example(f"{SCHEME}h:\u0661/{PIN}/{TOKEN}", None)
def test_whatever_is_pasted_is_a_line_or_one_sentence(text: str, data: st.DataObject) -> None:
    if data is not None and text:
        at = data.draw(st.integers(0, len(text) - 1))
        text = text[:at] + data.draw(st.characters()) + text[at + 1 :]
    try:
        line = parse_join_line(text)
    except BitgaugeError:
        assert "\n" not in refusal(text).sentence
    else:
        assert parse_join_line(str(line)) == line


@given(lines.map(str), st.data())
def test_a_line_cut_short_is_refused(text: str, data: st.DataObject) -> None:
    refusal(text[: data.draw(st.integers(0, len(text) - 1))])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bitgauge-agent join",
        str(LINE).replace("bitgauge-join", "http"),
        str(LINE).upper(),
        str(LINE) + "0",
        str(LINE) + "/more",
        str(LINE).replace("50951", "0"),
        str(LINE).replace("50951", "65536"),
        str(LINE).replace(":50951", ""),
        str(LINE).replace("192.0.2.7", "2001:db8::1"),
        str(LINE).replace("192.0.2.7", "a b"),
        str(LINE).replace("192.0.2.7", "user@host"),
        f"{SCHEME}{'h' * LONGEST}:1/{PIN}/{TOKEN}",
    ],
)
def test_what_is_no_line_is_refused_without_showing_the_token(text: str) -> None:
    error = refusal(text)
    assert TOKEN not in str(error)
    assert "join-line" in error.advice


def test_a_line_does_not_show_its_token_by_accident() -> None:
    assert TOKEN not in repr(LINE)
    assert TOKEN in str(LINE)


@given(st.ip_addresses(v=6), st.integers(1, 65535))
def test_an_ipv6_host_stands_in_brackets(host: ipaddress.IPv6Address, port: int) -> None:
    address = Address(str(host), port)
    assert str(address).startswith("[")
    assert parse_host_port(str(address)) == address


def test_loopback_is_what_cannot_leave_the_machine() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "192.0.2.1", "localhost.example.org", "")))
