"""The outbox on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitgauge.agents.storage import spool as spools
from bitgauge.agents.storage.spool import Spool
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.values.runs import RawRef, RunReport

from tests.labs.values import told

JOB = "11111111-1111-4111-8111-111111111111"


def report(run: str, ref: RawRef | None = None, ended: int = 2) -> RunReport:
    raw = () if ref is None else (ref,)
    return told(JOB, run_id=run, lease_token=b"\x00\xfftoken", ended_unix_ns=ended, raw=raw)


def test_a_report_stays_until_it_is_acknowledged(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.begin("run-b", "j", 1, 0)
    file = tmp_path / "made"
    file.write_bytes(b"raw")
    ref = RawRef(PassName.MEMORY, 0, RawRole.CANDIDATE, spool.put_raw(file))
    assert not file.exists()
    spool.put_report(report("run-b", ref, ended=9))
    spool.put_report(report("run-a", ended=3))
    assert spool.intents() == []
    again = Spool(tmp_path)
    assert again.reports() == [report("run-a", ended=3), report("run-b", ref, ended=9)]
    again.collect()
    assert again.raw_path(ref.digest).read_bytes() == b"raw"
    again.acknowledge("run-b")
    again.collect(keep=[ref.digest])
    assert again.raw_path(ref.digest).exists()
    again.collect()
    assert not again.raw_path(ref.digest).exists()
    assert [one.run_id for one in again.reports()] == ["run-a"]


def test_what_is_set_aside_keeps_its_raw_data(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    file = tmp_path / "made"
    file.write_bytes(b"raw")
    ref = RawRef(PassName.MEMORY, 0, RawRole.CANDIDATE, spool.put_raw(file))
    spool.put_report(report("r", ref))
    assert spool.set_aside(report("r", ref), "no such job").exists()
    spool.collect()
    assert spool.reports() == []
    assert spool.raw_path(ref.digest).exists()


def test_of_very_many_refused_reports_the_oldest_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spools, "MAX_ASIDE", 3)
    spool = Spool(tmp_path)
    for number in range(6):
        spool.put_report(report(f"run-{number}", ended=100 - number))
        spool.set_aside(report(f"run-{number}", ended=100 - number), "never")
    # By when they ended: the last three to come are the oldest, but for the newest one itself.
    kept = sorted(path.name for path in (tmp_path / "aside").iterdir())
    assert len(kept) == 3
    assert {"run-0.json", "run-5.json"} <= set(kept)


def test_a_half_written_report_is_none(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    (tmp_path / "reports" / "x.json.new").write_bytes(b'{"run_')
    assert spool.reports() == []


def test_a_damaged_report_is_kept_and_disturbs_nobody(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.put_report(report("good"))
    (tmp_path / "reports" / "bad.json").write_bytes(b'{"run_id": 7}')
    (tmp_path / "intents" / "bad.json").write_bytes(b"\x00")
    assert [one.run_id for one in spool.reports()] == ["good"]
    assert spool.intents() == []
    assert (tmp_path / "reports" / "bad.unreadable").exists()
