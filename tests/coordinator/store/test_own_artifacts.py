"""Files that their owners gave, from the submission to their rows; older databases too."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.recipes import CUSTOM
from bitgauge.benchmarks.vocabulary.values.history import CompareQuery, HistoryQuery
from bitgauge.benchmarks.vocabulary.values.jobs import Entry
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery, TableRow
from bitgauge.coordinator.store import past_questions
from bitgauge.coordinator.store.sql.table import key_text
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.upkeep.invariants import examine
from bitgauge.coordinator.store.values import BuildOutcome

from tests.labs.store import BASELINE, Lab, spec
from tests.labs.values import digest

A, B, C = digest("A"), digest("B"), digest("C")
RECIPE = "int8-dynamic"
FILES = spec(
    entries=(
        Entry("fp32", BASELINE, "base.onnx"),
        Entry(RECIPE, A, "a.onnx"),
        Entry(RECIPE, B, "b.onnx"),
        Entry(CUSTOM, C, "mine", family=FormatFamily.INT4),
        Entry(RECIPE),
    )
)


def measured(lab: Lab) -> str:
    entries = FILES.entries[:-1]
    return lab.measured(replace(FILES, entries=entries))


def told(rows: tuple[TableRow, ...]) -> set[tuple[str, str, object]]:
    return {(row.recipe, row.label, row.artifact) for row in rows}


EVERY = {("fp32", "", None), (RECIPE, "a.onnx", A), (RECIPE, "b.onnx", B), (CUSTOM, "mine", C)}


def test_several_files_of_one_recipe_are_rows_of_the_job_and_of_the_table(lab: Lab) -> None:
    job_id = measured(lab)
    assert told(lab.store.rows(TableQuery())) == EVERY
    assert told(lab.store.rows(TableQuery(job_id=job_id))) == EVERY
    lab.store.rebuild_table()
    assert told(lab.store.rows(TableQuery())) == EVERY
    custom = next(row for row in lab.store.rows(TableQuery()) if row.recipe == CUSTOM)
    assert custom.family is FormatFamily.INT4
    for word, label in (("a.onnx", "a.onnx"), (B.short, "b.onnx"), ("mine", "mine")):
        (row,) = lab.store.rows(TableQuery(artifact=word))
        assert row.label == label


def test_each_file_has_its_own_past(lab: Lab) -> None:
    measured(lab)
    measured(lab)
    series = past_questions.histories(lab.store, HistoryQuery(recipe=RECIPE))
    assert [(one.row.label, len(one.points)) for one in series] == [("a.onnx", 2), ("b.onnx", 2)]
    (one,) = past_questions.histories(lab.store, HistoryQuery(recipe=B.short))
    assert one.row.label == "b.onnx"


def test_files_are_compared_by_label_and_digest(lab: Lab) -> None:
    measured(lab)
    found = past_questions.compare(lab.store, CompareQuery("a.onnx", B.short))
    assert [(one.before.label, one.after.label) for one in found.rows] == [("a.onnx", "b.onnx")]
    assert found.factor == "artifact"
    each = past_questions.compare(lab.store, CompareQuery("fp32", RECIPE))
    assert [one.after.label for one in each.rows] == ["a.onnx", "b.onnx"], "none is left out"


def test_what_is_built_is_one_row_whichever_build_made_it(lab: Lab) -> None:
    for built in (A, B):
        job_id = lab.submit(spec(entries=(FILES.entries[0], Entry(RECIPE))))
        (pending,) = lab.store.pending_builds()
        lab.store.built(job_id, pending.entry_index, BuildOutcome(built), lab.now_ns)
        lease = lab.claimed(job_id)
        for entry in lease.entries:
            lab.report(lease, entry.index)
        lab.analyse()
    assert told(lab.store.rows(TableQuery())) == {("fp32", "", None), (RECIPE, "", None)}


def test_ids_are_taken_by_their_beginning_and_files_by_their_names(lab: Lab) -> None:
    job_id = measured(lab)
    run_id = next(run.run_id for run in lab.store.runs(job_id) if run.entry_index == 2)
    assert lab.store.run(run_id[:8]).run_id == run_id
    assert lab.store.run("b.onnx").run_id == lab.store.run(B.short).run_id == run_id
    assert lab.store.job(job_id[:-1]).job_id == lab.store.job("mine").job_id == job_id
    for ask in (lab.store.run, lab.store.job):
        with pytest.raises(BitgaugeError) as caught:
            ask("nothing")
        assert caught.value.code in (Code.UNKNOWN_RUN, Code.UNKNOWN_JOB)
    measured(lab)
    with pytest.raises(BitgaugeError, match="Several jobs begin with"):
        lab.store.job(job_id[:-1])


# -- a database from before ---------------------------------------------------------------
CONSTRUCTED = Path(__file__).parent / "sql" / "constructed" / "schema-12.sql"
JOB = "00000000-0000-0000-0000-000000000004"


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """The oldest database that is opened; two files of one recipe stand in one of its jobs."""
    path = tmp_path / "before.db"
    connection = sqlite3.connect(path)
    connection.executescript(CONSTRUCTED.read_text())
    (text,) = connection.execute("SELECT spec FROM jobs WHERE job_id = ?", (JOB,)).fetchone()
    asked = json.loads(text)
    files = {1: A, 2: B}
    for index, file in files.items():
        name = f"{index}.onnx"
        told = {"sha256": file.sha256, "size_bytes": file.size_bytes}
        asked["entries"][index] = {"recipe": RECIPE, "name": name, "artifact": told}
        connection.execute(
            """UPDATE entries SET recipe = ?, family = 'int8', name = ?, artifact_sha256 = ?,
               artifact_size_bytes = ? WHERE job_id = ? AND entry_index = ?""",
            (RECIPE, name, file.sha256, file.size_bytes, JOB, index),
        )
        connection.execute(
            "INSERT INTO blobs (sha256, size_bytes, recorded_unix_ns) VALUES (?, ?, 1)",
            (file.sha256, file.size_bytes),
        )
    connection.execute("UPDATE jobs SET spec = ? WHERE job_id = ?", (json.dumps(asked), JOB))
    connection.execute(
        """INSERT INTO annotations (row_key, from_unix_ns, note, made_unix_ns, made_by)
           SELECT row_key, 1, 'accepted', 2, 'ann' FROM table_rows
           WHERE job_id = ? AND recipe = ?""",
        (JOB, RECIPE),
    )
    connection.commit()
    connection.close()
    return path


def test_an_older_database_shows_every_file_with_its_own_digits(before: Path) -> None:
    old = sqlite3.connect(before)
    digits = dict(
        old.execute(
            """SELECT r.entry_index, m.value FROM runs r JOIN metrics m USING (run_id)
               WHERE r.job_id = ? AND r.disposition = 'accepted' AND m.key = 'saturated_pct'""",
            (JOB,),
        ).fetchall()
    )
    old.close()
    store = Store.open(before)
    rows = [row for row in store.rows(TableQuery(job_id=JOB)) if row.artifact]
    assert [(row.label, row.artifact) for row in rows] == [("1.onnx", A), ("2.onnx", B)]
    runs = [store.run(row.run_id or "") for row in rows]
    assert [(run.label, run.artifact) for run in runs] == [("1.onnx", A), ("2.onnx", B)]
    assert next((run.label, run.artifact) for run in store.runs(JOB)) == ("", None)
    assert (
        [row.metric("saturated_pct").value for row in rows] == [digits[1], digits[2]] == [0.3, 0.0]
    )
    keys = {key_text(row) for row in rows}
    noted = {
        one.row_key: [annotation.note for annotation in one.annotations]
        for one in past_questions.histories(store, HistoryQuery(recipe=RECIPE))
        if one.row_key in keys
    }
    assert noted == {key: ["accepted"] for key in keys}, "of the row that stood for both"
    store.close()
    assert examine(before).findings == ()


def test_what_became_worse_goes_with_the_file_that_showed_it(before: Path) -> None:
    store = Store.open(before)
    moved = [one for one in store.regressions(ended=True) if one.row.artifact is not None]
    assert moved, "one of the database is of a file"
    for one in moved:
        assert one.subject == key_text(one.row)
        assert one.row.label == one.row.artifact.short if one.row.artifact else False
    jobs = [job for job in store.jobs(limit=100) for entry in job.entries if entry.name]
    assert all(store.spec(job.job_id).entries[1].name for job in jobs), "asked as it is shown"
    store.close()
