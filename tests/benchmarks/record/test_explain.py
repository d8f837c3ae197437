"""Explanations: each finding appears when its evidence does, and never without."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from bitgauge.benchmarks.numerics.ledger import Divergence, Ledger, OperatorRow, TensorRow
from bitgauge.benchmarks.raw.operators import OperatorProfile, OperatorTime
from bitgauge.benchmarks.record.explain.explain import ExplainedRun, explain, worst_of
from bitgauge.benchmarks.record.explain.types import NOTE, share_words
from bitgauge.benchmarks.vocabulary.session_options import other_ways
from bitgauge.benchmarks.vocabulary.values.devices import (
    RuntimeDescription,
    RuntimeOption,
    StackItem,
)
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.cli.text.explain import explanation_text


def time(op_type: str, time_ns: float, inputs: str = "") -> OperatorTime:
    return OperatorTime(f"node/{op_type}", op_type, "CPU", 50, time_ns, time_ns, inputs)


def profile(*times: OperatorTime) -> OperatorProfile:
    return OperatorProfile(times, calls=50, call_ns=sum(one.time_ns for one in times))


def metric(key: str, value: float | None, *flags: str, **detail: object) -> MetricValue:
    items = tuple(StackItem(name, str(one)) for name, one in detail.items())
    return MetricValue(key, value, flags=flags, detail=items)


def subject(**changes: Any) -> ExplainedRun:
    metrics = {
        "latency_ratio": MetricValue("latency_ratio", 1.4, verdict="SLOWER"),
        "accuracy_delta_pp": MetricValue("accuracy_delta_pp", 0.0, verdict="PASS"),
    }
    metrics |= {one.key: one for one in changes.pop("metrics", ())}
    return replace(
        ExplainedRun("int8-static-u8s8-pc", metrics, ledger=LEDGER, profile=PROFILE), **changes
    )


PRODUCT = OperatorRow(
    "conv", "QLinearConv", "integer", "u8", "s8", True, 900, 9, "y", elements=1_000
)
LEDGER = Ledger(256, claims_integer=True, operators=(PRODUCT,))
PROFILE = profile(time("QLinearConv", 900.0), time("MaxPool", 100.0))
BASELINE = profile(time("Conv", 2_000.0, "f32[1,3]"), time("Relu", 100.0))
WRONG = replace(PRODUCT, elements=1_000, errors1=260, explained1=260, pairs=9_000)
SATURATED = metric("saturated_pct", 2.5, "saturating", kernel_mode="sat16")
ELSEWHERE = metric("saturated_pct", 0.0, kernel_mode="exact", wrong_outputs_pct_if_sat16=3.5)
CLIPPED = TensorRow("x", "uint8", "Relu", 99, clip_hi=0.03, clip_lo=0.0, clip_mass=0.02)
NOISY = TensorRow("x", "uint8", "Relu", 99, sqnr_db=9.0, outlier_ratio=40.0)
UNKNOWN = replace(PRODUCT, op_type="QLinearSoftmax", compute="elementwise", elements=0)
STAYED = replace(PRODUCT, name="fc", compute="float", fix="zero_point")

CASES: dict[str, tuple[dict[str, Any], str]] = {
    "saturating": (
        {
            "metrics": [SATURATED],
            "ledger": replace(LEDGER, operators=(WRONG,)),
            "exact": "spin=1: exact, about 1.2 times slower",
        },
        "7 bits",
    ),
    "wrong_kernel": (
        {"metrics": [metric("saturated_pct", None, "wrong_kernel", wrong_kernels="dense/1")]},
        "The kernel of dense/1 answered",
    ),
    "wraps": (
        {
            "metrics": [
                metric(
                    *("saturated_pct", 0.0, "wrong_kernel"),
                    wrong_kernels="dense/1",
                    kernel_mode="wrap16",
                    wrong_outputs_pct_if_sat16=3.5,
                )
            ]
        },
        "Keep -128 out of the weights",
    ),
    "saturates_elsewhere": ({"metrics": [ELSEWHERE]}, "without VNNI"),
    "clipping": ({"ledger": replace(LEDGER, tensors=(CLIPPED,))}, "3.0 % of the values of x"),
    "outliers": ({"ledger": replace(LEDGER, tensors=(NOISY,))}, "percentile"),
    "not_finite": ({"metrics": [metric("numerics_nonfinite_count", 7.0, first="relu")]}, "relu"),
    "diverges_from_baseline": (
        {"ledger": replace(LEDGER, divergences=(Divergence("fc1", 8.0, 30.0, "baseline"),))},
        "at fc1: 8 dB",
    ),
    "fp16_headroom": (
        {"recipe": "fp16", "metrics": [metric("fp16_headroom_log2", 0.5, tensor="logits")]},
        "logits comes within 1.4 times",
    ),
    "int32": (
        {"ledger": replace(LEDGER, operators=(replace(PRODUCT, int32_safe=False),))},
        "32 bits",
    ),
    "unchecked": (
        {"ledger": replace(LEDGER, operators=(PRODUCT, *[UNKNOWN] * 2))},
        "would not be seen: QLinearSoftmax (2).",
    ),
    "kernels_differ": (
        {"ledger": replace(LEDGER, twin_elements=200, twin_differing=50, twin_steps=3.0)},
        "up to 3 output steps from what the runtime's own reference kernels answer; 25 % of them",
    ),
    "float_fallback": (
        {
            "metrics": [metric("int_coverage", 0.4)],
            "ledger": replace(LEDGER, operators=(PRODUCT, STAYED)),
        },
        "Put the zero point",
    ),
    "conversions": (
        {"profile": profile(time("QLinearConv", 500.0), time("QuantizeLinear", 500.0))},
        "50 % of its operators' time",
    ),
    "casts": (
        {"recipe": "fp16", "profile": profile(time("Conv", 500.0), time("Cast", 500.0))},
        "has no kernels of that type",
    ),
    "computed_in_fp32": (
        {"recipe": "fp16", "profile": profile(time("Conv", 900.0, "f32[1,3]"))},
        "saves size and no time",
    ),
    "slow_kernels": (
        {"profile": profile(time("ConvInteger", 9_000.0)), "baseline_profile": BASELINE},
        "int8-static",
    ),
    "little_to_gain": (
        {
            "profile": profile(time("QLinearConv", 90.0), time("Softmax", 900.0)),
            "baseline_profile": profile(time("Conv", 300.0), time("Softmax", 900.0)),
        },
        "more than 1.3 times faster",
    ),
}


@pytest.mark.parametrize("code", CASES)
def test_a_finding_follows_from_its_evidence(code: str) -> None:
    changes, words = CASES[code]
    found = explain(subject(**changes))
    (finding,) = (one for one in found.findings if one.code == code)
    said = " ".join((finding.what, *finding.change))
    assert words in said
    page = explanation_text(found, "digits-cnn")
    assert max(map(len, page.splitlines())) <= 100


@pytest.mark.parametrize(
    ("recipe", "words"), [("fp16", "bf16"), ("int8-static-u8s8-pc", "to zero"), ("custom", None)]
)
def test_what_makes_numbers_of_infinities_is_said_of_the_format(
    recipe: str, words: str | None
) -> None:
    one = metric("numerics_nonfinite_count", 1.0)
    (found,) = explain(subject(recipe=recipe, metrics=[one])).findings
    assert found.what == "1 value is NaN or infinite."
    assert found.change == () if words is None else words in found.change[0]


@pytest.mark.parametrize(
    ("count", "end"), [(1, "range."), (2, "of 1 more tensor."), (3, "of 2 more tensors.")]
)
def test_other_tensors_that_clip_are_counted(count: int, end: str) -> None:
    ledger = replace(LEDGER, tensors=(CLIPPED,) * count)
    (found,) = explain(subject(ledger=ledger)).findings
    assert found.what.endswith(end)


def test_without_evidence_nothing_is_advised() -> None:
    found = explain(subject(baseline_profile=BASELINE))
    assert found.findings == ()
    assert "Nothing is wrong" in explanation_text(found, "digits-cnn")


@pytest.mark.parametrize("code", CASES)
def test_evidence_of_one_kind_brings_no_finding_of_another(code: str) -> None:
    found = explain(subject(**CASES[code][0]))
    assert [one.code for one in found.findings] == [code]


def test_the_gravest_comes_first() -> None:
    changes = CASES["saturating"][0] | CASES["conversions"][0]
    severities = [one.severity for one in explain(subject(**changes)).findings]
    assert severities == sorted(severities, key=["wrong", "slow", "note"].index)
    assert severities[0] == "wrong"


def test_what_is_faster_is_not_called_slow() -> None:
    faster = MetricValue("latency_ratio", 0.5, verdict="FASTER")
    changes = CASES["conversions"][0] | {"metrics": [faster]}
    assert [one.severity for one in explain(subject(**changes)).findings] == ["note"]


def test_what_was_not_looked_at_is_said() -> None:
    found = explain(subject(profile=None, ledger=Ledger(0, why_not="Runtime fake shows nothing.")))
    assert "measure it again" in found.missing[0]
    assert "Runtime fake shows nothing." in found.missing[1]
    page = explanation_text(found, "title")
    assert "Nothing is wrong" not in page


def test_the_baseline_has_nothing_to_be_compared_with() -> None:
    found = explain(subject(recipe="fp32", is_baseline=True))
    assert "baseline" in found.headline


def test_the_worst_is_wrong_before_it_is_slow() -> None:
    def row(ratio: float, verdict: str, *flags: str) -> dict[str, MetricValue]:
        return {
            "latency_ratio": MetricValue("latency_ratio", ratio),
            "accuracy_delta_pp": MetricValue("accuracy_delta_pp", 0.0, verdict=verdict),
            "saturated_pct": MetricValue("saturated_pct", 0.0, flags=flags),
        }

    rows = {"slow": row(9.0, "PASS"), "lost": row(0.5, "FAIL"), "fine": row(0.4, "PASS")}
    assert worst_of(rows) == "lost"
    assert worst_of(rows | {"sat": row(0.3, "PASS", "saturating")}) == "sat"
    assert worst_of({name: rows[name] for name in ("slow", "fine")}) == "slow"
    assert worst_of({}) is None


@pytest.mark.parametrize(
    ("share", "words"), [(0.0, "0 %"), (1e-7, "<0.01 %"), (0.263, "26 %"), (1.0, "100 %")]
)
def test_shares_are_short(share: float, words: str) -> None:
    assert share_words(share) == words


def test_what_ran_eager_is_told_of_the_other_ways() -> None:
    ways = RuntimeOption("execution", ("aoti", "compiled"), "kernels made for the program")
    torch = RuntimeDescription("torch", "2", options=(ways,))
    words = other_ways(torch, "execution=eager, threads=1 | execution=eager")
    assert words == (
        "--session-option torch:execution=compiled or --session-option torch:execution=aoti:"
        " kernels made for the program"
    )
    (found,) = (one for one in explain(subject(other_ways=words)).findings if one.code == "eager")
    assert found.severity == NOTE
    assert words in found.change[0]
    for runtime, told in (
        (torch, "execution=compiled"),
        (replace(torch, options=()), "execution=eager"),
        (None, ""),
    ):
        assert other_ways(runtime, told) == ""
    assert "eager" not in {one.code for one in explain(subject()).findings}


def test_a_language_model_is_told_by_its_texts_and_misses_nothing() -> None:
    lost = MetricValue("perplexity_ratio", 1.031, 1.02, 1.042, verdict="FAIL")
    own = {"ttft_ns": MetricValue("ttft_ns", 1e6), "perplexity_ratio": lost}
    found = explain(ExplainedRun("int4-q4_0", own))
    assert found.headline.endswith("and perplexity +3.1 % [+2, +4.2] (FAIL).")
    assert found.missing == (
        "Time per operator and the overflow ledger are not taken of a language model.",
    )
    kept = {"perplexity_ratio": replace(lost, verdict="PASS")}
    assert worst_of({"lost": own, "kept": kept}) == "lost"
