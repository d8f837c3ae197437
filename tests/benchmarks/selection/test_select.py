from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from bitgauge.benchmarks.selection.select import select
from bitgauge.benchmarks.vocabulary.enums import (
    CellState,
    HardwareClass,
    ModelClass,
    Objective,
    Profile,
    Realness,
)
from bitgauge.benchmarks.vocabulary.values.choices import Choice, SelectQuery
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.rows import StackChange
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.labs.rooms.choices import row

CHANGED = StackChange("kernel_release", "6.1", "6.2")
QUERY = SelectQuery(ModelClass.CNN, HardwareClass.CPU_ONLY, max_accuracy_loss_pp=1.0)


FP32 = row("fp32", size=1.0, p50_ns=200_000, memory=1.0)


def candidate_reasons(choice: Choice, recipe: str) -> str:
    return " | ".join(next(c.reasons for c in choice.candidates if c.recipe == recipe))


def test_ships_the_fastest_that_keeps_accuracy() -> None:
    choice = select(
        QUERY,
        [
            FP32,
            row("int8-static-u8u8-pc"),
            row("int8-static-u8s8-pc", latency=(0.3, 0.29, 0.31), accuracy=(-3.0, -4.1, -2.1)),
            row("fp16", latency=(1.4, 1.3, 1.5), verdict="SLOWER", size=0.5),
        ],
    )
    assert choice.outcome == "format"
    assert choice.recipe == "int8-static-u8u8-pc"
    assert "2.00x faster [1.92, 2.08]" in choice.sentence
    assert "3.85x smaller" in choice.sentence
    assert "accuracy -0.1 points [-0.6, +0.4]" in choice.sentence
    assert "loses 3.0 points" in candidate_reasons(choice, "int8-static-u8s8-pc")
    chosen = next(c for c in choice.candidates if c.recipe == choice.recipe)
    assert chosen.eligible
    assert chosen.run_ids == ("run-int8-static-u8u8-pc",)


def test_keeps_fp32_when_nothing_is_faster_and_names_the_smaller() -> None:
    choice = select(QUERY, [FP32, row("int8-dynamic", latency=(1.0, 0.99, 1.01), verdict="SAME")])
    assert (choice.outcome, choice.recipe) == ("keep_fp32", "fp32")
    assert "--objective size" in choice.sentence


def test_smaller_is_enough_when_size_is_asked_for() -> None:
    rows = [FP32, row("int8-dynamic", latency=(1.2, 1.1, 1.3), verdict="SLOWER")]
    by_objective = select(replace(QUERY, objective=Objective.SIZE), rows)
    by_limit = select(replace(QUERY, max_size_ratio=0.5), rows)
    by_bytes = select(replace(QUERY, max_size_bytes=200_000), rows)
    assert {c.recipe for c in (by_objective, by_limit, by_bytes)} == {"int8-dynamic"}
    assert "1.20x slower" in by_limit.sentence
    assert "more than the 0.50 allowed" in candidate_reasons(by_limit, "fp32")
    assert "391 KiB large" in candidate_reasons(by_bytes, "fp32")


def test_tie_names_both_and_prefers_the_smaller() -> None:
    choice = select(
        QUERY,
        [
            FP32,
            row("int8-dynamic", latency=(0.5, 0.45, 0.55), size=0.30),
            row("int4-wo-b32", latency=(0.501, 0.45, 0.552), size=0.15),
            row("fp16", latency=(0.9, 0.88, 0.92), size=0.5),
        ],
    )
    assert (choice.outcome, choice.recipe) == ("tie", "int4-wo-b32")
    assert choice.alternatives == ("int8-dynamic",)
    assert (
        "no difference of 2 % or more in latency from int8-dynamic; the smaller" in choice.sentence
    )


def test_where_one_is_likelier_the_best_it_is_named_first_and_still_a_tie() -> None:
    rows = [
        FP32,
        row("int8-dynamic", latency=(0.5, 0.45, 0.55), size=0.30),
        row("int4-wo-b32", latency=(0.53, 0.47, 0.59), size=0.15),
    ]
    choice = select(QUERY, rows)
    assert (choice.outcome, choice.recipe) == ("tie", "int8-dynamic")
    assert choice.alternatives == ("int4-wo-b32",)
    assert "the one with the least expected regret is named first" in choice.sentence
    standing = {one.recipe: one for one in choice.candidates}
    assert 0.6 < (standing["int8-dynamic"].p_best or 0) < 0.95
    assert (standing["int4-wo-b32"].regret or 0) > 0.02
    # The smaller one is on the front all the same: nothing dominates it.
    assert choice.front == ("int4-wo-b32", "int8-dynamic")


def test_of_several_with_the_least_regret_none_is_called_the_one() -> None:
    rows = [
        FP32,
        row("int8-dynamic", latency=(0.500, 0.45, 0.55), size=0.30),
        row("int8-static-u8u8-pt", latency=(0.502, 0.45, 0.554), size=0.25),
        row("int4-wo-b32", latency=(0.52, 0.42, 0.62), size=0.15),
    ]
    choice = select(QUERY, rows)
    assert (choice.outcome, choice.recipe) == ("tie", "int8-static-u8u8-pt")
    assert set(choice.alternatives) == {"int8-dynamic", "int4-wo-b32"}
    assert "one of those with the least expected regret is named first" in choice.sentence


def test_a_difference_below_two_percent_is_a_tie_in_latency_only() -> None:
    rows = [
        FP32,
        row("int8-dynamic", latency=(0.380, 0.379, 0.381), size=0.27),
        row("int4-wo-b32", latency=(0.387, 0.386, 0.388), size=0.16),
        row("fp16", latency=(0.400, 0.399, 0.401), size=0.10),
    ]
    choice = select(QUERY, rows)
    assert (choice.recipe, choice.alternatives) == ("int4-wo-b32", ("int8-dynamic",))
    by_size = select(replace(QUERY, objective=Objective.SIZE), rows)
    assert (by_size.outcome, by_size.recipe) == ("format", "fp16")
    equal = select(
        replace(QUERY, objective=Objective.SIZE), [FP32, rows[1], row("fp16", size=0.27)]
    )
    assert (equal.outcome, equal.alternatives) == ("tie", ("int8-dynamic",))
    assert "no difference in size from int8-dynamic; they are of one size" in equal.sentence


def test_undecided_accuracy_says_how_many_samples() -> None:
    choice = select(QUERY, [FP32, row("int8-dynamic", accuracy=(-0.5, -1.5, 0.5))])
    assert (choice.outcome, choice.recipe) == ("undecided", "fp32")
    assert choice.alternatives == ("int8-dynamic",)
    assert "about 3560 would settle it" in candidate_reasons(choice, "int8-dynamic")
    assert choice.next_command is not None
    assert "--recipes int8-dynamic" in choice.next_command
    assert "--profile standard" in choice.next_command


def test_accuracy_at_the_limit_promises_no_samples() -> None:
    choice = select(QUERY, [FP32, row("int8-dynamic", accuracy=(-1.0, -1.5, -0.5))])
    assert "not below the limit" in candidate_reasons(choice, "int8-dynamic")
    near = select(QUERY, [FP32, row("int8-dynamic", accuracy=(-0.999, -1.5, -0.5))])
    assert "no practical number" in candidate_reasons(near, "int8-dynamic")


def test_one_sided_bounds_decide_when_present() -> None:
    bounds = (StackItem("one_sided_low_pp", "-0.9"), StackItem("one_sided_high_pp", "0.3"))
    int8 = row("int8-dynamic")
    metric = MetricValue("accuracy_delta_pp", -0.3, -1.1, 0.5, n=890, detail=bounds)
    int8 = replace(int8, metrics=(metric, *(m for m in int8.metrics if m.key != metric.key)))
    assert select(QUERY, [FP32, int8]).outcome == "format"
    broken = replace(metric, detail=(StackItem("one_sided_low_pp", "?"),))
    int8 = replace(int8, metrics=(broken, *int8.metrics[1:]))
    assert select(QUERY, [FP32, int8]).outcome == "undecided"


def test_undecided_speed_keeps_fp32_until_then() -> None:
    int8 = row("int8-dynamic", latency=(0.97, 0.9, 1.05), verdict="UNDECIDED")
    choice = select(QUERY, [FP32, int8])
    assert (choice.outcome, choice.recipe) == ("undecided", "fp32")
    assert "faster than fp32 is undecided" in choice.sentence


def test_latency_limit_uses_the_upper_end() -> None:
    rows = [FP32, row("int8-dynamic", p50_ns=100_000)]
    assert select(replace(QUERY, max_latency_ns=105_000), rows).outcome == "format"
    unsure = select(replace(QUERY, max_latency_ns=104_000), rows)
    assert unsure.outcome == "undecided"
    assert unsure.recipe == "int8-dynamic"  # fp32 is too slow for certain.
    assert "undecided against the 104 µs allowed" in candidate_reasons(unsure, "int8-dynamic")
    assert "more than the 104 µs allowed" in candidate_reasons(unsure, "fp32")
    nothing = select(replace(QUERY, max_latency_ns=10_000), rows)
    assert nothing.outcome == "none_meets"
    assert "neither does fp32" in nothing.sentence


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"max_latency_ns": 1e4}, "takes 100 µs [95.0 µs, 105 µs], more than the 10.0 µs allowed"),
        (
            {"max_latency_p99_ns": 1e4},
            "takes 300 µs [290 µs, 310 µs] at the 99th percentile, more than the 10.0 µs allowed",
        ),
        (
            {"min_throughput_per_s": 1e4},
            "does 900 1/s [890 1/s, 910 1/s], less than the 10000/s wanted",
        ),
        ({"max_size_bytes": 1000}, "is 102 KiB large, more than the 1000 B allowed"),
        ({"max_size_ratio": 0.01}, "has 0.26 of the baseline's size, more than the 0.010 allowed"),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else "",
)
def test_a_broken_limit_is_said_with_its_interval_where_there_is_noise(
    limit: dict[str, Any], said: str
) -> None:
    measured = (
        MetricValue("latency_p99_ns", 3e5, 2.9e5, 3.1e5),
        MetricValue("throughput_per_s", 900.0, 890.0, 910.0),
    )
    one = row("int8")
    one = replace(one, metrics=(*one.metrics, *measured))
    choice = select(replace(QUERY, **limit), [FP32, one])
    assert candidate_reasons(choice, "int8") == said


def test_null_under_a_constraint_is_listed_as_unknown() -> None:
    choice = select(QUERY, [FP32, row("int8-dynamic", accuracy=None)])
    assert choice.outcome == "undecided"
    assert candidate_reasons(choice, "int8-dynamic") == "the accuracy loss is unknown (failed)"
    memory = replace(QUERY, objective=Objective.MEMORY)
    choice = select(memory, [FP32, row("int8-dynamic", memory=None)])
    assert "peak memory ratio is unknown (the baseline needs" in candidate_reasons(
        choice, "int8-dynamic"
    )


def test_unsupported_and_failed_are_shown_and_never_chosen() -> None:
    rows = [
        FP32,
        row("int4-wo-b32", state=CellState.UNSUPPORTED, reason="no MatMul with weights."),
        row("int8-dynamic", state=CellState.FAILED, reason="crashed"),
        row("fp16", state=CellState.STALE, changes=(CHANGED,)),
    ]
    choice = select(QUERY, rows)
    assert candidate_reasons(choice, "int4-wo-b32") == "unsupported: no MatMul with weights"
    assert candidate_reasons(choice, "int8-dynamic") == "failed: crashed"
    # Stale figures count, and say so; under a limit on age they do not.
    assert choice.recipe == "fp16"
    assert "stale, kernel_release 6.1 -> 6.2 since it was measured: fp16" in choice.warnings
    fresh = select(replace(QUERY, max_age_s=60), rows, now_ns=2)
    assert "stale: kernel_release 6.1 -> 6.2" in candidate_reasons(fresh, "fp16")
    assert fresh.recipe == "fp32"


def test_nothing_measured_is_fp16_and_a_command() -> None:
    query = replace(QUERY, workload=Workload(batch=8, threads=2))
    choice = select(query, [FP32, row("int8-dynamic")])
    assert (choice.outcome, choice.recipe) == ("nothing_measured", "fp16")
    assert choice.sentence == (
        "Nothing was measured for cnn on cpu_only at batch 8 with 2 threads: fp16 is the"
        " conservative choice, not a measured one. Measured so far: batch 1 with 1 thread."
    )
    assert choice.next_command == (
        "bitgauge run --baseline MODEL.onnx --eval EVALUATION.npz --calibration CALIBRATION.npz"
        " --recipes all --model-class cnn --on class:cpu_only --batch 8 --threads 2"
    )
    assert select(QUERY, []).outcome == "nothing_measured"


def test_fp16_that_cannot_be_made_is_no_fallback() -> None:
    unsupported = row("fp16", state=CellState.UNSUPPORTED, reason="no float16 kernels")
    choice = select(QUERY, [unsupported])
    assert (choice.outcome, choice.recipe) == ("nothing_measured", "fp32")


def test_only_fp32_measured_says_what_to_run() -> None:
    choice = select(QUERY, [FP32])
    assert choice.outcome == "keep_fp32"
    assert "only fp32 was measured" in choice.sentence
    assert choice.next_command is not None


def test_outputs_that_are_no_numbers_reject() -> None:
    choice = select(replace(QUERY, max_accuracy_loss_pp=None), [FP32, row("fp16", nonfinite=7)])
    assert candidate_reasons(choice, "fp16") == "7 of its outputs are NaN or infinite"


def test_a_recipe_must_hold_on_every_model_and_shows_the_worst() -> None:
    rows = [
        FP32,
        replace(FP32, model_name="other"),
        row("int8-dynamic"),
        row("int8-dynamic", model_name="other", latency=(0.7, 0.68, 0.72)),
        row("fp16", latency=(0.2, 0.19, 0.21)),
    ]
    choice = select(QUERY, rows)
    assert choice.recipe == "int8-dynamic"
    assert "1.43x faster" in choice.sentence
    assert "worst of 2 models on 1 device" in choice.sentence
    assert candidate_reasons(choice, "fp16") == "other: it was not measured here"
    assert choice.warnings == ("fp16 may be better: other: it was not measured here",)
    one = select(replace(QUERY, model_name="digits"), rows)
    assert one.recipe == "fp16"
    assert one.sentence.startswith("Ship fp16 for digits (cnn) on cpu_only")


def test_open_recipe_that_looks_better_is_a_warning() -> None:
    rows = [
        FP32,
        row("int8-dynamic"),
        row("fp16", latency=(0.2, 0.19, 0.21), accuracy=(-0.5, -1.4, 0.2)),
    ]
    choice = select(QUERY, rows)
    assert choice.recipe == "int8-dynamic"
    assert any(w.startswith("fp16 may be better: may lose up to 1.4") for w in choice.warnings)


def test_preliminary_is_said() -> None:
    int8 = row("int8-dynamic", profile=Profile.QUICK, flags=("preliminary",))
    choice = select(QUERY, [FP32, int8])
    assert choice.outcome == "format"
    assert "(preliminary)" in choice.sentence
    assert choice.warnings == (
        "preliminary (profile quick, or less than the profile asks for: may gate accuracy alone):"
        " int8-dynamic",
    )


def test_the_more_thorough_profile_counts_and_old_baselines_do_not() -> None:
    quick = row("int8-dynamic", profile=Profile.QUICK, latency=(0.1, 0.09, 0.11))
    assert "2.00x faster" in select(QUERY, [FP32, quick, row("int8-dynamic")]).sentence
    old = row("fp16", latency=(0.1, 0.09, 0.11), baseline=Digest("0" * 64, 1), measured_unix_ns=0)
    choice = select(QUERY, [FP32, row("int8-dynamic"), old])
    assert choice.recipe == "int8-dynamic"
    assert "older baseline" in choice.warnings[0]


def test_devices_and_runtimes_are_named_when_there_are_several() -> None:
    rows = [
        FP32,
        row("int8-dynamic"),
        replace(FP32, device_id="device-2", device_name="rpi5", runtime="litert"),
    ]
    reasons = candidate_reasons(select(QUERY, rows), "int8-dynamic")
    assert reasons == "on rpi5 with litert: it was not measured here"


@pytest.mark.parametrize("realness", [Realness.EMULATED, Realness.SIMULATED])
def test_unreal_rows_answer_nothing(realness: Realness) -> None:
    assert select(QUERY, [replace(FP32, realness=realness)]).outcome == "nothing_measured"


# -- trust --------------------------------------------------------------------------------
def test_an_untrusted_recipe_is_chosen_with_a_warning() -> None:
    rows = [row("fp32"), row("int8-dynamic", flags=("untrusted",))]
    choice = select(QUERY, rows)
    assert (choice.outcome, choice.recipe) == ("format", "int8-dynamic")
    assert any(warning.startswith("untrusted (") for warning in choice.warnings)


def test_a_suspect_recipe_is_not_chosen_by_its_time() -> None:
    rows = [row("fp32", flags=("suspect",)), row("int8-dynamic", flags=("suspect",))]
    choice = select(QUERY, rows)
    assert choice.outcome == "undecided"
    assert "the device drifted while it was measured" in choice.sentence
    assert choice.next_command is not None
    by_size = select(replace(QUERY, objective=Objective.SIZE), rows)
    assert (by_size.outcome, by_size.recipe) == ("format", "int8-dynamic")
    assert any(warning.startswith("suspect (") for warning in by_size.warnings)
    limited = replace(QUERY, objective=Objective.SIZE, max_latency_ns=1e9)
    assert select(limited, rows).outcome == "undecided"


def test_saturating_kernels_are_not_shipped_unless_allowed() -> None:
    rows = (
        row("fp32"),
        row("int8-static-u8s8-pc", flags=("saturating",), latency=(0.4, 0.39, 0.41)),
        row("int8-static-u8u8-pt"),
    )
    choice = select(QUERY, rows)
    assert choice.recipe == "int8-static-u8u8-pt"
    (candidate,) = (one for one in choice.candidates if one.recipe == "int8-static-u8s8-pc")
    assert "its integer kernels saturate on that device" in candidate.reasons
    allowed = select(replace(QUERY, allow_saturating=True), rows)
    assert allowed.recipe == "int8-static-u8s8-pc"
    wrong = (rows[0], replace(rows[1], flags=("wrong_kernel",)), rows[2])
    never = select(replace(QUERY, allow_saturating=True), wrong)
    assert never.recipe == "int8-static-u8u8-pt"
    assert any("answers something else" in one for it in never.candidates for one in it.reasons)


def test_a_number_of_an_older_definition_is_not_held_against_newer_ones() -> None:
    fast = row("int8-static-u8u8-pc", latency=(0.3, 0.29, 0.31))
    found = [FP32, row("int8-dynamic"), fast]
    assert select(QUERY, found).recipe == "int8-static-u8u8-pc"
    anew = [
        replace(one, metrics=tuple(replace(metric, definition=2) for metric in one.metrics))
        for one in found[:2]
    ]
    choice = select(QUERY, [*anew, fast])
    assert choice.recipe == "int8-dynamic"
    assert "older definition" in candidate_reasons(choice, "int8-static-u8u8-pc")
