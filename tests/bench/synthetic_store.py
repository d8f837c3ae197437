"""Databases with as many runs as asked for, in minutes.

The lab (its devices, and one job per model, device and batch) is made by the store's own
functions: register, submit, claim, report. Numbers are those of the committed snapshot, moved
a little, and put in at once, and the table is made by
`rebuild_table`. What came before is copied from that in SQL: the same jobs, older, under ids of
their own, so that every row stays what the newest run says. A copied run has five metrics instead
of all of them; no question reads them.
"""

from __future__ import annotations

import sqlite3
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from bitgauge.benchmarks.analysis.analyse import ANALYSIS_VERSION
from bitgauge.benchmarks.common.ids import run_id
from bitgauge.benchmarks.table import file as table_file
from bitgauge.benchmarks.vocabulary.enums import (
    HardwareClass,
    ModelClass,
    PassName,
    Profile,
    RawRole,
    Realness,
    RunStatus,
)
from bitgauge.benchmarks.vocabulary.recipes import DEFAULT_RECIPES
from bitgauge.benchmarks.vocabulary.values.devices import (
    DeviceDescription,
    RuntimeDescription,
    StackItem,
)
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, Workload
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, RawRef, RunReport
from bitgauge.coordinator.store.jobs.changes import metric_columns
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.values import LeaseTerms, Registration

from tests.snapshot import FOLDER as SNAPSHOT

START_NS = 1_790_000_000_000_000_000
DAY_NS = 86_400 * 10**9
HARDWARE = (
    HardwareClass.CPU_ONLY,
    HardwareClass.EDGE_ARM,
    HardwareClass.GPU_NVIDIA,
    HardwareClass.MOBILE_QUALCOMM,
)
CLASSES = tuple(ModelClass)
BATCHES = (1, 64)
RECIPES = tuple(str(recipe) for recipe in DEFAULT_RECIPES)
KEPT = ("latency_ratio", "latency_p50_ns", "accuracy_delta_pp", "size_ratio", "peak_memory_ratio")
TERMS = LeaseTerms()


@dataclass(frozen=True, slots=True)
class Size:
    """A lab and how much it has measured.

    Attributes:
        runs: of the whole history.
        models: spread over the model classes.
        devices: spread over the hardware classes.
    """

    runs: int
    models: int
    devices: int

    @property
    def rows(self) -> int:
        """Rows of the table: what one round of the lab measures."""
        return self.models * self.devices * len(BATCHES) * len(RECIPES)


SIZES = (Size(1_000, 5, 4), Size(10_000, 10, 8), Size(100_000, 20, 12), Size(1_000_000, 40, 16))


def make(path: Path, size: Size) -> None:
    store = Store.open(path)
    try:
        connection = store._connection
        # Nothing here has to outlive a power cut, and nobody else looks yet.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -500000")
        _lab(store, size)
        store.rebuild_table()
        _history(connection, size)
        connection.execute("ANALYZE")
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        store.close()


def device(at: int) -> DeviceDescription:
    return DeviceDescription(
        device_id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"device {at}")),
        name=f"board-{at:02d}",
        hardware_class=HARDWARE[at % len(HARDWARE)],
        realness=Realness.PHYSICAL,
        architecture="aarch64",
        processor_model=f"processor {at}",
        isa_flags=("neon", "dotprod"),
        core_count=4,
        memory_bytes=8 << 30,
        kernel_release="6.6",
        stack=tuple(StackItem(f"input.{one}", f"value {at}.{one}") for one in range(12)),
        runtimes=(RuntimeDescription("onnxruntime", "1.31.0", fingerprint=f"{at:064x}"),),
    )


def model(at: int) -> tuple[str, ModelClass]:
    kind = CLASSES[at % len(CLASSES)]
    return f"{kind.value}_{at:02d}", kind


def metrics(seed: int, recipe: str) -> tuple[MetricValue, ...]:
    """All metrics of a run as they were really measured once, around other values."""
    templates = _MEASURED[recipe]
    scale = float(np.random.default_rng(seed).lognormal(0.0, 0.1))

    def moved(value: float | None) -> float | None:
        return None if value is None else value * scale

    return tuple(
        replace(one, value=moved(one.value), low=moved(one.low), high=moved(one.high))
        for one in templates[seed % len(templates)]
    )


def _measured() -> dict[str, list[tuple[MetricValue, ...]]]:
    """The metrics of every row of the committed snapshot, by recipe."""
    table = table_file.from_json((SNAPSHOT / "table.json").read_bytes(), "table.json")
    found: dict[str, list[tuple[MetricValue, ...]]] = {}
    for row in table.rows:
        if row.metrics:
            found.setdefault(row.recipe, []).append(row.metrics)
    return found


_MEASURED = _measured()


def _lab(store: Store, size: Size) -> None:
    """Every model on every device at every batch, once, as it is measured."""
    for at in range(size.devices):
        store.register(Registration(device(at), "0.1.0", "boot", "i1", True), START_NS)
    jobs = [
        (one, other, batch)
        for one in range(size.models)
        for other in range(size.devices)
        for batch in BATCHES
    ]
    for number, (at, other, batch) in enumerate(jobs):
        measure(store, number, at, other, batch, START_NS + number * 10**9)
    database, connection = store._database, store._connection
    assert database is not None
    found = connection.execute(
        "SELECT run_id, recipe FROM runs JOIN entries USING (job_id, entry_index) ORDER BY position"
    ).fetchall()
    connection.execute("BEGIN")
    for seed, (run, recipe) in enumerate(found):
        database.table("metrics").insert_all(
            metric_columns(run, position, one) for position, one in enumerate(metrics(seed, recipe))
        )
    connection.execute(
        "UPDATE runs SET analysis_version = ?, analysed_unix_ns = received_unix_ns",
        (ANALYSIS_VERSION,),
    )
    connection.execute("UPDATE jobs SET state = 'finished', ended_unix_ns = submitted_unix_ns")
    connection.execute("COMMIT")


def measure(store: Store, number: int, at: int, other: int, batch: int, now_ns: int) -> list[str]:
    """One job of one model on one device, measured and not analysed; ids of its runs."""
    name, kind = model(at)
    baseline = Digest(f"{at + 1:064x}", 100_000)
    entries = [Entry("fp32", baseline)]
    entries += [
        Entry(recipe, Digest(f"{at + 1:032x}{index:032x}", 30_000))
        for index, recipe in enumerate(RECIPES[1:], start=1)
    ]
    spec = JobSpec(
        name,
        baseline,
        tuple(entries),
        evaluation=Digest("e" * 64, 10),
        workload=Workload(batch=batch),
        profile=Profile.STANDARD,
    )
    job_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"job {number}"))
    who = device(other)
    store.submit(job_id, spec, kind, now_ns=now_ns)
    lease = store.claim(job_id, who.device_id, b"t" * 16, now_ns=now_ns, terms=TERMS)
    assert lease is not None
    told = [
        RunReport(
            run_id=run_id(job_id, lease.epoch, entry.index),
            job_id=job_id,
            epoch=lease.epoch,
            lease_token=b"t" * 16,
            entry_index=entry.index,
            status=RunStatus.MEASURED,
            started_unix_ns=now_ns,
            ended_unix_ns=now_ns + 10**8,
            device_id=who.device_id,
            sandbox="bwrap",
            stack=who.stack,
            fingerprint=who.runtimes[0].fingerprint,
            raw=(
                RawRef(
                    PassName.PAIR, 0, RawRole.BOTH, Digest(f"{number:060x}{entry.index:04x}", 9)
                ),
            ),
        )
        for entry in lease.entries
    ]
    for report in told:
        store.report(report, now_ns + 10**8, TERMS)
    return [report.run_id for report in told]


def _history(connection: sqlite3.Connection, size: Size) -> None:
    """Copy the round of the lab into the past until there are runs enough."""
    rounds, rest = divmod(size.runs, size.rows)
    jobs = size.rows // len(RECIPES)
    numbers = [(number, jobs) for number in range(1, rounds)]
    if rest:
        numbers.append((max(1, rounds), rest // len(RECIPES)))
    connection.execute("PRAGMA foreign_keys = OFF")  # cannot be wrong: ids are copied alike
    connection.execute("BEGIN")
    connection.execute("CREATE TEMP TABLE lab_jobs AS SELECT * FROM jobs")
    connection.execute("CREATE TEMP TABLE lab_runs AS SELECT * FROM runs")
    connection.execute(
        f"CREATE TEMP TABLE lab_metrics AS SELECT * FROM metrics WHERE key IN {KEPT}"
    )
    for number, limit in numbers:
        _copy(connection, number, limit)
    connection.execute("COMMIT")
    connection.execute("PRAGMA foreign_keys = ON")


def _copy(connection: sqlite3.Connection, number: int, jobs: int) -> None:
    """One earlier round: every id gets another beginning, every time is days before.

    Ids come in their order, so that no page is written twice.
    """
    values = {"mark": f"{number:08x}", "days": number * DAY_NS, "jobs": jobs}
    for table, source, ids, times in (
        ("jobs", "lab_jobs", ("job_id",), ("submitted_unix_ns", "ended_unix_ns")),
        ("entries", "main.entries", ("job_id",), ("settled_unix_ns",)),
        ("leases", "main.leases", ("job_id",), ("claimed_unix_ns", "ended_unix_ns")),
        (
            "runs",
            "lab_runs",
            ("job_id", "run_id"),
            ("started_unix_ns", "ended_unix_ns", "received_unix_ns", "analysed_unix_ns"),
        ),
        ("raw", "main.raw", ("run_id",), ()),
        ("metrics", "lab_metrics", ("run_id",), ()),
    ):
        names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        shown = [
            f":mark || substr({name}, 9)"
            if name in ids
            else f"{name} - :days"
            if name in times
            else "NULL"
            if name == "position" and table in ("jobs", "runs")
            else name
            for name in names
        ]
        which = (
            "job_id IN (SELECT job_id FROM lab_jobs ORDER BY position LIMIT :jobs)"
            if "job_id" in names
            else "run_id IN (SELECT run_id FROM lab_runs WHERE job_id IN"
            " (SELECT job_id FROM lab_jobs ORDER BY position LIMIT :jobs))"
        )
        connection.execute(
            f"INSERT INTO main.{table} ({', '.join(names)}) SELECT {', '.join(shown)}"
            f" FROM {source} WHERE {which} ORDER BY substr({ids[-1]}, 9)",
            values,
        )
