"""Who must act on how a child ended."""

from __future__ import annotations

import signal

import pytest
from bitgauge.agents.execution.failures import failure_of, needs_confirmation, status_of
from bitgauge.agents.launcher.exit import ChildExit
from bitgauge.benchmarks.vocabulary.enums import FailureGroup, RunStatus


@pytest.mark.parametrize(
    ("ended", "group", "code"),
    [
        (ChildExit(False, signal=signal.SIGSEGV), FailureGroup.ARTIFACT, "crash_segv"),
        (ChildExit(False, signal=signal.SIGABRT), FailureGroup.ARTIFACT, "crash_abrt"),
        (ChildExit(False, signal=signal.SIGBUS), FailureGroup.ARTIFACT, "crash_bus"),
        (ChildExit(False, signal=signal.SIGILL), FailureGroup.ARTIFACT, "crash_ill"),
        (ChildExit(False, signal=signal.SIGFPE), FailureGroup.ARTIFACT, "crash_fpe"),
        (ChildExit(False, signal=signal.SIGXFSZ), FailureGroup.ARTIFACT, "file_limit"),
        (ChildExit(False, signal=signal.SIGKILL, out_of_memory=True), FailureGroup.ARTIFACT, "oom"),
        (ChildExit(False, signal=signal.SIGKILL), FailureGroup.ENVIRONMENT, "killed"),
        (ChildExit(False, signal=signal.SIGTERM), FailureGroup.ENVIRONMENT, "killed"),
        (ChildExit(False, status=1), FailureGroup.HARNESS, "child_exit"),
        (
            ChildExit(False, timed_out=3.0, signal=signal.SIGKILL, phase="load"),
            FailureGroup.ARTIFACT,
            "timeout",
        ),
        (
            ChildExit(False, disk_full=True, signal=signal.SIGKILL, phase="measure"),
            FailureGroup.DEVICE,
            "disk_full",
        ),
        (ChildExit(False, code="internal", message="x"), FailureGroup.HARNESS, "internal"),
        (ChildExit(False, code="nonsense", message="x"), FailureGroup.HARNESS, "internal"),
        (ChildExit(False, code="out_of_memory"), FailureGroup.ARTIFACT, "oom"),
        (ChildExit(False, code="run_failed"), FailureGroup.ARTIFACT, "run_failed"),
        (ChildExit(False, code="refused_format"), FailureGroup.ARTIFACT, "refused_format"),
        (
            ChildExit(False, code="unsupported_artifact"),
            FailureGroup.ARTIFACT,
            "unsupported_artifact",
        ),
        (ChildExit(False, code="runtime_missing"), FailureGroup.DEVICE, "runtime_missing"),
        (ChildExit(False, code="accelerator_missing"), FailureGroup.DEVICE, "accelerator_missing"),
        (ChildExit(False, code="unknown_soc"), FailureGroup.DEVICE, "unknown_soc"),
        (ChildExit(False, code="provider_failed"), FailureGroup.DEVICE, "provider_failed"),
        (ChildExit(False, code="opset_too_new"), FailureGroup.ARTIFACT, "opset_too_new"),
        (ChildExit(False, code="fell_back"), FailureGroup.ARTIFACT, "fell_back"),
    ],
)
def test_who_must_act(ended: ChildExit, group: FailureGroup, code: str) -> None:
    failure = failure_of(ended, "pass pair, launch 0 (both)")
    assert (failure.group, failure.code) == (group, code)
    assert f"phase {ended.phase}" in failure.message
    assert failure.advice


def test_a_crash_on_a_provider_names_it() -> None:
    failure = failure_of(ChildExit(False, signal=signal.SIGSEGV), "pass quality", "qnn")
    assert (failure.group, failure.code) == (FailureGroup.ARTIFACT, "provider_crashed")
    assert "died of SIGSEGV with the artifact on provider qnn" in failure.message
    killed = failure_of(ChildExit(False, signal=signal.SIGKILL), "pass quality", "qnn")
    assert killed.code == "killed"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("unsupported_artifact", RunStatus.UNSUPPORTED),
        ("fell_back", RunStatus.UNSUPPORTED),
        ("run_failed", RunStatus.FAILED),
    ],
)
def test_a_device_that_cannot_run_it_at_all_is_no_failure(code: str, status: RunStatus) -> None:
    assert status_of(failure_of(ChildExit(False, code=code), "pass pair, launch 0")) is status


@pytest.mark.parametrize(
    "crash", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE]
)
def test_a_crash_is_confirmed(crash: signal.Signals) -> None:
    assert needs_confirmation(ChildExit(False, signal=crash))


def test_only_crashes_are_confirmed() -> None:
    assert not needs_confirmation(ChildExit(True, signal=signal.SIGABRT))
    assert not needs_confirmation(ChildExit(False, signal=signal.SIGKILL))
    assert not needs_confirmation(ChildExit(False, signal=signal.SIGSEGV, timed_out=1.0))


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Reshape '/layer1/it' fails.", "Reshape '/layer1/it' fails"),
        ("it read /tmp/x-1/a.onnx", "it read a file"),
        (f"the digest {'0af' * 22} differs", "the digest a digest differs"),
        ("Traceback (most recent call last):\n  at x\nKeyError: y", "KeyError: y"),
    ],
)
def test_what_a_child_says_is_shown_without_what_is_of_the_day(said: str, shown: str) -> None:
    failure = failure_of(ChildExit(False, code="run_failed", message=said), "pass pair, launch 0")
    assert failure.message == f"{shown} (in pass pair, launch 0, phase start)."
