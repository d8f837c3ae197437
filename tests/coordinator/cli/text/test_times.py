"""Where a run's seconds went, in words; and the command that asks."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitgauge.benchmarks.raw.spent import Spent
from bitgauge.benchmarks.vocabulary.enums import Disposition, RunStatus
from bitgauge.benchmarks.vocabulary.values.runs import RunView
from bitgauge.coordinator.cli.app import run_command_line
from bitgauge.coordinator.cli.text.times import times_text

from tests.labs.stored_run import store_run

RUN = RunView(
    *("run-1", "job-1", 1, 2, Disposition.ACCEPTED, RunStatus.MEASURED, "id", "box", "fp16", ""),
    started_unix_ns=0,
    ended_unix_ns=20_000_000_000,
)


def test_each_pass_is_a_line_and_the_rest_is_between_launches() -> None:
    spent = (
        Spent("pair", "both", 1, {"start": 0.5, "load": 0.0, "measure": 6.0}),
        Spent("absolute", "candidate", 3, {"start": 1.5, "warm_up": 0.6, "measure": 3.0}),
    )
    shared = (Spent("absolute", "baseline", 3, {"measure": 4.0}),)
    text = times_text(RUN, spent, shared)
    lines = {line.split()[0]: line.split() for line in text.splitlines() if line.strip()}
    assert lines["pair"] == ["pair", "both", "1", "0.5", "0.0", "-", "6.0", "-", "6.5"]
    assert lines["absolute"][-1] == "5.1"
    assert lines["between"][-1] == "8.4"
    assert "3 launches of 4.0 s" in text
    assert "baseline" not in times_text(RUN, spent, ())


def test_a_run_of_an_older_agent_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = store_run(tmp_path)
    words = ["show", stored.run_id, "--times", "--db", str(stored.database)]
    assert run_command_line(words) == 0
    assert "do not tell" in capsys.readouterr().out
