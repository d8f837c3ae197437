"""Whatever texts a store holds, no command prints or writes what may not be printed.

The store of these tests was written by somebody who does not ask the edge: every name, reason and
sentence in it colours the terminal, sets its title, turns the reading direction, begins a line of
its own and is a formula.
"""

from __future__ import annotations

import csv
import json
import sqlite3
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.enums import FailureGroup, RunStatus
from bitgauge.benchmarks.vocabulary.printable import hidden_in
from bitgauge.benchmarks.vocabulary.values.campaigns import ScheduleView
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import Entry
from bitgauge.benchmarks.vocabulary.values.runs import Failure
from bitgauge.coordinator.cli.app import run_command_line
from bitgauge.coordinator.cli.follow import follow
from bitgauge.coordinator.cli.text.junit import junit_xml
from bitgauge.coordinator.store.store import Store

from tests.labs import record, stored_run
from tests.labs.store import BASELINE, INT8, Lab, spec
from tests.labs.values import device

EVIL = "=cmd()\x1b]0;title\x07\x1b[31m\u202e\u2066\u200b\nFORGED: line\r\x9b2J|<b>\x85"
RENAME = "UPDATE devices SET name = ?1, description = json_set(description, '$.name', ?1)"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "store.db"
    lab = Lab(Store.open(path))
    evil = replace(
        device("evil"),
        processor_model=EVIL,
        governor=EVIL,
        tags=(StackItem(EVIL, EVIL),),
        stack=(StackItem("driver", EVIL),),
    )
    lab.register()
    lab.register(evil)
    entries = (Entry("fp32"), Entry("int8-dynamic", INT8, EVIL))
    what = spec(model_name=EVIL, entries=entries)
    lab.measured(what, "evil")
    lease = lab.claimed(lab.submit(what, EVIL), "evil")
    lab.report(lease, 0, device_id=evil.device_id)
    failure = Failure(FailureGroup.ARTIFACT, EVIL, EVIL, EVIL, EVIL)
    lab.report(
        lease,
        1,
        device_id=evil.device_id,
        status=RunStatus.FAILED,
        raw=(),
        failure=failure,
        stack=(StackItem("driver", EVIL),),
    )
    lab.analyse()
    lab.store.cancel(lab.submit(what), EVIL, lab.now_ns)
    lab.store.cordon(evil.device_id, EVIL, now_ns=lab.now_ns)
    lab.store.record_blob(BASELINE, lab.now_ns)
    from tests.coordinator.store.test_campaigns import ORDER, begun

    begun(lab)
    lab.store.set_schedule(ScheduleView(EVIL, "0 3 * * *", 1, 2, submitted_by=EVIL), ORDER)
    connection = lab.store._connection
    connection.execute(RENAME, (EVIL,))
    connection.execute("UPDATE campaigns SET name = ?", (EVIL,))
    connection.execute("UPDATE campaign_jobs SET device_name = ?, refused = ?", (EVIL, EVIL))
    lab.store.close()
    return path


def require_clean(text: str) -> None:
    for line in text.split("\n"):
        assert hidden_in(line) is None, repr(line)
        assert not line.lstrip().startswith("FORGED"), repr(line)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    code = run_command_line(list(arguments))
    out, err = capsys.readouterr()
    assert code in (0, 1) or arguments[0] == "explain", (arguments, err)
    require_clean(err)
    return out


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["words", "json"])
@pytest.mark.parametrize(
    "command",
    [
        ("devices",),
        ("jobs",),
        ("runs", "00000000-0000-0000-0000-000000000001"),
        ("runs", "00000000-0000-0000-0000-000000000002"),
        ("table",),
        ("history",),
        ("regressions",),
        ("campaigns",),
        ("campaigns", "00000000-0000-4000-8000-000000000001"),
        ("schedules",),
        ("select", "--model-class", "cnn", "--hardware", "cpu_only"),
    ],
    ids=" ".join,
)
def test_no_command_prints_what_was_stored_as_it_is(
    database: Path,
    capsys: pytest.CaptureFixture[str],
    command: tuple[str, ...],
    form: tuple[str, ...],
) -> None:
    out = said(capsys, *command, "--db", str(database), *form)
    require_clean(out)
    if form:
        json.loads(out)


def test_every_run_is_shown_without_harm(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store.open_readonly(database)
    runs = [run.run_id for job in store.jobs() for run in store.runs(job.job_id)]
    store.close()
    assert len(runs) == 4
    for run in runs:
        for command in ("show", "explain"):
            require_clean(said(capsys, command, run, "--db", str(database)))


@pytest.mark.parametrize("ending", ["csv", "md", "json"])
def test_an_export_holds_nothing_hidden_and_no_formula(
    database: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, ending: str
) -> None:
    target = tmp_path / f"table.{ending}"
    said(capsys, "export", "--db", str(database), "-o", str(target))
    text = target.read_text()
    require_clean(text)
    if ending == "csv":
        rows = list(csv.reader(text.splitlines()))
        cells = {cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))}
        assert all(cell.replace(".", "").strip("-").isdigit() for cell in cells)
        assert any(cell.startswith("'=cmd()") for row in rows for cell in row)


def test_a_record_is_clean_in_each_format(
    database: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for ending in ("csv", "json"):
        target = tmp_path / f"record.{ending}"
        job = "00000000-0000-0000-0000-000000000001"
        said(capsys, "record", job, "--db", str(database), "-o", str(target))
        require_clean(target.read_text())


def test_a_report_is_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(record, "NAME", EVIL)
    made = stored_run.store_run(tmp_path)
    connection = sqlite3.connect(made.database)
    connection.execute(RENAME, (EVIL,))
    connection.commit()
    connection.close()
    target = tmp_path / "report.html"
    said(capsys, "report", made.run_id, "--db", str(made.database), "-o", str(target))
    # A line break is a blank on a page.
    assert hidden_in(target.read_text().replace("\n", " ")) is None
    assert "|<b>" not in target.read_text()


def test_junit_is_xml_whatever_a_campaign_is_called(database: Path) -> None:
    store = Store.open_readonly(database)
    [view] = store.campaigns()
    store.close()
    text = junit_xml(view)
    ElementTree.fromstring(text)
    require_clean(text)


def test_what_is_followed_is_clean(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store.open_readonly(database)
    jobs = store.jobs()
    store.close()
    follow(jobs)
    require_clean(capsys.readouterr().err)
