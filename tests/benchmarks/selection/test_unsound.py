"""Models whose baseline means nothing: no verdict, chosen for nothing, and said so once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.analysis.analyse import analyse
from bitgauge.benchmarks.quality.accuracy import score
from bitgauge.benchmarks.quality.baseline import observe
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.quality import quality_raw, with_baseline
from bitgauge.benchmarks.samples import Ints
from bitgauge.benchmarks.selection.select import select
from bitgauge.benchmarks.table.gate import default_gate
from bitgauge.benchmarks.table.rows import deciding_row, numbered
from bitgauge.benchmarks.vocabulary.enums import HardwareClass, ModelClass, PassName, RawRole
from bitgauge.benchmarks.vocabulary.values.choices import SelectQuery
from bitgauge.benchmarks.vocabulary.values.rows import TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.cli.text.choice import choice_text
from bitgauge.coordinator.cli.text.rows import table_text

from tests.labs import values
from tests.labs.values import BASELINE, CANDIDATE

QUERY = SelectQuery(ModelClass.CNN, HardwareClass.CPU_ONLY, max_accuracy_loss_pp=1.0)
FASTER = MetricValue("latency_ratio", 0.5, 0.48, 0.52, verdict="FASTER")
RNG = np.random.default_rng(40)
LABELS: Ints = np.arange(400) % 11
LOGITS = (4 * np.eye(11)[LABELS] + RNG.normal(0, 0.3, (400, 11))).astype(np.float32)
Outputs = npt.NDArray[np.float32]


def raw(
    outputs: Outputs, labels: Ints | None, recipe: str, again: Outputs | None = None
) -> RawFile:
    """The quality pass of an artifact that answers all but as the baseline does."""
    baseline = recipe == "fp32"
    place = values.origin(
        PassName.QUALITY,
        RawRole.BOTH,
        recipe=recipe,
        artifacts=(BASELINE.sha256,) if baseline else (BASELINE.sha256, CANDIDATE.sha256),
    )
    samples = score(outputs, None if baseline else outputs * 1.001, labels, None)
    observed = observe(outputs, outputs[:32] if again is None else again, ranked=True)
    return with_baseline(quality_raw(place, samples), observed)


def row(found: RawFile, recipe: str, **changes: object) -> TableRow:
    """What the table shows of a run that was faster."""
    baseline = recipe == "fp32"
    facts = values.facts(
        recipe=recipe, candidate=BASELINE if baseline else CANDIDATE, is_baseline=baseline
    )
    metrics = {metric.key: metric for metric in analyse([found], facts)}
    if not baseline:
        metrics["latency_ratio"] = FASTER
    shown = numbered(values.row(recipe, measured_unix_ns=1, **changes), tuple(metrics.values()))
    return deciding_row(shown)


def rows(
    outputs: Outputs, labels: Ints | None, again: Outputs | None = None, **changes: object
) -> list[TableRow]:
    """A baseline and two recipes."""
    return [
        row(raw(outputs, labels, recipe, again), recipe, **changes)
        for recipe in ("fp32", "int8-dynamic", "int4-wo-b32")
    ]


def reasons(those: Iterable[TableRow]) -> set[str | None]:
    return {one.metric("accuracy_delta_pp").reason for one in those}


def test_a_sound_baseline_has_verdicts_and_an_answer() -> None:
    those = rows(LOGITS, LABELS)
    assert reasons(those) == {"baseline", None}
    assert select(QUERY, those).outcome in ("format", "tie")


def test_labels_that_count_from_one_choose_nothing() -> None:
    those = rows(LOGITS, (LABELS + 1) % 11)
    assert reasons(those) == {"baseline_at_chance"}
    for one in those[1:]:
        assert one.metric("accuracy_pct").value == 0
        assert one.metric("latency_ratio").verdict == "FASTER"
        for key in ("accuracy_delta_pp", "flips_pct", "kl_mean"):
            assert (one.metric(key).value, one.metric(key).verdict) == (None, None)
    assert {default_gate(one) for one in those} == {"manual_review"}
    choice = select(QUERY, those)
    assert (choice.outcome, choice.recipe) == ("unsound_baseline", "fp32")
    assert choice.sentence == (
        "Nothing is chosen for cnn on cpu_only at batch 1 with 1 thread: digits-cnn: the baseline"
        " is no better than chance on the evaluation set: right in 0.0 % of 400 samples, one"
        " answer for all of them in 9.2 %."
    )
    said = choice_text(choice, explain=True)
    assert said.count("right in 0.0 %") == 1
    assert "check that the labels count as the model's classes do" in said
    assert select(replace(QUERY, max_accuracy_loss_pp=None), those).outcome == choice.outcome


def test_the_table_says_it_once_and_shows_latency() -> None:
    said = " ".join(table_text(rows(LOGITS, (LABELS + 1) % 11)).split())
    assert said.count("no better than chance") == 1
    assert "right in 0.0 % of 400 samples, one answer for all of them in 9.2 %): every" in said
    assert "FASTER" in said
    assert "PASS" not in said


def test_noise_in_the_model_is_said() -> None:
    again = LOGITS[:32] + RNG.normal(0, 0.5, (32, 11)).astype(np.float32)
    choice = select(QUERY, rows(LOGITS, LABELS, again))
    assert choice.outcome == "unsound_baseline"
    assert "does not repeat itself: there is noise in the model: the same samples" in (
        choice.sentence
    )


def test_values_that_are_no_numbers_are_named_before_all_else() -> None:
    bad = LOGITS.copy()
    bad[:, 0] = np.nan
    those = rows(bad, LABELS)
    assert reasons(those) == {"baseline_nonfinite"}
    (broken,) = {
        item.value for item in those[1].metric("accuracy_delta_pp").detail if item.name == "broken"
    }
    assert broken.split() == ["baseline_nonfinite", "baseline_at_chance"]
    assert "400 of 400 samples" in select(QUERY, those).sentence


def test_constant_weights_say_nothing_without_labels_too() -> None:
    tied = np.repeat(LOGITS.sum(axis=1, keepdims=True), 11, axis=1)
    constant = np.full((400, 11), 1 / 11, np.float32)
    assert reasons(rows(tied, None)) == {"baseline_tied"}
    assert reasons(rows(constant, None)) == {"baseline_constant"}
    assert reasons(rows(constant, LABELS)) == {"baseline_constant"}
    assert select(QUERY, rows(tied, None)).outcome == "unsound_baseline"


def test_other_models_of_the_class_still_answer() -> None:
    sound = rows(LOGITS, LABELS, model_name="good")
    choice = select(QUERY, [*sound, *rows(LOGITS, (LABELS + 1) % 11, model_name="shifted")])
    alone = select(QUERY, sound)
    assert (choice.outcome, choice.recipe) == (alone.outcome, alone.recipe)
    assert "; without shifted, of which the baseline is not sound)." in choice.sentence
    assert any(one.startswith("left out, shifted: the baseline is no") for one in choice.warnings)


def test_on_another_device_a_model_may_be_sound() -> None:
    there = rows(LOGITS, LABELS, device_id="device-2", device_name="rpi5")
    choice = select(QUERY, [*rows(np.full_like(LOGITS, np.nan), LABELS), *there])
    assert choice.outcome in ("format", "tie")
    assert "without digits-cnn on here with onnxruntime, of which" in choice.sentence


def test_a_later_run_with_the_right_labels_is_the_one_that_counts() -> None:
    old = rows(LOGITS, (LABELS + 1) % 11)
    new = [replace(one, measured_unix_ns=2) for one in rows(LOGITS, LABELS)[:2]]
    choice = select(replace(QUERY, max_accuracy_loss_pp=None), [old[2], *new])
    assert (choice.outcome, choice.recipe) == ("format", "int8-dynamic")
    (left,) = (one for one in choice.candidates if one.recipe == "int4-wo-b32")
    assert not left.eligible
    assert "no better than chance" in left.reasons[0]


def test_too_few_samples_are_a_flag_and_no_block() -> None:
    few = slice(0, 6)
    labels = np.array([0, 0, 0, 0, 1, 2])
    found = row(
        raw(4 * np.eye(11, dtype=np.float32)[labels], labels, "int8-dynamic"), "int8-dynamic"
    )
    assert len(LABELS[few]) == 6
    assert found.unsound is None
    assert "baseline_untold" in found.flags
    assert found.metric("accuracy_delta_pp").verdict == "UNDECIDED"


def test_files_from_before_say_what_they_know() -> None:
    found = raw(LOGITS, LABELS, "int8-dynamic")
    old = RawFile(
        found.meta,
        {
            k: v
            for k, v in found.arrays.items()
            if k[4:] not in ("magnitude", "lead", "apart", "again")
        },
    )
    facts = values.facts()
    assert len(old.arrays) == len(found.arrays) - 4
    assert repr(analyse([old], facts)) == repr(analyse([found], facts))
