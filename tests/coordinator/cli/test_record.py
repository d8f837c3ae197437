"""`bitgauge record` and `bitgauge report`, typed as a user types them, on a store on the disk."""

from __future__ import annotations

import csv
import errno
import io
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

import pytest
from bitgauge.benchmarks.record.schema import from_json
from bitgauge.benchmarks.vocabulary.enums import Scenario
from bitgauge.benchmarks.vocabulary.metrics import published
from bitgauge.coordinator.exports.long_form import record_sheet
from bitgauge.coordinator.store.blobs.files import blob_file

from tests.labs.record import NAME
from tests.labs.rooms.typed import Bitgauge, Said
from tests.labs.stored_run import StoredRun, store_run

LOADING = {"src", "srcset", "poster", "data", "background", "action", "formaction", "ping"}
"""Attributes that make a browser fetch, or send."""

pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> StoredRun:
    return store_run(tmp_path_factory.mktemp("home"))


class Typed:
    """Commands on the store of a run."""

    def __init__(self, stored: StoredRun, bitgauge: Bitgauge) -> None:
        self.on, self._bitgauge = ("--db", stored.database), bitgauge

    def __call__(self, *words: str) -> Said:
        return self._bitgauge(*words, *self.on)

    def refuses(self, *words: str, code: int = 2) -> str:
        return self._bitgauge.refuses(*words, *self.on, code=code)


@pytest.fixture
def typed(stored: StoredRun, bitgauge: Bitgauge) -> Typed:
    return Typed(stored, bitgauge)


def left() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def test_json_on_stdout_is_the_record(stored: StoredRun, typed: Typed) -> None:
    printed = typed("record", stored.run_id)
    assert printed.err == ""
    assert from_json(printed.out.encode()) == stored.record()
    assert left() == []


def test_the_installed_command_writes_the_same(stored: StoredRun) -> None:
    command = Path(sys.executable).with_name("bitgauge")
    words = ["record", stored.run_id, "--db", str(stored.database)]
    done = subprocess.run([command, *words], capture_output=True, check=True)
    assert done.stderr == b""
    assert from_json(done.stdout) == stored.record()


def test_files_by_their_ending_read_back_equal(stored: StoredRun, typed: Typed) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    for name in ("run.json", "run.CSV", "run.parquet"):
        said = typed("record", stored.run_id, "-o", name)
        assert said.err == f"Wrote 1 record to {name}.\n"
    assert left() == ["run.CSV", "run.json", "run.parquet"]
    record = stored.record()
    assert from_json(Path("run.json").read_bytes()) == record
    wanted = list(record_sheet([record]).named())
    assert len(wanted) == len(published(Scenario.SINGLE_STREAM))
    assert parquet.read_table("run.parquet").to_pylist() == wanted
    text = Path("run.CSV").read_text("utf-8")
    found = list(csv.DictReader(io.StringIO(text)))
    assert [_like(row, model) for row, model in zip(found, wanted, strict=True)] == wanted
    assert found[0]["calibration_sha256"] == "c" * 64


def _like(row: dict[str, str], model: Mapping[str, object]) -> dict[str, object]:
    """The cells of a CSV row as the types of `model`; an empty cell is null, or an empty text."""
    values: dict[str, object] = {}
    for name, cell in row.items():
        wanted = model[name]
        if isinstance(wanted, int | float):
            values[name] = type(wanted)(cell)
        else:
            values[name] = cell if cell or wanted == "" else None
    return values


def test_a_job_names_all_its_runs(stored: StoredRun, typed: Typed) -> None:
    found = json.loads(typed("record", stored.job_id).out)
    ids = [one["identity"]["record_id"]["value"] for one in found]
    assert ids == [stored.baseline_run_id, stored.run_id]
    lines = typed("record", stored.run_id, stored.run_id, "--format", "csv").out.splitlines()
    assert len(lines) == 1 + 2 * len(published(Scenario.SINGLE_STREAM))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("record", "nothing"), "No run and no job has the id 'nothing'."),
        (("record", "{run}", "nothing"), "No run and no job has the id 'nothing'."),
        (("report", "nothing"), "There is no run nothing."),
        (("record", "{run}", "--format", "xml"), "Unknown format 'xml'"),
        (("record", "{run}", "--format", "parquet"), "Parquet is no text; give -o FILE."),
        (("record",), "Missing argument 'RUN|JOB...'"),
        (("report", "{run}", "-o", "no/r.html"), "no/r.html cannot be written: No such file"),
        (("record", "{run}", "-o", "no/r.json"), "no/r.json cannot be written: No such file"),
        (("report", "{run}", "-o", "."), "exists; give --force"),
        (("record", "{run}", "--force", "-o", "../out"), "../out cannot be written: "),
        (("report", "{run}", "-o", "/dev/null/r.html"), "/dev/null/r.html cannot be written: Not"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_no_file(
    stored: StoredRun, words: tuple[str, ...], expected: str, typed: Typed
) -> None:
    if "report" in words:
        pytest.importorskip("jinja2")
        pytest.importorskip("matplotlib")
    assert expected in typed.refuses(*(word.replace("{run}", stored.run_id) for word in words))
    assert left() == []


@pytest.mark.parametrize(
    ("library", "words"),
    [
        ("jinja2", ("report", "{run}", "-o", "r.html")),
        ("matplotlib", ("report", "{run}", "-o", "r.html")),
        ("pyarrow", ("record", "{run}", "-o", "r.parquet")),
    ],
)
def test_without_the_extra_the_sentence_says_how_to_get_it(
    stored: StoredRun,
    library: str,
    words: tuple[str, ...],
    typed: Typed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    said = (word.replace("{run}", stored.run_id) for word in words)
    sentence = typed.refuses(*said, code=1)
    assert f"needs {library}, which is not installed" in sentence
    assert "pip install 'bitgauge[report]'" in sentence
    assert left() == []


def test_a_record_needs_no_library_of_reports(stored: StoredRun) -> None:
    code = (
        "import sys\n"
        "for name in ('jinja2', 'matplotlib', 'pyarrow', 'scipy', 'ray', 'onnx'):\n"
        "    sys.modules[name] = None\n"
        "from bitgauge.coordinator.cli.app import run_command_line\n"
        "sys.exit(run_command_line(sys.argv[1:]))\n"
    )
    words = ["record", stored.run_id, "--db", str(stored.database), "--format", "csv"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(done.stdout.splitlines()) == 1 + len(published(Scenario.SINGLE_STREAM))


@pytest.mark.parametrize(
    "words",
    [
        ("report", "-o", "out.json"),
        ("record", "-o", "out.json"),
        ("record", "--format", "csv", "-o", "out.json"),
    ],
)
def test_a_full_disk_leaves_the_old_file_and_no_half_one(
    stored: StoredRun, words: tuple[str, ...], typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    if words[0] == "report":
        pytest.importorskip("jinja2")
        pytest.importorskip("matplotlib")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    Path("out.json").write_bytes(b"the old one")
    command = (words[0], stored.run_id, *words[1:])
    assert "exists; give --force to replace it" in typed.refuses(*command)
    monkeypatch.setattr(os, "fsync", full)
    full_disk = "out.json cannot be written: No space left on device."
    assert full_disk in typed.refuses(*command, "--force")
    assert left() == ["out.json"]
    assert Path("out.json").read_bytes() == b"the old one"


class References(HTMLParser):
    """Everything in a page that could make a browser fetch something."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "iframe", "object", "embed", "base", "form"):
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            text = value or ""
            loads = name in LOADING or name.rpartition(":")[2] == "href"
            if (loads and not text.startswith(("#", "data:"))) or name.startswith("on"):
                self.found.append(f"{name}={text[:60]}")
            self._style(text if name == "style" else "")

    def handle_data(self, data: str) -> None:
        self._style(data)

    def _style(self, text: str) -> None:
        self.found += re.findall(r"url\((?!#|data:)[^)]*\)|@import[^;]*", text)


def test_a_report_is_one_file_that_loads_nothing(stored: StoredRun, typed: Typed) -> None:
    pytest.importorskip("jinja2")
    pytest.importorskip("matplotlib")
    name = f"report-{stored.run_id[:8]}.html"
    assert typed("report", stored.run_id).err == f"Wrote {name}.\n"
    assert left() == [name]
    html = Path(name).read_text("utf-8")
    assert html.startswith("<!doctype html>")
    assert html.rstrip().endswith("</html>")
    assert References(html).found == []
    assert "x float32[1,8]" in html
    assert stored.job_id in html
    assert NAME not in html, "a name from outside is escaped"
    probe = '<p style="background:url(http://a/b)"><a href="http://c">x</a><img src="d">'
    assert len(References(probe).found) == 3, "the test sees what would load"


def test_the_same_numbers_are_in_report_and_record(stored: StoredRun, typed: Typed) -> None:
    pytest.importorskip("jinja2")
    pytest.importorskip("matplotlib")
    typed("report", stored.run_id, "-o", "r.html")
    html = Path("r.html").read_text("utf-8")
    ratio = stored.record().metric("latency_ratio").value
    assert ratio is not None
    assert math.isclose(ratio, 0.5, rel_tol=0.01)
    assert f"{ratio:.3f}" in html


def test_a_raw_file_that_is_gone_is_said_in_both(tmp_path: Path, bitgauge: Bitgauge) -> None:
    pytest.importorskip("jinja2")
    pytest.importorskip("matplotlib")
    folder = tmp_path / "lossy"
    folder.mkdir()
    lossy = store_run(folder)
    gone = next(ref for ref in lossy.files if ref.pass_name.value == "pair")
    blob_file(lossy.blobs, gone.digest).unlink()
    damaged = next(ref for ref in lossy.files if ref.pass_name.value == "quality")
    blob_file(lossy.blobs, damaged.digest).write_bytes(b"other bytes")
    typed = Typed(lossy, bitgauge)
    record = from_json(typed("record", lossy.run_id).out.encode())
    states = {one.pass_name: one.state for one in record.provenance.raw}
    assert (states["pair"], states["quality"]) == ("raw_file_missing", "raw_file_damaged")
    typed("report", lossy.run_id, "-o", "r.html")
    html = Path("r.html").read_text("utf-8")
    assert "its raw file is missing from the blobs" in html
    assert "its raw file is damaged" in html
