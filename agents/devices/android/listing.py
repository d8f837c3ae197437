"""Which phones adb sees, and whether its server can be asked at all.

A client of adb starts a server when none runs, and ends one of another version, with every
connection that others have there. So the server is asked first, by its own protocol and not by
the program: a length in four hexadecimal digits, then the request (SERVICES.TXT of adb).
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from bitgauge.benchmarks.vocabulary.errors import Code, Unavailable

from ...host.process import marked_own

PORT_VARIABLE = "ANDROID_ADB_SERVER_PORT"
DEFAULT_PORT = 5037
ADB = "adb"
READY = "device"

_PATIENCE_S = 10.0
_ANSWER_S = 2.0
_VERSION = re.compile(r"Android Debug Bridge version \d+\.\d+\.(\d+)")


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of adb's list: the name that adb has for a phone, and its state in a word or two."""

    serial: str
    state: str


def server_port(environ: Mapping[str, str] = os.environ) -> int:
    """The port of adb's server on this machine."""
    told = environ.get(PORT_VARIABLE, "")
    return int(told) if told.isdigit() else DEFAULT_PORT


def server_version(port: int) -> int | None:
    """The version of the server that runs; None when none does.

    Raises:
        Unavailable: `ADB_SERVER`, what listens there does not speak as adb does.
    """
    request = b"host:version"
    try:
        with socket.create_connection(("127.0.0.1", port), _ANSWER_S) as line:
            line.settimeout(_ANSWER_S)
            line.sendall(b"%04x%s" % (len(request), request))
            answer = b""
            while data := line.recv(64):
                answer += data
    except ConnectionRefusedError:
        return None
    except OSError as error:
        raise _other(port, str(error)) from error
    with contextlib.suppress(ValueError):
        if answer[:4] == b"OKAY":
            return int(answer[8:], 16)
    raise _other(port, "it does not answer as adb does")


def client_version() -> int | None:
    """The version of the program; None when it is not installed."""
    if shutil.which(ADB) is None:
        return None
    done = subprocess.run(
        (ADB, "version"),
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
        env=marked_own(),
    )
    found = _VERSION.search(done.stdout)
    return int(found[1]) if found else None


def require_server(port: int) -> None:
    """Refuse to go on where a command of adb would start or end a server.

    Raises:
        Unavailable: `ADB_SERVER`.
    """
    server, client = server_version(port), client_version()
    if client is None:
        raise Unavailable(Code.ADB_SERVER, "The program adb is not installed on this machine.")
    if server is None:
        raise Unavailable(Code.ADB_SERVER, f"No server of adb runs at port {port}.")
    if server != client:
        raise _other(port, f"it has version {server}, and the program adb has {client}")


def _other(port: int, why: str) -> Unavailable:
    return Unavailable(
        Code.ADB_SERVER, f"Another server than this machine's adb is at port {port}: {why}."
    )


def phones(listed: str) -> tuple[Listed, ...]:
    """The phones in what `adb devices` prints."""
    found = []
    for line in listed.splitlines():
        serial, tab, state = line.partition("\t")
        if tab and serial and not line.startswith("*"):
            found.append(Listed(serial, state.strip()))
    return tuple(found)


def ask(port: int) -> tuple[Listed, ...]:
    """The phones that adb sees now.

    Raises:
        Unavailable: `ADB_SERVER`.
    """
    require_server(port)
    try:
        done = subprocess.run(
            (ADB, "-P", str(port), "devices"),
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
            env=marked_own(),
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(Code.ADB_SERVER, f"The program adb does not answer: {error}.") from error
    return phones(done.stdout)


def refusal(state: str, name: str) -> Unavailable:
    """Why a phone in this state cannot be used; `state` is empty when adb does not list it."""
    if state.startswith(("unauthorized", "authorizing")):
        return Unavailable(
            Code.PHONE_UNAUTHORIZED, f"The phone {name} has not allowed this computer."
        )
    if state.startswith("no permissions"):
        return Unavailable(
            Code.PHONE_UNAUTHORIZED, f"This user may not use the USB device of the phone {name}."
        )
    why = f"adb says {state!r} of it" if state else "adb does not see it"
    return Unavailable(Code.PHONE_OFFLINE, f"The phone {name} is not connected: {why}.")
