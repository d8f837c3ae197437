"""What a campaign changed, with the change of stack beside it."""

from __future__ import annotations

import random
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from bitgauge.benchmarks.refresh.diff import KINDS, difference, differences
from bitgauge.benchmarks.vocabulary.enums import CampaignState, CellState
from bitgauge.benchmarks.vocabulary.values.campaigns import CampaignJob, CampaignView
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.rows import StackChange, TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.cli.refresh import exit_code
from bitgauge.coordinator.cli.text.junit import BAD, junit_xml
from bitgauge.coordinator.cli.text.refresh import diff_markdown, diff_text

from tests.labs.refresh import NOW_NS, S, device, row_of, targets, with_metric

TARGET = next(one for one in targets(device("here")) if one.recipe == "int8-dynamic")
ROW = row_of(TARGET, run_id="old")
NEXT = replace(ROW, run_id="new")
STACKS = {
    "old": (StackItem("onnxruntime", "1.30"), StackItem("kernel_release", "6.1")),
    "new": (StackItem("onnxruntime", "1.31"), StackItem("kernel_release", "6.1")),
}


def accuracy(value: float, verdict: str) -> MetricValue:
    return MetricValue("accuracy_delta_pp", value, value - 0.2, value + 0.2, verdict=verdict)


def latency(value: float) -> MetricValue:
    return MetricValue("latency_ratio", value, value * 0.98, value * 1.02, verdict="FASTER")


def state(row: TableRow, state: CellState) -> TableRow:
    return replace(row, state=state, metrics=(), reason="because")


def ratio(key: str, value: float, *flags: str) -> TableRow:
    own = MetricValue(key, value, value * 0.98, value * 1.02)
    return replace(with_metric(NEXT, own), flags=flags)


WORSE = with_metric(NEXT, accuracy(-3.0, "FAIL"))


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (None, NEXT, "new"),
        (state(ROW, CellState.FAILED), NEXT, "new"),
        (ROW, NEXT, "same"),
        (ROW, state(NEXT, CellState.FAILED), "lost"),
        (ROW, state(NEXT, CellState.UNSUPPORTED), "lost"),
        (None, state(NEXT, CellState.FAILED), "failed"),
        (None, state(NEXT, CellState.UNSUPPORTED), "unsupported"),
        (state(ROW, CellState.UNSUPPORTED), state(NEXT, CellState.UNSUPPORTED), "same"),
        (ROW, WORSE, "regressed"),
        (with_metric(ROW, accuracy(-3.0, "FAIL")), NEXT, "improved"),
        (ROW, with_metric(NEXT, latency(0.7)), "regressed"),
        (ROW, with_metric(NEXT, latency(0.4)), "improved"),
        (ROW, replace(with_metric(NEXT, latency(0.7)), flags=("preliminary",)), "same"),
        (ROW, replace(with_metric(NEXT, latency(0.7)), flags=("suspect",)), "verdict"),
        (ratio("energy_ratio", 0.5), ratio("energy_ratio", 0.7), "regressed"),
        (ratio("energy_ratio", 0.5), ratio("energy_ratio", 0.7, "suspect"), "verdict"),
        (ratio("energy_ratio", 0.5, "suspect"), ratio("energy_ratio", 0.7, "suspect"), "same"),
        (ratio("energy_ratio", 0.5), ratio("energy_ratio", 0.7, "preliminary"), "same"),
        (ratio("peak_memory_ratio", 0.5), ratio("peak_memory_ratio", 0.7), "regressed"),
        (ratio("peak_memory_ratio", 0.5), ratio("peak_memory_ratio", 0.7, "suspect"), "verdict"),
        (ratio("peak_memory_ratio", 0.5), ratio("peak_memory_ratio", 0.7, "preliminary"), "same"),
        (ratio("size_ratio", 0.5), ratio("size_ratio", 0.7, "preliminary", "suspect"), "regressed"),
        (ROW, replace(WORSE, flags=("preliminary",)), "regressed"),
        (ROW, replace(NEXT, kernel_mode="sat16"), "verdict"),
        (ROW, replace(NEXT, flags=("saturating",)), "regressed"),
        (ROW, with_metric(NEXT, MetricValue("nonfinite_count", 2.0)), "regressed"),
    ],
)
def test_kinds(before: TableRow | None, after: TableRow, kind: str) -> None:
    found = difference(before, after, STACKS)
    assert found.kind == kind
    assert found.kind in KINDS


def test_of_a_suspect_job_no_time_is_called_worse() -> None:
    slow = with_metric(NEXT, latency(0.7))
    assert "latency_ratio 0.5 -> 0.7, regressed" in diff_text([difference(ROW, slow, STACKS)])
    found = difference(ROW, replace(slow, flags=("suspect",)), STACKS)
    assert "latency_ratio 0.5" not in diff_text([found])
    (change,) = (one for one in found.metrics if one.key == "latency_ratio")
    assert (change.verdict, change.reason) == ("unknown", "suspect")


def test_the_memory_of_a_suspect_job_is_shown_and_decides_nothing() -> None:
    """A peak of memory is what it is at any pace; a campaign takes no suspect run for ground."""
    found = difference(
        ratio("peak_memory_ratio", 0.5, "suspect"),
        ratio("peak_memory_ratio", 0.7, "suspect"),
        STACKS,
    )
    assert found.kind == "same"
    (change,) = (one for one in found.metrics if one.key == "peak_memory_ratio")
    assert (change.verdict, change.reason) == ("regressed", None)


def test_the_change_of_stack_stands_beside() -> None:
    before = replace(ROW, toolchain="tool 1", measuring_version=1)
    after = replace(NEXT, toolchain="tool 2", measuring_version=2)
    assert difference(before, after, STACKS).stack == (
        StackChange("onnxruntime", "1.30", "1.31"),
        StackChange("toolchain", "tool 1", "tool 2"),
        StackChange("measuring_version", "1", "2"),
    )
    text = diff_text([difference(ROW, WORSE, STACKS)])
    assert "with onnxruntime 1.30 -> 1.31" in text
    assert "gate passed -> failed" in text
    assert "1 regressed" in text
    assert difference(ROW, NEXT, {}).stack == ()


def test_rows_in_any_order_give_the_same_diff() -> None:
    found = targets(device("here"), device("there"))
    before = [row_of(target, run_id="old") for target in found[::2]]
    after = [row_of(target, run_id="new") for target in found]
    first = differences(before, after, STACKS)
    for seed in range(5):
        draw = random.Random(seed)
        assert (
            differences(draw.sample(before, len(before)), draw.sample(after, len(after)), STACKS)
            == first
        )
    assert [change.kind for change in first] == sorted((c.kind for c in first), key=KINDS.index)


def view(
    *rows: tuple[TableRow | None, TableRow], jobs: tuple[CampaignJob, ...] = ()
) -> CampaignView:
    return CampaignView(
        campaign_id="c",
        name="a | b",
        state=CampaignState.FINISHED,
        created_unix_ns=NOW_NS,
        ended_unix_ns=NOW_NS + 90 * S,
        jobs=jobs,
        diff=tuple(difference(before, after, STACKS) for before, after in rows),
    )


BROKEN = CampaignJob(0, "here", "one\x00", Workload(), "refused", 3, reason="No registered device.")
EVERY = view(
    (None, NEXT),
    (ROW, WORSE),
    (ROW, state(NEXT, CellState.FAILED)),
    (None, state(NEXT, CellState.UNSUPPORTED)),
    jobs=(BROKEN,),
)


def test_junit_counts_what_it_holds() -> None:
    top = ElementTree.fromstring(junit_xml(EVERY))
    assert top.tag == "testsuites"
    suite = top[0]
    counted = {
        name: int(suite.get(name, "")) for name in ("tests", "failures", "errors", "skipped")
    }
    assert counted == {"tests": 5, "failures": 2, "errors": 1, "skipped": 1}
    assert float(suite.get("time", "")) == 90
    assert suite.get("name") == "bitgauge refresh a | b"
    for case in suite:
        assert case.tag == "testcase"
        assert case.get("classname")
        assert case.get("name")
        assert next(child.tag for child in case) in ("failure", "error", "skipped", "system-out")
    regressed, refused = suite.find("./testcase/failure"), suite.find("./testcase/error")
    assert regressed is not None
    assert refused is not None
    assert regressed.get("type") in BAD
    assert regressed.get("message")
    assert refused.get("message") == "No registered device."
    assert suite[-1].get("classname") == r"one\x00.here"
    assert len(ElementTree.fromstring(junit_xml(EVERY, ())).findall(".//failure")) == 0


def test_what_xml_gives_a_meaning_arrives_as_it_was() -> None:
    odd = replace(BROKEN, model_name="a<&\"'>b", reason='one\ntwo\t<&">\ud800\u20ac')
    (case,) = ElementTree.fromstring(junit_xml(view(jobs=(odd,))))[0]
    assert case.get("classname") == "a<&\"'>b.here"
    # What nobody can see is shown as its escape: a reader of reports is a terminal, too.
    assert case[0].get("message") == r'one\x0atwo\x09<&">\ud800' + "\u20ac"


def test_markdown_keeps_its_columns() -> None:
    lines = diff_markdown(EVERY).splitlines()
    assert lines[0] == "### Refresh a \\| b: finished"
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + len(EVERY.diff) + 1
    assert {line.replace("\\|", "").count("|") for line in table} == {8}


@pytest.mark.parametrize(
    ("found", "kinds", "code"),
    [
        (view((None, NEXT), (ROW, NEXT)), BAD, 0),
        (view(), BAD, 0),
        (view((ROW, WORSE)), BAD, 1),
        (view((ROW, WORSE)), (), 0),
        (view((ROW, state(NEXT, CellState.FAILED))), BAD, 1),
        (view((None, state(NEXT, CellState.UNSUPPORTED))), BAD, 0),
        (view(jobs=(BROKEN,)), BAD, 3),
        (replace(view(), state=CampaignState.CANCELLED), BAD, 3),
    ],
)
def test_exit_codes(found: CampaignView, kinds: tuple[str, ...], code: int) -> None:
    assert exit_code(found, kinds) == code


@pytest.mark.parametrize("definition", [1, 2])
def test_a_new_definition_of_a_metric_is_no_change(definition: int) -> None:
    slow = replace(latency(0.7), verdict="SLOWER", definition=definition)
    found = difference(ROW, with_metric(NEXT, slow), STACKS)
    assert found.kind == ("regressed" if definition == 1 else "same")
    assert bool(found.verdicts) is (definition == 1)
    (change,) = (one for one in found.metrics if one.key == "latency_ratio")
    assert change.reason == (None if definition == 1 else "other_definition")
