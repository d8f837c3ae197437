"""HTTP/2 as an attacker speaks it: calls that are begun and not ended, and bytes as they are let.

A gRPC client sends whole messages; this one announces a message and sends as much of it as the
server's windows allow, over as many streams as it likes.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE = 0, 1, 3, 4, 6, 8
CONTINUATION = 9
ACK, END_STREAM, END_HEADERS = 1, 1, 4
CANCEL = (8).to_bytes(4, "big")
_FRAME = 16_384
_FIRST_WINDOW = 65_535
_INITIAL_WINDOW_SIZE = 4


def _number(value: int) -> bytes:
    """An HPACK integer with a prefix of 7 bits."""
    if value < 127:
        return bytes((value,))
    value -= 127
    encoded = bytearray((127,))
    while value >= 128:
        encoded.append(value % 128 + 128)
        value //= 128
    return bytes((*encoded, value))


def headers(path: str, *more: tuple[str, str]) -> bytes:
    """The header block of a gRPC call; nothing is indexed, nothing is Huffman coded."""
    fields = (
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        *more,
    )
    return b"".join(
        b"\0" + _number(len(name)) + name.encode() + _number(len(value)) + value.encode()
        for name, value in fields
    )


@dataclass
class Stream:
    """One call: what it may still send, and whether the server has ended it."""

    window: int
    sent: int = 0
    over: bool = False


@dataclass
class RawConnection:
    """One connection, plain or over TLS (whatever certificate is shown)."""

    port: int
    tls: bool = False
    streams: dict[int, Stream] = field(default_factory=dict)
    gone: bool = False
    _window: int = _FIRST_WINDOW
    _first_window: int = _FIRST_WINDOW
    _came: bytearray = field(default_factory=bytearray)

    def __enter__(self) -> RawConnection:
        self._socket = socket.create_connection(("127.0.0.1", self.port), 10)
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.set_alpn_protocols(["h2"])
            self._socket = context.wrap_socket(self._socket)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(SETTINGS, 0, 0, b""))
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            return self._socket.sendall(data)
        self.gone = True

    def begin(self, path: str, *more: tuple[str, str]) -> int:
        """Begin a call and say nothing further; the number of its stream."""
        number = 2 * len(self.streams) + 1
        self.streams[number] = Stream(self._first_window)
        block = headers(path, *more)
        first, rest = block[:_FRAME], block[_FRAME:]
        frames = _frame(HEADERS, 0 if rest else END_HEADERS, number, first)
        while rest:
            piece, rest = rest[:_FRAME], rest[_FRAME:]
            frames += _frame(CONTINUATION, 0 if rest else END_HEADERS, number, piece)
        self._send(frames)
        return number

    def ask(self, path: str, message: bytes, *more: tuple[str, str]) -> int:
        """A whole call, of which nothing is read unless `hear` is called."""
        number = self.begin(path, *more)
        self._send(_frame(DATA, END_STREAM, number, struct.pack(">BI", 0, len(message)) + message))
        return number

    def endless_headers(self, for_s: float) -> None:
        """One header block that does not end."""
        piece = _frame(CONTINUATION, 0, 1, b"\0\1a" + _number(_FRAME - 8) + bytes(_FRAME - 8))
        self._send(_frame(HEADERS, 0, 1, headers("/")))
        until = time.monotonic() + for_s
        while time.monotonic() < until and not self.gone:
            self._send(piece)
            self.hear(0.0)

    def reset(self, number: int) -> None:
        self._send(_frame(RST_STREAM, 0, number, CANCEL))

    def ended(self) -> int:
        """How many calls the server has ended."""
        return sum(one.over for one in self.streams.values())

    def announce(self, number: int, size_bytes: int) -> None:
        """The five bytes before a message of that size."""
        self.send(number, struct.pack(">BI", 0, size_bytes))

    def send(self, number: int, data: bytes) -> None:
        """Send these few bytes of a call, whatever the windows."""
        self._send(_frame(DATA, 0, number, data))
        self.streams[number].window -= len(data)
        self._window -= len(data)

    def pour(self, numbers: Sequence[int], limit_bytes: int, for_s: float) -> int:
        """Send to these calls what the windows allow, up to so much each; the bytes that went."""
        until, went = time.monotonic() + for_s, 0
        piece = bytes(_FRAME)
        while time.monotonic() < until and not self.gone:
            moved = 0
            for number in numbers:
                one = self.streams[number]
                size = min(_FRAME, one.window, self._window, limit_bytes - one.sent)
                if size > 0 and not one.over:
                    self.send(number, piece[:size])
                    one.sent += size
                    moved += size
            went += moved
            self.hear(0.0 if moved else 0.05)
        return went

    def hear(self, for_s: float) -> None:
        """Take in what the server says within that time."""
        until = time.monotonic() + for_s
        while not self.gone:
            pending = isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()
            left = max(until - time.monotonic(), 0.0)
            if not pending and not self._poll.poll(left * 1000):
                return
            try:
                came = self._socket.recv(1 << 16)
            except OSError:
                came = b""
            self.gone = not came
            self._came += came
            self._read_frames()

    def _read_frames(self) -> None:
        while len(self._came) >= 9:
            size = int.from_bytes(self._came[:3], "big")
            if len(self._came) < 9 + size:
                return
            kind, flags = self._came[3], self._came[4]
            number = int.from_bytes(self._came[5:9], "big")
            body = bytes(self._came[9 : 9 + size])
            del self._came[: 9 + size]
            self._take(kind, flags, number, body)

    def _take(self, kind: int, flags: int, number: int, body: bytes) -> None:
        if kind == WINDOW_UPDATE:
            more = int.from_bytes(body, "big")
            if number == 0:
                self._window += more
            elif number in self.streams:
                self.streams[number].window += more
        elif kind == SETTINGS and not flags & ACK:
            for at in range(0, len(body), 6):
                name, value = struct.unpack(">HI", body[at : at + 6])
                if name == _INITIAL_WINDOW_SIZE:
                    for one in self.streams.values():
                        one.window += value - self._first_window
                    self._first_window = value
            self._send(_frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK:
            self._send(_frame(PING, ACK, 0, body))
        elif number in self.streams and (
            kind == RST_STREAM or (kind == HEADERS and flags & END_STREAM)
        ):
            self.streams[number].over = True


def _frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return len(body).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + body
