"""What people type about the past, on a database file without a coordinator."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.history import Regression
from bitgauge.coordinator.decisions.asker import ITSELF
from bitgauge.coordinator.store.store import Store

from tests.labs.rooms.past import FAILED, judge, measure, ratio
from tests.labs.rooms.typed import Bitgauge
from tests.labs.store import SECOND_NS, Lab
from tests.labs.values import device

DAY_NS = 86_400 * SECOND_NS


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Twelve calm jobs on 2024-10-04, then one on another runtime that is worse, and confirmed."""
    monkeypatch.setenv("BITGAUGE_DB", str(tmp_path / "store.db"))
    lab = Lab(Store.open(tmp_path / "store.db"), now_ns=20_000 * DAY_NS)
    lab.register()
    lab.register(device("nano"))
    for number in range(12):
        measure(lab, wobble=0.002 * (number % 5 - 2))
        judge(lab)
    lab.wait(5 * 86_400)
    measure(
        lab,
        fingerprint="feed5678",
        stack=(StackItem("onnxruntime", "1.32"),),
        accuracy_delta_pp=FAILED,
        latency_ratio=ratio(0.6),
    )
    judge(lab)
    return lab


def printed(bitgauge: Bitgauge, *arguments: str, code: int = 0) -> str:
    shown = bitgauge(*arguments, code=code)
    assert max(map(len, shown.out.splitlines()), default=0) <= 100, shown.out
    return shown.out if code != 2 else shown.err


def confirm(lab: Lab) -> tuple[Regression, ...]:
    for one in lab.store.regressions(ended=False):
        if one.confirm_job_id in {job.job_id for job, _ in lab.store.queued()}:
            measure(
                lab,
                one.confirm_job_id,
                fingerprint="feed5678",
                accuracy_delta_pp=FAILED,
                latency_ratio=ratio(0.6),
            )
    return tuple(judge(lab))


def test_the_view_of_regressions_says_what_the_store_says(lab: Lab, tmp_path: Path) -> None:
    confirm(lab)
    connection = sqlite3.connect(tmp_path / "store.db")
    connection.row_factory = sqlite3.Row
    shown = {row["regression_id"]: row for row in connection.execute("SELECT * FROM v_regressions")}
    known = lab.store.regressions(ended=True)
    assert {one.regression_id for one in known} == set(shown) != set()
    for one in known:
        row = shown[one.regression_id]
        assert (row["state"], row["signal"], row["metric"]) == (one.state, one.signal, one.metric)
        assert (row["model_name"], row["recipe"]) == (one.row.model_name, one.row.recipe)
        assert (row["device_name"], row["batch"]) == (one.row.device_name, one.row.workload.batch)
        assert (row["usual_value"], row["found_value"]) == (one.before.value, one.after.value)
        assert (row["bound_value"], row["sentence"]) == (one.bound, one.sentence)
        assert [each["name"] for each in json.loads(row["changes"])] == [
            each.name for each in one.changes
        ]
    connection.close()


def test_compare_says_what_changed_and_that_it_is_weaker(lab: Lab, bitgauge: Bitgauge) -> None:
    shown = printed(bitgauge, "compare", "2024-10-04", "2024-10-20", "--recipe", "int8-dynamic")
    assert "the table of 2024-10-04  ->  the table of 2024-10-20" in shown
    assert "weaker statement than a pair" in shown
    assert "digits_cnn int8-dynamic on rpi5, batch 1" in shown
    assert "onnxruntime 1.31 -> 1.32" in shown
    assert "more metrics" not in shown
    [line] = [one for one in shown.splitlines() if one.lstrip().startswith("latency_ratio")]
    assert line.split()[1] == "worse"
    assert line.endswith("+20.2 % [+18.6, +22.0]  0.499 [0.494, 0.504] -> 0.60 [0.59, 0.61]")
    [line] = [one for one in shown.splitlines() if one.lstrip().startswith("accuracy_delta_pp")]
    assert line.split()[1] == "worse"
    assert line.endswith("-0.2 [-0.6, +0.2] -> -3.0 [-3.4, -2.6]")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("rpi5@2024-10-04", "feed"),
        ("stack:stack-1", "stack:feed5678"),
        ("date:2024-10-04", "2024-11-01"),
    ],
)
def test_stacks_in_every_way_of_naming_them(
    lab: Lab, bitgauge: Bitgauge, before: str, after: str
) -> None:
    if before.startswith("stack:"):
        before = "rpi5@2024-10-05"  # `stack-1` is no hexadecimal beginning
    found = json.loads(
        printed(bitgauge, "compare", before, after, "--json", "--model", "digits_cnn")
    )
    assert [row["after"]["recipe"] for row in found["rows"]] == [
        "fp32",
        "int8-dynamic",
        "int4-wo-b32",
    ]
    names = {change["name"] for row in found["rows"] for change in row["changes"]}
    assert names == {"onnxruntime"}


def test_history_draws_values_marks_and_steps(lab: Lab, bitgauge: Bitgauge) -> None:
    for _ in range(4):
        measure(lab, fingerprint="feed5678", latency_ratio=ratio(0.6))
    shown = printed(bitgauge, "history", "--recipe", "int8-dynamic")
    lines = shown.splitlines()
    assert lines[0] == (
        "digits_cnn int8-dynamic on rpi5, batch 1, onnxruntime, profile quick: latency_ratio"
    )
    assert sum(".o" in line or "o." in line for line in lines) == 17
    assert "changed: onnxruntime 1.31 -> 1.32" in shown
    assert "step: 0.499 -> 0.60" in shown
    assert lines[-1].startswith("  worse, 0.499 to 0.60, from run ")
    assert "No row with a history matches." in printed(bitgauge, "history", "--model", "nobody")
    few = printed(bitgauge, "history", "--recipe", "int8-dynamic", "--device", "nano")
    assert few == "No row with a history matches.\n"


def test_history_says_no_action_below_ten_values(lab: Lab, bitgauge: Bitgauge) -> None:
    for _ in range(6):
        measure(lab, on="nano")
    shown = printed(bitgauge, "history", "--recipe", "int8-dynamic", "--device", "nano")
    assert shown.splitlines()[-1] == "  no action, 6 values of 10"


def test_regressions_fail_ci_only_once_confirmed(lab: Lab, bitgauge: Bitgauge) -> None:
    shown = printed(bitgauge, "regressions", "--fail-on", "confirmed")
    flat = " ".join(shown.split())
    assert "  new  verdict  2024-10-09" in shown
    assert "accuracy_delta_pp -3.0 [-3.4, -2.6] FAIL, where it was -0.2 [-0.6, +0.2] PASS" in flat
    assert "came with it: onnxruntime 1.31 -> 1.32" in shown
    assert "measured once more by job" in shown
    printed(bitgauge, "regressions", "--fail-on", "new", code=1)
    assert "confirmed" in {one.state for one in confirm(lab)}
    shown = printed(bitgauge, "regressions", "--fail-on", "confirmed", code=1)
    assert "alert: waits for a webhook" in shown
    for one in lab.store.regressions(ended=False):
        if one.state in ("new", "confirmed") and one.note is None:
            open_now = {left.regression_id for left in lab.store.regressions(ended=False)}
            if one.regression_id in open_now:
                lab.store.explain(one.regression_id, "accepted", lab.now_ns, ITSELF)
    assert printed(bitgauge, "regressions") == "Nothing became worse that is known.\n"
    assert "accepted: accepted" in printed(bitgauge, "regressions", "--all", "--fail-on", "new")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["compare", "rpi5", "2024-10-04"], "only two of a kind can be compared"),
        (["compare", "int9", "rpi5"], "'int9' is no run, stack"),
        (["compare", "2024-10-99", "2024-10-04"], "'2024-10-99' is no date"),
        (["history", "--metric", "latency_ratoi"], "did you mean latency_ratio?"),
        (["history", "--run", "nobody"], "There is no run nobody."),
        (["regressions", "--fail-on", "confirmd"], "did you mean confirmed?"),
        (["history", "annotate", "x", "--note", "why"], "needs a coordinator"),
        (["history", "annotate", "x"], "Missing option '--note'"),
    ],
)
def test_a_mistake_is_one_sentence(
    lab: Lab, bitgauge: Bitgauge, arguments: list[str], says: str
) -> None:
    shown = printed(bitgauge, *arguments, code=2)
    assert says in shown
    assert shown.count("\n") == 1


def test_help_has_examples(bitgauge: Bitgauge) -> None:
    assert "Example: bitgauge history" in bitgauge("history", "--help").out
    assert "Example: bitgauge history annotate" in bitgauge("history", "annotate", "--help").out
