"""From how a child ended to who must act (DESIGN 10.12): a pure function and one table."""

from __future__ import annotations

import signal
from dataclasses import replace

from bitgauge.benchmarks.common.said import plain
from bitgauge.benchmarks.vocabulary.catalogue import CATALOGUE
from bitgauge.benchmarks.vocabulary.enums import FailureGroup, RunStatus
from bitgauge.benchmarks.vocabulary.errors import CORDONS, Code
from bitgauge.benchmarks.vocabulary.values.runs import Failure

from ..launcher.exit import _SHOWN_CHARACTERS, ChildExit, printable

_ARTIFACT = FailureGroup.ARTIFACT
_DEVICE = FailureGroup.DEVICE
_HARNESS = FailureGroup.HARNESS
_ENVIRONMENT = FailureGroup.ENVIRONMENT

_CRASHES = {
    signal.SIGSEGV: "crash_segv",
    signal.SIGABRT: "crash_abrt",
    signal.SIGBUS: "crash_bus",
    signal.SIGILL: "crash_ill",
    signal.SIGFPE: "crash_fpe",
    signal.SIGSYS: "crash_sys",
    signal.SIGXFSZ: "file_limit",
}
_CRASH_ADVICE = (
    "The runtime crashed on this artifact twice. Try another runtime version, or build the"
    " artifact again."
)
_OOM_ADVICE = CATALOGUE[Code.OUT_OF_MEMORY].advice

NO_MEMORY = ("oom", Code.OUT_OF_DEVICE_MEMORY.value)
"""Codes of what found no memory, on its host or on its card."""

# What a child may say of itself: code -> group. Anything else is a defect of the harness.
_SAID: dict[str, FailureGroup] = {
    **dict.fromkeys(
        (
            *(Code.BAD_MODEL, Code.BAD_EVALUATION_SET, Code.UNSUPPORTED_ARTIFACT, Code.RUN_FAILED),
            *(Code.OUT_OF_MEMORY, Code.SANDBOX_DENIED, Code.EXTERNAL_DATA, Code.FILE_LIMIT),
            *(Code.PROCESS_LIMIT, Code.BAD_RESULT, Code.REFUSED_FORMAT),
            *(Code.OPSET_TOO_NEW, Code.FELL_BACK, Code.OUT_OF_DEVICE_MEMORY, Code.FOREIGN_ENGINE),
        ),
        _ARTIFACT,
    ),
    **dict.fromkeys(
        (
            *(Code.RUNTIME_MISSING, Code.UNKNOWN_PLUGIN, Code.DISK_FULL, Code.PHONE_FULL),
            *(Code.ACCELERATOR_MISSING, Code.UNKNOWN_SOC, Code.PROVIDER_FAILED),
            *(Code.DRIVER_MISSING, Code.DRIVER_TOO_OLD, Code.DEVICE_HIDDEN),
            Code.RUNTIME_UNSUPPORTED,
            *(Code.PHONE_PYTHON, Code.PHONE_CHARGING, Code.PHONE_UNAUTHORIZED),
        ),
        _DEVICE,
    ),
    **dict.fromkeys(
        (
            *(Code.PHONE_OFFLINE, Code.PHONE_REBOOTED, Code.ADB_SERVER),
            *(Code.PHONE_BATTERY, Code.PHONE_HOT),
            *(Code.DEVICE_TAKEN, Code.DEVICE_SLOWED, Code.DEVICE_MEMORY_TAKEN),
        ),
        _ENVIRONMENT,
    ),
}


def needs_confirmation(ended: ChildExit) -> bool:
    """Whether the same launch is tried once more before anybody is blamed."""
    ended_by_us = ended.done or ended.timed_out or ended.disk_full
    return not ended_by_us and ended.signal in _CRASHES


def failure_of(ended: ChildExit, what: str, provider: str = "") -> Failure:
    """Who must act on a child that did not finish, and what to try.

    Args:
        ended: how it ended, with `done` false.
        what: the launch in words, such as ``pass pair, launch 1``.
        provider: what the artifact was placed with, besides the processor.
    """
    during = f"in {what}, phase {ended.phase}"
    if ended.forks_refused:
        sentence = "The artifact or its runtime started more processes than a run may have."
        return _said(replace(ended, code=Code.PROCESS_LIMIT.value, message=sentence), during)
    if ended.disk_full:
        sentence = "The disk of the device was nearly full, so the child was ended."
        return _said(replace(ended, code=Code.DISK_FULL.value, message=sentence), during)
    if ended.timed_out:
        return Failure(
            _ARTIFACT,
            "timeout",
            f"Nothing was heard for {ended.timed_out:g} s {during}.",
            "Choose a smaller batch or artifact, or look at the log for what it was doing.",
            ended.log_tail,
        )
    if ended.code:
        return _said(ended, during)
    if ended.signal:
        return _killed(ended, during, provider)
    return Failure(
        _HARNESS,
        "child_exit",
        f"The child exited with status {ended.status} and said nothing {during}.",
        "Read the log; a library of the runtime may not fit this device.",
        ended.log_tail,
    )


def status_of(failure: Failure) -> RunStatus:
    """Whether a failure means that this device cannot run the artifact at all."""
    if failure.code in (Code.UNSUPPORTED_ARTIFACT.value, Code.FELL_BACK.value):
        return RunStatus.UNSUPPORTED
    return RunStatus.FAILED


def simple_failure(group: FailureGroup, code: Code, message: str) -> Failure:
    """A failure outside any child, with the catalogue's advice."""
    return Failure(group, code.value, message, CATALOGUE[code].advice)


def _said(ended: ChildExit, during: str) -> Failure:
    known = {code.value: meaning.advice for code, meaning in CATALOGUE.items()}
    # It may say anything, and must not take a device out: the agent asks the device itself.
    believed = ended.code in known and ended.code not in CORDONS
    said = ended.code if believed else Code.INTERNAL.value
    group = _SAID.get(said, _HARNESS)
    code = "oom" if said == Code.OUT_OF_MEMORY.value else said
    message = printable(plain(ended.message[:_SHOWN_CHARACTERS]))
    sentence = f"{message.removesuffix('.')} ({during})."
    return Failure(group, code, sentence, known[said], ended.log_tail)


def _killed(ended: ChildExit, during: str, provider: str) -> Failure:
    name = signal.Signals(ended.signal).name
    code = _CRASHES.get(signal.Signals(ended.signal))
    if code is not None and provider:
        said = Code.PROVIDER_CRASHED
        sentence = f"The child died of {name} with the artifact on provider {provider}, {during}."
        return Failure(_ARTIFACT, said.value, sentence, CATALOGUE[said].advice, ended.log_tail)
    if code is not None:
        return Failure(
            _ARTIFACT, code, f"The child died of {name} {during}.", _CRASH_ADVICE, ended.log_tail
        )
    if ended.signal == signal.SIGKILL and ended.out_of_memory:
        return Failure(
            _ARTIFACT,
            "oom",
            f"The kernel ended the child for lack of memory {during}.",
            _OOM_ADVICE,
            ended.log_tail,
        )
    return Failure(
        _ENVIRONMENT,
        "killed",
        f"Something outside ended the child with {name} {during}.",
        "It is tried again. If it keeps happening, find out who ends processes on this device.",
        ended.log_tail,
    )
