"""Prints, as JSON, what this processor's integer kernels return beside the emulator's answer.

Started by `test_kernels` on an emulated processor; it can be started on any.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from bitgauge.benchmarks.numerics.kernel_check import check, emulate

from tests.labs.integer import cases, facts, model, returned


def main() -> None:
    """One line: per case the counts, and outputs that differ from the emulator's by one bit."""
    answers = {}
    for case in cases():
        encoded, feeds = model(case)
        graph = facts(encoded)
        operator = graph.operators[0].integer
        assert operator is not None
        values = {**graph.constants, **feeds, "y": returned(encoded, feeds)[0]}
        counts = check(operator, values, 10**12).counts
        emulated = emulate(operator, values)
        answers[case.name] = {
            "outputs": counts.elements,
            "errors1": counts.errors1,
            "explained1": counts.explained1,
            "emulated_errors1": counts.emulated_errors1,
            "unlike_emulator": int(np.count_nonzero(emulated != values["y"])),
        }
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
