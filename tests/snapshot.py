"""Whether an evidence folder is what its records say: ``python -m tests.snapshot [WHAT] [DIR]``.

`benchmarks/snapshot` is the folder when none is named. Three things must follow from one another:
the table from the records of its runs, the Markdown from the table, and the numbers of a run whose
raw files are there from these files. `--write` makes table.json and table.md anew from the records,
which is right after a change of what cells or rows are made of, and only then. `--analyse` makes
the numbers of each run whose raw files are there anew before it does so, which is right after a
change of the analysis; a run of which no raw file was kept stays what it was.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from bitgauge.benchmarks.analysis.analyse import ANALYSIS_VERSION, analyse
from bitgauge.benchmarks.raw.container import read_raw
from bitgauge.benchmarks.raw.files import in_role
from bitgauge.benchmarks.table.evidence import Machines, RunRecord, derived, facts_of, file_name
from bitgauge.benchmarks.table.file import TableFile, from_json, lean, to_json
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, RawRef
from bitgauge.coordinator.exports.evidence import raw_name
from bitgauge.coordinator.exports.formats.markdown import to_markdown

FOLDER = Path(__file__).parents[1] / "benchmarks" / "snapshot"
LAST_DIGITS = 1e-9
"""Relative; logarithms differ in their last digit between processors."""

NUMERICAL = 1e-6
"""Relative; of what hundreds of operations on raw data make."""

T = TypeVar("T")


@dataclass(frozen=True)
class Evidence:
    folder: Path
    machines: Machines
    records: Mapping[str, RunRecord]

    @property
    def table(self) -> TableFile:
        return derived(self.machines, tuple(self.records.values()))


def read(folder: Path) -> Evidence:
    """Every record of a folder, and its machines."""
    runs = folder / "runs"
    records = {
        path.relative_to(runs).as_posix(): _decoded(path, RunRecord)
        for path in sorted(runs.rglob("*.json"))
    }
    return Evidence(folder, _decoded(folder / "machines.json", Machines), records)


def _decoded(path: Path, kind: type[T]) -> T:
    return msgspec.json.decode(path.read_bytes(), type=kind)


def problems(folder: Path) -> list[str]:
    """Everything in a folder that does not follow from its records, a sentence each."""
    evidence = read(folder)
    wrong = [
        f"runs/{path} is the record of {file_name(record)}"
        for path, record in evidence.records.items()
        if path != file_name(record)
    ]
    try:
        told = from_json((folder / "table.json").read_bytes(), "table.json")
    except BitgaugeError as error:
        return [*wrong, error.sentence]
    wrong += [f"table.json{where}" for where in differences(lean(told), lean(evidence.table))]
    if (folder / "table.md").read_text("utf-8") != to_markdown(told):
        wrong.append("table.md is not what table.json says")
    return [*wrong, *_of_raw(evidence)]


def _of_raw(evidence: Evidence) -> Iterator[str]:
    """Numbers that do not come of the raw files; an older analysis cannot be repeated."""
    by_id = {record.row.run_id: record for record in evidence.records.values()}
    for folder in sorted((evidence.folder / "raw").iterdir()):
        record = by_id.get(folder.name)
        if record is None:
            yield f"raw/{folder.name} belongs to no record"
            continue
        bad = list(_bad_files(folder, record.raw))
        yield from bad
        if not bad and record.analysis_version == ANALYSIS_VERSION:
            found = _analysed(evidence, record)
            for where in differences(lean(record.metrics), lean(found), NUMERICAL):
                yield f"raw/{folder.name}: metrics{where} from its raw files"


def _analysed(evidence: Evidence, record: RunRecord) -> tuple[MetricValue, ...]:
    """The numbers of a run from its raw files, by the analysis of today."""
    folder = evidence.folder / "raw" / str(record.row.run_id)
    raws = [in_role(read_raw(folder / raw_name(ref)), ref) for ref in record.raw]
    return analyse(raws, facts_of(record, evidence.machines))


def _bad_files(folder: Path, refs: Sequence[RawRef]) -> Iterator[str]:
    named = {raw_name(ref): ref.digest for ref in refs}
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name in sorted(named.keys() | found.keys()):
        if name not in found or name not in named:
            there = "there" if name in found else "missing"
            yield f"raw/{folder.name}/{name} is {there}, other than its record says"
        elif hashlib.sha256(found[name]).hexdigest() != named[name].sha256:
            yield f"raw/{folder.name}/{name} is not the file that was measured"


def outdated(folder: Path) -> list[str]:
    """Runs with raw files whose numbers come from another version of the analysis than this."""
    return [
        f"{record.row.run_id} has analysis version {record.analysis_version}, this is"
        f" {ANALYSIS_VERSION}: run `python -m tests.snapshot --analyse`"
        for record in with_raw(read(folder)).values()
        if record.analysis_version != ANALYSIS_VERSION
    ]


def with_raw(evidence: Evidence) -> dict[str, RunRecord]:
    """The records of runs whose raw files are in the folder."""
    there = {folder.name for folder in (evidence.folder / "raw").iterdir()}
    return {path: one for path, one in evidence.records.items() if one.row.run_id in there}


def analyse_again(folder: Path) -> None:
    """Makes the numbers of each run anew whose raw files are there, by the analysis of today.

    Raises:
        ValueError: a raw file is not the one that was measured.
    """
    evidence = read(folder)
    for path, record in with_raw(evidence).items():
        if bad := list(_bad_files(folder / "raw" / str(record.row.run_id), record.raw)):
            raise ValueError("; ".join(bad))
        file = folder / "runs" / path
        told = json.loads(file.read_bytes())  # what else it says stays as it was written
        told["analysis_version"] = ANALYSIS_VERSION
        told["metrics"] = lean(_analysed(evidence, record))
        file.write_bytes(msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n")


def differences(told: Any, made: Any, tolerance: float = LAST_DIGITS, at: str = "") -> list[str]:
    """Where two plain JSON values differ, as ``.path: is X, should be Y``; numbers nearly equal."""
    if isinstance(told, dict) and isinstance(made, dict):
        return [
            one
            for key in sorted(told.keys() | made.keys())
            for one in differences(told.get(key), made.get(key), tolerance, f"{at}.{key}")
        ]
    if isinstance(told, list) and isinstance(made, list) and len(told) == len(made):
        pairs = enumerate(zip(told, made, strict=True))
        return [
            one for place, (a, b) in pairs for one in differences(a, b, tolerance, f"{at}[{place}]")
        ]
    if _same(told, made, tolerance):
        return []
    return [f"{at}: is {_short(told)}, should be {_short(made)}"]


def _same(told: Any, made: Any, tolerance: float) -> bool:
    floats = isinstance(told, float) and isinstance(made, float)
    if floats:
        return math.isclose(told, made, rel_tol=tolerance, abs_tol=1e-12)
    return type(told) is type(made) and bool(told == made)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def main(words: list[str]) -> int:
    """Says what is wrong with a folder, or writes its table anew; 1 when something is wrong."""
    whats = {word for word in words if word in ("--write", "--analyse")}
    (folder,) = [Path(word) for word in words if word not in whats] or [FOLDER]
    if "--analyse" in whats:
        analyse_again(folder)
    if whats:
        table = read(folder).table
        (folder / "table.json").write_bytes(to_json(table))
        (folder / "table.md").write_text(to_markdown(table), "utf-8")
    wrong = [*problems(folder), *outdated(folder)]
    print("\n".join(wrong[:40]) or f"{folder} is what its records say")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
