"""Known issues on rows: flagged when they are made, and made anew when others are known."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitgauge.benchmarks.notices import file
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import Entry
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.coordinator.store.store import Store

from tests.labs.rooms.past import measure
from tests.labs.rooms.typed import Bitgauge
from tests.labs.store import BASELINE, INT8, Lab, spec

FLAG = "known_issue:ort-fp8-relu"
ENTRIES = (Entry("fp32", BASELINE), Entry("fp8-static-e4m3-pt", INT8))


def flags(store: Store) -> dict[str, bool]:
    return {row.recipe: FLAG in row.flags for row in store.rows(TableQuery())}


def lab_with(folder: Path, version: str) -> tuple[Lab, str]:
    lab = Lab(Store.open(folder / "store.db"))
    lab.register()
    stack = (StackItem("runtime", "onnxruntime"), StackItem("runtime.onnxruntime", version))
    job = measure(lab, lab.submit(spec(entries=ENTRIES)), stack=stack)
    run_id = lab.job(job).entries[1].run_id
    assert run_id
    return lab, run_id


@pytest.mark.parametrize(("version", "touched"), [("1.31.1", True), ("1.20.0", False)])
def test_a_row_has_the_flag_of_what_touches_it(tmp_path: Path, version: str, touched: bool) -> None:
    lab, _ = lab_with(tmp_path, version)
    assert flags(lab.store) == {"fp32": False, "fp8-static-e4m3-pt": touched}
    told = {flag for cell in lab.store.cells() for part in cell.recipes for flag in part.flags}
    assert (FLAG in told) is touched
    assert lab.store.rebuild_table()
    assert flags(lab.store) == {"fp32": False, "fp8-static-e4m3-pt": touched}
    lab.store.close()


def test_rows_follow_another_edition_of_the_file_when_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, _ = lab_with(tmp_path, "1.31.1")
    lab.store.use_inputs({"fp8-static-e4m3-pt": "x"})
    lab.store.close()
    text = file._text()
    monkeypatch.setattr(file, "_text", lambda: text.replace('["fp8*"]', '["int8*"]'))
    file.shipped.cache_clear()
    file.edition.cache_clear()
    try:
        store = Store.open(tmp_path / "store.db")
        assert not any(flags(store).values())
        assert store.use_inputs({"fp8-static-e4m3-pt": "x"}) == 0
        store.close()
    finally:
        file.shipped.cache_clear()
        file.edition.cache_clear()
    monkeypatch.undo()
    store = Store.open(tmp_path / "store.db")
    assert flags(store)["fp8-static-e4m3-pt"]
    store.close()


def test_issues_are_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lab, run_id = lab_with(tmp_path, "1.31.1")
    lab.store.close()
    monkeypatch.setenv("BITGAUGE_DB", str(tmp_path / "store.db"))
    bitgauge = Bitgauge(capsys)
    told = bitgauge("issues", "--run", run_id).out
    assert told.startswith("ort-fp8-relu: ONNX Runtime drops a Relu")
    assert "litert-int4-blocks" not in told
    assert "litert-int4-blocks" in bitgauge("issues").out
    assert bitgauge("issues", "litert-int4-blocks", "--run", run_id).out == "none\n"
    assert "did you mean ort-fp8-relu?" in bitgauge.refuses("issues", "ort-fp8-rel")
    assert f"{FLAG} (something is known" in bitgauge("table").out
