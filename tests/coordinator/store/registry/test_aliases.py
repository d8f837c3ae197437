"""Aliases and lineage: what is shipped of a model, and what was made already."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest
from bitgauge.benchmarks.vocabulary.enums import Realness
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.values.registry import AliasMove, RegistryQuery

from tests.labs.refused import refused
from tests.labs.rooms.past import measure
from tests.labs.store import BASELINE, INT8, Lab
from tests.labs.values import device

from .test_verdicts import ANN, decide, keep, run_of


def move(lab: Lab, run_id: str, by: str = "", alias: str = "champion") -> AliasMove:
    lab.wait(1)
    return lab.store.move_alias(
        alias, run_id, by=by, reason=by and "because", now_ns=lab.now_ns, asker=ANN
    )


def test_an_alias_means_what_it_was_moved_to_last_and_every_move_stays(lab: Lab) -> None:
    first, second = run_of(lab), run_of(lab)
    keep(lab, first)
    one = move(lab, first[:8])
    assert (one.model_name, one.alias, one.run_id) == ("digits_cnn", "champion", first)
    assert (one.use_case, one.by, one.who, one.position) == ("triage", "", "ann", 1)
    other = move(lab, second, by="Ann")
    assert (other.use_case, other.by, other.reason) == ("", "Ann", "because")
    assert lab.store.aliases(now=True) == (other,)
    assert lab.store.aliases("digits_cnn") == (other, one)
    assert lab.store.aliases("another") == ()
    assert lab.store.lineage("digits_cnn@champion").registered.run_id == second
    assert lab.store.audit(limit=1)[0].what == "alias.move"
    with lab.store.writing("trying") as db:
        for sql in ("UPDATE aliases SET run_id = run_id", "DELETE FROM aliases"):
            with pytest.raises(sqlite3.IntegrityError, match="a move of an alias is never"):
                db.conn.execute(sql)


def test_nothing_moves_to_what_failed_or_was_emulated(lab: Lab) -> None:
    run_id = run_of(lab)
    with refused(Code.ALIAS_REFUSED, "no gate passed it"):
        move(lab, run_id)
    keep(lab, run_id)
    decide(lab, run_id, approved=False)
    with refused(Code.ALIAS_REFUSED, "it failed for triage"):
        move(lab, run_id, by="Ann")
    lab.register(replace(device("nano"), realness=Realness.EMULATED))
    with refused(Code.ALIAS_REFUSED, "emulated"):
        move(lab, run_of(lab, on="nano"), by="Ann")
    with refused(Code.BAD_ARGUMENT, "is no alias"):
        move(lab, run_id, alias="The Best")
    with refused(Code.UNKNOWN_ALIAS, "was ever moved"):
        lab.store.lineage("digits_cnn@champion")
    assert lab.store.aliases() == ()


def test_what_was_made_already_is_found_by_name_and_digest(lab: Lab) -> None:
    run_id = run_of(lab)
    keep(lab, run_id)
    move(lab, run_id)
    found = {one.recipe: one for one in lab.store.artifacts(RegistryQuery())}
    assert found.keys() == {"int8-dynamic", "int4-wo-b32"}
    own = found["int8-dynamic"]
    assert (own.artifact, own.baseline, own.run_id) == (INT8, BASELINE, run_id)
    assert (own.outcome, own.use_case, own.aliases) == ("passed", "triage", ("champion",))
    assert found["int4-wo-b32"].aliases == ()
    for text in ("digits", "int8", INT8.sha256[:12], BASELINE.sha256):
        named = [one.recipe for one in lab.store.artifacts(RegistryQuery(text))]
        assert "int8-dynamic" in named, text
    assert lab.store.artifacts(RegistryQuery("nothing")) == ()
    assert lab.store.artifacts(RegistryQuery(INT8.sha256[:4])) == ()  # too little of a digest
    assert [one.recipe for one in lab.store.artifacts(RegistryQuery(recipe="int4-wo-b32"))] == [
        "int4-wo-b32"
    ]
    assert len(lab.store.artifacts(RegistryQuery(limit=1))) == 1


def test_an_artifact_that_is_measured_again_is_one_artifact(lab: Lab) -> None:
    measure(lab)
    newest = lab.job(measure(lab)).entries[1].run_id
    found = lab.store.artifacts(RegistryQuery(recipe="int8-dynamic"))
    assert [one.run_id for one in found] == [newest]


def test_a_lineage_tells_what_was_said_and_a_baseline_has_none(lab: Lab) -> None:
    run_id = run_of(lab)
    kept = keep(lab, run_id)
    moved = move(lab, run_id)
    found = lab.store.lineage(run_id)
    assert found.verdicts == (kept,)
    assert found.moves == (moved,)
    assert (found.toolchain, found.source, found.original) == ("", None, None)
    baseline = lab.job(found.job_id).entries[0].run_id
    assert baseline
    with refused(Code.UNKNOWN_RUN, "but a baseline"):
        lab.store.lineage(baseline)


def test_an_ungated_export_is_remembered(lab: Lab) -> None:
    run_id = run_of(lab)
    lab.store.note_ungated(run_id[:8], "to look at it", lab.now_ns, ANN)
    entry = lab.store.audit(limit=1)[0]
    assert (entry.what, entry.object, entry.detail) == (
        "registry.export_ungated",
        run_id,
        "to look at it",
    )


def test_the_file_of_an_alias_is_no_spare_one(lab: Lab) -> None:
    run_id = run_of(lab)
    lab.store.record_blob(INT8, lab.now_ns)
    with lab.store.writing("pretending that it was built here") as db:
        db.execute(
            "INSERT INTO builds VALUES (?, 1, 'int8-dynamic', '', 0, 't', 'onnxruntime', 'onnx',"
            " 0, ?, ?, NULL, '[]', 1)",
            (BASELINE.sha256, INT8.sha256, INT8.size_bytes),
        )
    later = lab.now_ns + 10**18
    assert INT8 in {one.digest for one in lab.store.spare_blobs(later)}
    move(lab, run_id, by="Ann")
    assert INT8 not in {one.digest for one in lab.store.spare_blobs(later)}
    assert lab.store.lineage(run_id).toolchain == "t"
