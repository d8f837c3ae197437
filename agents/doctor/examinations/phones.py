"""Phones at this machine: whether adb is there, and what keeps a phone from being used.

adb's program starts a server where none runs, and an examination changes nothing: so the server is
asked for first. Source: the manual page of adb; its list of devices names the state of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bitgauge.benchmarks.vocabulary.catalogue import CATALOGUE
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code

from ...devices.android import listing
from ...host.files import text
from ..base import Observation, Patient, State

NAME = "phones"
RANK = 20

_VERSION = (listing.ADB, "version")
_LISTENS = "0A"
_MENDS = {
    "unauthorized": "unlock the phone and allow this computer in its dialogue",
    "authorizing": "wait a moment, then unlock the phone and look for a dialogue",
    "offline": "plug the phone in again, or: adb reconnect offline",
    "no permissions": "install deploy/android/51-android.rules, then plug the phone in again",
    "recovery": "adb reboot",
    "sideload": "adb reboot",
    "bootloader": "fastboot reboot",
}


def examine(patient: Patient) -> Iterator[Observation]:
    """One finding for adb and its server, and one for each phone."""
    if patient.run(_VERSION) is None:
        yield Observation(
            *("phones", State.NOTE, "no adb"),
            *("Only with it are Android phones served.", "as root: apt install adb"),
        )
        return
    port = listing.server_port()
    if not _is_served(patient.root, port):  # asking for the list would start one, which stays
        yield Observation(
            *("phones", State.GOOD, "adb is there, its server does not run"),
            mend="adb start-server",
        )
        return
    try:
        listing.require_server(port)  # another version would be ended by the question
    except BitgaugeError as error:
        advice = CATALOGUE[Code.ADB_SERVER].advice
        yield Observation("phones", State.MEND, error.sentence, "No phone is served so.", advice)
        return
    listed = patient.run((listing.ADB, "-P", str(port), "devices")) or ""
    yield from found(listing.phones(listed))


def found(phones: tuple[listing.Listed, ...]) -> Iterator[Observation]:
    """One finding for each phone that adb lists."""
    if not phones:
        yield Observation("phones", State.GOOD, "adb is there, and no phone")
    for one in phones:
        mend = next((step for word, step in _MENDS.items() if one.state.startswith(word)), "")
        subject = f"phone {one.serial}"
        if mend:
            yield Observation(subject, State.MEND, one.state, "It cannot be used so.", mend)
        elif one.state == listing.READY:
            yield Observation(subject, State.GOOD, one.state)
        else:
            yield Observation(subject, State.NOTE, one.state or "listed", "It cannot be used so.")


def _is_served(root: Path, port: int) -> bool:
    """Whether something listens at a port of 127.0.0.1, as `/proc/net/tcp` writes it."""
    server = f"0100007F:{port:04X}"
    lines = (line.split() for line in text(root / "proc/net/tcp").splitlines())
    return any(words[1:2] == [server] and words[3:4] == [_LISTENS] for words in lines)
