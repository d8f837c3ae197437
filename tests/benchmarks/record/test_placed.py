"""What an explanation says of a runtime that tells where its operators run, and no times."""

from __future__ import annotations

from dataclasses import replace

from bitgauge.benchmarks.numerics.ledger import INTEGER, Ledger, OperatorRow
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.operators import (
    ListedOperator,
    OperatorProfile,
    OperatorTime,
    operator_profile,
    operators_raw,
)
from bitgauge.benchmarks.record.explain.explain import ExplainedRun, explain
from bitgauge.benchmarks.record.explain.types import NOTE, SLOW, Finding
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.labs.values import CANDIDATE, origin

ROWS = (
    ListedOperator("q", "QUANTIZE", "xnnpack", "f32[1,4]", "s8[1,4]"),
    ListedOperator("c", "CONV_2D", "builtin", "s8[1,4] s4[4,4]", "s8[1,4]"),
    ListedOperator("t", "TRANSPOSE", "xnnpack", "s8[1,4]", "s8[4,1]"),
    ListedOperator("f", "FULLY_CONNECTED", "xnnpack", "s8[4,1] s8[4,4]", "s8[1,4]"),
)
PROFILE = OperatorProfile(why_not="No times are told.", listed=ROWS, pieces=2)


def row(name: str, placed: str, macs: int) -> OperatorRow:
    made = OperatorRow(name, "CONV_2D", INTEGER, "s8", "s8", True, macs, 4, "y")
    return replace(made, placed=placed)


LEDGER = Ledger(1, True, operators=(row("c", "builtin", 300), row("f", "xnnpack", 100)))
SLOWER = ExplainedRun(
    "int4",
    {"latency_ratio": MetricValue("latency_ratio", 1.4, verdict="SLOWER")},
    profile=PROFILE,
    ledger=LEDGER,
    runtime="litert",
    baseline_runtime="litert",
)


def finding(subject: ExplainedRun, code: str) -> Finding:
    return next(one for one in explain(subject).findings if one.code == code)


def test_the_raw_file_keeps_them() -> None:
    place = origin(PassName.OPERATORS, RawRole.CANDIDATE, artifacts=(CANDIDATE.sha256,))
    raw = operators_raw(place, PROFILE)
    assert operator_profile(raw) == PROFILE
    older = {name: held for name, held in raw.arrays.items() if not name.startswith("listed.")}
    assert operator_profile(RawFile(raw.meta, older)).listed == ()


def test_what_stayed_outside_of_the_delegate_is_named() -> None:
    found = finding(SLOWER, "partly_delegated")
    assert found.severity == SLOW
    assert "took 3 of 4 operators in 2 pieces" in found.what
    assert "CONV_2D stayed in builtin kernels, 75 % of the multiplications" in found.what
    assert found.change


def test_nothing_is_said_where_the_delegate_took_all() -> None:
    whole = tuple(replace(one, placed="xnnpack") for one in ROWS)
    profile = replace(PROFILE, listed=whole, pieces=1)
    codes = {one.code for one in explain(replace(SLOWER, profile=profile)).findings}
    assert not codes & {"partly_delegated", "not_delegated", "other_runtime"}


def test_kernels_of_its_own_alone_are_said() -> None:
    own = tuple(replace(one, placed="reference") for one in ROWS)
    profile = replace(PROFILE, listed=own, pieces=0)
    assert (
        "reference kernels execute"
        in finding(replace(SLOWER, profile=profile), "not_delegated").what
    )


def test_two_runtimes_are_compared_as_far_as_is_known() -> None:
    there = OperatorProfile((OperatorTime("m", "Transpose", "CPU", 9, 5.0, 5.0),), 9, 5.0)
    subject = replace(SLOWER, baseline_runtime="onnxruntime", baseline_profile=there)
    found = finding(subject, "other_runtime")
    assert found.severity == NOTE
    for words in (
        "in litert, its baseline in onnxruntime, both on 1 thread",
        "4 operators, 1 of them layout changes, 1 conversions",
        "1 in integers by builtin, 1 in integers by xnnpack",
        "There: 1 operators, 1 of them layout changes",
        "litert tells no time per operator",
    ):
        assert words in found.what
