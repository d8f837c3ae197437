"""A stack's fingerprint."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bitgauge.benchmarks.vocabulary.fingerprint import changed, fingerprint, stack_of
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription, StackItem

RUNTIME = RuntimeDescription(
    "onnxruntime", "1.31.1", ("CPUExecutionProvider",), versions=(StackItem("numpy", "2.3"),)
)


STACK = (StackItem("architecture", "x86_64"), StackItem("microcode", "0x1"))


def test_a_fingerprint_depends_on_every_input_and_on_no_order() -> None:
    stack = stack_of(STACK, RUNTIME)
    assert fingerprint(stack) == fingerprint(reversed(stack))
    newer = stack_of(STACK, replace(RUNTIME, version="1.32.0"))
    assert fingerprint(stack) != fingerprint(newer)
    assert changed(stack, newer) == ("runtime.onnxruntime",)
    assert fingerprint([StackItem("ab", "c")]) != fingerprint([StackItem("a", "bc")])


def test_readings_and_contradictions_are_no_stack() -> None:
    with pytest.raises(ValueError, match="changes by itself"):
        stack_of((StackItem("uptime_s", "5"),), RUNTIME)
    with pytest.raises(ValueError, match="both"):
        stack_of((*STACK, StackItem("microcode", "0x2")), RUNTIME)
