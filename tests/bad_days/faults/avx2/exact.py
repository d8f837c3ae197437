"""Prints what pass `numerics` finds of an artifact as it is and in exact mode, as JSON.

Started by `test_exact` on an emulated processor; it can be started on any.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from bitgauge.agents.runtimes import ort
from bitgauge.agents.runtimes.ort import EXACT_MODE
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.quality.sets import EvaluationSet, read_evaluation_set
from bitgauge.benchmarks.vocabulary.values.jobs import NO_OVERRIDES, Overrides

from tests.labs.sat16 import measured

SAMPLES = 64


def main(artifact: Path) -> None:
    """One line: per mode the kinds of operators, their errors and saturated pairs."""
    whole = read_evaluation_set(zoo.evaluation_path())
    evaluation = EvaluationSet(
        inputs={name: array[:SAMPLES] for name, array in whole.inputs.items()},
        labels=None,
        ids=whole.ids[:SAMPLES],
    )
    answers = {}
    for name, overrides in (
        ("plain", NO_OVERRIDES),
        ("exact", Overrides(session_options=(EXACT_MODE,))),
    ):
        with tempfile.TemporaryDirectory() as folder:
            _, ledger = measured(
                ort, [artifact], evaluation, Path(folder), batch=SAMPLES, overrides=overrides
            )
        answers[name] = {
            "why_not": ledger.why_not,
            "executed": ledger.executed,
            "errors": sum(row.errors1 for row in ledger.operators),
            "explained": sum(row.explained1 for row in ledger.operators),
        }
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
