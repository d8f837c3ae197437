"""CUDA's words in what libraries raise."""

from __future__ import annotations

import pytest
from bitgauge.agents.execution.failures import failure_of
from bitgauge.agents.host.cuda import as_error, code_of
from bitgauge.agents.launcher.exit import ChildExit
from bitgauge.benchmarks.vocabulary.enums import FailureGroup

SAID = {
    "CUDA driver version is insufficient for CUDA runtime version": "driver_too_old",
    "The NVIDIA driver on your system is too old (found version 11040).": "driver_too_old",
    "CUDA error: no kernel image is available for execution on the device": "runtime_unsupported",
    "CUDA error: CUDA-capable device(s) is/are busy or unavailable": "device_taken",
    "no CUDA-capable device is detected": "device_hidden",
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has": "out_of_device_memory",
    "[E:onnxruntime] CUDA failure 2: out of memory ; GPU=0": "out_of_device_memory",
    "CUDNN failure: CUBLAS_STATUS: failed to allocate memory": "out_of_device_memory",
    "CUDA error: an illegal memory access was encountered": "run_failed",
    "CUDA error: uncorrectable ECC error encountered": "run_failed",
    "out of memory": None,
    "DefaultCPUAllocator: not enough memory: you tried to allocate": None,
    "an operator of the model is not known": None,
}


@pytest.mark.parametrize(("words", "code"), SAID.items())
def test_words_of_cuda_have_a_code(words: str, code: str | None) -> None:
    found = code_of(words)
    assert (found and found.value) == code
    error = as_error(RuntimeError(words))
    assert (error is None) == (code is None)
    if error is not None:
        is_full = code == "out_of_device_memory"
        assert ("more memory than" if is_full else words.rstrip(".")) in error.sentence
        assert error.advice


@pytest.mark.parametrize(
    ("code", "group"),
    [
        ("driver_too_old", FailureGroup.DEVICE),
        ("device_hidden", FailureGroup.DEVICE),
        ("runtime_unsupported", FailureGroup.DEVICE),
        ("out_of_device_memory", FailureGroup.ARTIFACT),
        ("foreign_engine", FailureGroup.ARTIFACT),
        ("device_taken", FailureGroup.ENVIRONMENT),
        ("device_slowed", FailureGroup.ENVIRONMENT),
        ("device_memory_taken", FailureGroup.ENVIRONMENT),
        ("device_divided", FailureGroup.HARNESS),  # it cordons, and no child is believed that
    ],
)
def test_who_must_act(code: str, group: FailureGroup) -> None:
    ended = ChildExit(done=False, phase="load", code=code, message="It says so.")
    failure = failure_of(ended, "pass pair, launch 0")
    assert failure.group is group
    assert failure.code == (code if group is not FailureGroup.HARNESS else "internal")
    assert failure.advice
