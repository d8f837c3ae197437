"""Phones at this machine: whether adb is there, and what keeps a phone from being used.

Source: the manual page of adb; its list of devices names the state of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...host.files import text
from ..base import Observation, Patient, State

NAME = "phones"
RANK = 20

_THERE = ("adb", "version")
_LISTED = ("adb", "devices")
_SERVER = "0100007F:13AD"
"""Where the server of adb listens, 127.0.0.1:5037, as `/proc/net/tcp` writes it."""
_LISTENS = "0A"
_MENDS = {
    "unauthorized": "unlock the phone and allow this computer in its dialogue",
    "offline": "plug the phone in again, or: adb reconnect offline",
    "no permissions": "install deploy/android/51-android.rules, then plug the phone in again",
}


def examine(patient: Patient) -> Iterator[Observation]:
    """One finding for adb, and one for each phone."""
    if patient.run(_THERE) is None:
        yield Observation(
            *("phones", State.NOTE, "no adb"),
            *("Only with it are Android phones served.", "as root: apt install adb"),
        )
        return
    if not _is_served(patient.root):  # asking for the list would start a server, which stays
        yield Observation("phones", State.GOOD, "adb is there, its server does not run")
        return
    listed = patient.run(_LISTED) or ""
    lines = [line for line in listed.splitlines()[1:] if line.strip() and line[0] != "*"]
    if not lines:
        yield Observation("phones", State.GOOD, "adb is there, and no phone")
    for line in lines:
        serial, _, state = line.partition("\t")
        for word, mend in _MENDS.items():
            if state.startswith(word):
                yield Observation(
                    f"phone {serial}", State.MEND, state, "It cannot be used so.", mend
                )
                break
        else:
            yield Observation(f"phone {serial}", State.GOOD, state or "listed")


def _is_served(root: Path) -> bool:
    lines = (line.split() for line in text(root / "proc/net/tcp").splitlines())
    return any(words[1:2] == [_SERVER] and words[3:4] == [_LISTENS] for words in lines)
