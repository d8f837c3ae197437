"""What people type about gates, on a database file without a coordinator."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bitgauge.coordinator.store.store import Store

from tests.coordinator.store.registry.test_verdicts import ANN, TRIAGE, counted
from tests.labs.rooms.past import measure
from tests.labs.rooms.typed import Bitgauge
from tests.labs.store import Lab

GATES = """\
[[use_case]]
name = "triage"
max_accuracy_loss_pp = 1.0
[[use_case]]
name = "hungry"
max_energy = "5 mJ"
"""


@pytest.fixture
def run_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("BITGAUGE_DB", str(tmp_path / "store.db"))
    monkeypatch.chdir(tmp_path)
    lab = Lab(Store.open(tmp_path / "store.db"))
    lab.register()
    job = lab.job(measure(lab, accuracy_delta_pp=counted(120, 10)))
    lab.store.close()
    found = job.entries[1].run_id
    assert found
    return found


def test_the_exit_code_is_the_outcome(run_id: str, bitgauge: Bitgauge, tmp_path: Path) -> None:
    (tmp_path / "gates.toml").write_text(GATES)
    undecided = bitgauge("gate", run_id, "--use-case", "triage", code=3).out
    assert undecided.startswith("review: digits_cnn int8-dynamic on rpi5 for triage")
    assert "more samples would tell" in undecided
    assert "docs/playbooks/hidden-accuracy-loss.md" in undecided
    loose = tmp_path / "loose.toml"
    loose.write_text('[[use_case]]\nname = "a"\nmax_accuracy_loss_pp = 5\n')
    assert bitgauge("gate", run_id[:8], "--gates", loose).out.startswith("passed: ")
    loose.write_text('[[use_case]]\nname = "a"\nmax_accuracy_loss_pp = 0.1\n')
    assert bitgauge("gate", "--gates", loose, run_id, code=1).out.startswith("failed: ")
    hungry = bitgauge("gate", run_id, "--use-case", "hungry", code=3).out
    assert "max_energy" in hungry
    assert "not known" in hungry


def test_what_ci_reads(run_id: str, bitgauge: Bitgauge, tmp_path: Path) -> None:
    xml, md = tmp_path / "gate.xml", tmp_path / "gate.md"
    said = bitgauge(
        *("gate", run_id, "--use-case", "default", "--json"),
        *("--junit", xml, "--markdown", md),
        code=3,
    )
    told = json.loads(said.out)
    assert told["outcome"] == "manual_review"
    assert {"rule": "right_kernels", "verdict": "passed"}.items() <= told["rules"][1].items()
    assert '<failure message="' in xml.read_text()
    assert 'type="manual_review"' in xml.read_text()
    assert "| review | `max_accuracy_loss_pp` |" in md.read_text()


def test_a_policy_fails_what_is_not_sanctioned_unless_a_reason_is_kept(
    run_id: str, bitgauge: Bitgauge, tmp_path: Path
) -> None:
    (tmp_path / "policy.toml").write_text('[[sanction]]\nformats = []\ndefault = "fp16"\n')
    loose = tmp_path / "loose.toml"
    loose.write_text('[[use_case]]\nname = "a"\nmax_accuracy_loss_pp = 5\n')
    gate = ("gate", run_id, "--gates", loose)
    assert "int8-dynamic is not sanctioned for cnn" in bitgauge(*gate, code=1).out
    assert "deviates: a trial" in bitgauge(*gate, "--deviate", "a trial").out
    (tmp_path / "policy.toml").write_text("[[sanctions]]\n")
    assert "did you mean sanction?" in bitgauge.refuses(*gate)
    (tmp_path / "policy.toml").unlink()
    assert "no policy.toml to deviate from" in bitgauge.refuses(*gate, "--deviate", "a trial")


def test_what_is_wrong_is_one_sentence(run_id: str, bitgauge: Bitgauge, tmp_path: Path) -> None:
    assert "holds 3 use cases" in bitgauge.refuses("gate", run_id)
    assert "did you mean default?" in bitgauge.refuses("gate", run_id, "--use-case", "defaul")
    (tmp_path / "gates.toml").write_text("[[use_case]]\nname = 3\n")
    assert "Gates gates.toml, line 2" in bitgauge.refuses("gate", run_id, "--use-case", "a")
    missing = bitgauge.refuses("gate", run_id, "--gates", tmp_path / "none.toml")
    assert "none.toml" in missing
    (tmp_path / "gates.toml").unlink()
    assert "no run nobody" in bitgauge.refuses("gate", "nobody", "--use-case", "default")
    approve = ("gate", "approve", run_id, "--by", "ann", "--reason", "x")
    assert "coordinator" in bitgauge.refuses(*approve)


def test_a_margin_is_replayed_with_what_it_costs_and_saves(run_id: str, bitgauge: Bitgauge) -> None:
    text = bitgauge("gate", "simulate", "--margin", "2").out
    assert text.startswith("2 of 2 past results pass at a margin of 2.00 points; 0 passed")
    assert "-1.10 [" in text
    strict = bitgauge("gate", "simulate", "--margin", "0.5").out
    assert strict.startswith("0 of 2")
    billed = bitgauge(
        *("gate", "simulate", "--margin", 2, "--cost-per-error", 0.5, "--volume", 1000, "--json")
    ).out
    bills = [one["bill"] for one in json.loads(billed)]
    assert [one["loss"] for one in bills] == [pytest.approx(5.5)] * 2
    assert [one["loss_low"] < 5.5 < one["loss_high"] for one in bills] == [True] * 2
    assert [one["hours_saved"] for one in bills] == [pytest.approx(1000 * 1e3 / 3.6e12)] * 2
    assert "needs a volume" in bitgauge.refuses(
        *("gate", "simulate", "--margin", 2, "--cost-per-error", 1)
    )


def test_verdicts_are_listed(run_id: str, bitgauge: Bitgauge, tmp_path: Path) -> None:
    assert bitgauge("gate", "list").out == "none\n"
    store = Store.open(tmp_path / "store.db")
    store.keep_verdict(run_id, TRIAGE, now_ns=10**18, asker=ANN)
    store.close()
    listed = bitgauge("gate", "list", "--model", "digits_cnn").out
    assert run_id[:8] in listed
    assert "triage" in listed
