"""Phones at this machine: whether adb is there, and what keeps a phone from being used.

Source: the manual page of adb; its list of devices names the state of each.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..base import Observation, Patient, State

NAME = "phones"
RANK = 20

_LISTED = ("adb", "devices")
_MENDS = {
    "unauthorized": "unlock the phone and allow this computer in its dialogue",
    "offline": "plug the phone in again, or: adb reconnect offline",
    "no permissions": "install deploy/android/51-android.rules, then plug the phone in again",
}


def examine(patient: Patient) -> Iterator[Observation]:
    """One finding for adb, and one for each phone."""
    listed = patient.run(_LISTED)
    if listed is None:
        yield Observation(
            *("phones", State.NOTE, "no adb"),
            *("Only with it are Android phones served.", "as root: apt install adb"),
        )
        return
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
