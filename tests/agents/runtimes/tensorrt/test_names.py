"""A name or signature that the published bindings have not cannot wait for a card.

`constructed/names.json` says what they have of what is used; `make long-rtx` asks the bindings
themselves whether it says the truth.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from .names import RTX_ALONE, Use, _uses, problems, uses

HELD = json.loads((Path(__file__).parent / "constructed/names.json").read_text())
PUBLISHED = tuple(HELD)


def of_flavour(version: str) -> tuple[Use, ...]:
    """What is used of one of both libraries."""
    if version.startswith("tensorrt-rtx"):
        return uses()
    return tuple(one for one in uses() if not any(word in one.name for word in RTX_ALONE))


@pytest.mark.parametrize("version", PUBLISHED)
def test_what_is_used_is_there_and_takes_what_it_is_given(version: str) -> None:
    assert problems(of_flavour(version), HELD[version]) == []


def test_both_majors_and_rtx_are_asked() -> None:
    majors = {version.rpartition(" ")[2].partition(".")[0] for version in PUBLISHED}
    assert majors == {"10", "11", "1"}
    optional = {one.name for one in uses() if one.optional}
    assert optional
    assert optional <= set().union(*HELD.values()), "what may be missing is there somewhere"


def test_much_is_used() -> None:
    """The reading of our sources is what makes the rest mean anything."""
    names = {one.name for one in uses()}
    assert len(names) > 60
    assert {
        *("Builder.create_network", "IExecutionContext.execute_async_v3", "BuilderFlag.TF32"),
        *("IProgressMonitor.step_complete", "IDebugListener.process_debug_tensor"),
        *("BuilderFlag.STRICT_NANS", "EngineInspector.execution_context"),
    } <= names


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("builder.create_netwrk(1)", "Builder.create_netwrk is not there"),
        ("builder.create_network(1, 2)", "takes (flags?), not 2 arguments"),
        ("trt.BuilderFlag.FP17", "BuilderFlag.FP17 is not there"),
        ("self.context.execute_async_v2(0)", "IExecutionContext.execute_async_v2 is not there"),
    ],
)
def test_a_wrong_name_or_number_of_arguments_is_found(line: str, problem: str) -> None:
    (found,) = problems(tuple(_uses(ast.parse(line))), HELD[PUBLISHED[0]])[-1:]
    assert found.endswith(problem)
