"""How long answers take when the history grows: select and table over 1e3 to 1e6 runs.

Each line is one question, asked many times of an open database with other words each time, as the
coordinator would answer it and `--db` does once it has started. Start-up is not in it. The goal is
a p99 below 20 ms at 1e6 runs. Time of the processor stands beside time on the clock, which on a
machine that others use holds their share too. `plain SQLite` is a group-by over an index of the
same file: what the engine alone takes to read as many rows. The last lines compare with the
smallest store: the history grows a thousandfold, the table itself by as much as the lab does.

``python -m tests.bench.bench_table [RUNS ...]`` makes and asks some sizes only.
"""

from __future__ import annotations

import gc
import itertools
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bitgauge.benchmarks.vocabulary.values.choices import SelectQuery
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.coordinator.client.offline import Offline
from bitgauge.coordinator.store.store import Store

from . import synthetic_store as lab

ASKED = 200
GOAL_MS = 20.0
SETTLED = 40

Question = Callable[[], object]
Took = tuple[float, float]
"""Milliseconds on the clock, and of the processor."""


def questions(source: Offline, size: lab.Size) -> dict[str, Iterator[Question]]:
    """Questions without end, by name."""
    kinds = list(itertools.product(lab.CLASSES, lab.HARDWARE, lab.BATCHES))
    names = [lab.model(at)[0] for at in range(size.models)]
    boards = [lab.device(at).name for at in range(size.devices)]

    def select() -> Iterator[Question]:
        for kind, hardware, batch in itertools.cycle(kinds):
            query = SelectQuery(
                kind, hardware, workload=Workload(batch=batch), max_accuracy_loss_pp=1.0
            )
            yield lambda query=query: source.select(query)  # type: ignore[misc]

    def select_model() -> Iterator[Question]:
        models = [lab.model(at) for at in range(size.models)]
        for (name, kind), hardware in itertools.cycle(itertools.product(models, lab.HARDWARE)):
            query = SelectQuery(kind, hardware, model_name=name, max_accuracy_loss_pp=1.0)
            yield lambda query=query: source.select(query)  # type: ignore[misc]

    def rows() -> Iterator[Question]:
        for name, board in itertools.cycle(itertools.product(names, boards)):
            query = TableQuery(model_name=name, device=board)
            yield lambda query=query: source.table(query)  # type: ignore[misc]

    def cell() -> Iterator[Question]:
        for kind, hardware, batch in itertools.cycle(kinds):
            query = TableQuery(
                model_class=kind, hardware_class=hardware, workload=Workload(batch=batch)
            )
            yield lambda query=query: source.table(query)  # type: ignore[misc]

    return {
        "select, a model class": select(),
        "select, one model": select_model(),
        "table": itertools.repeat(source.cells),
        "table --rows, a model and device": rows(),
        "table --rows, a cell": cell(),
    }


def took(question: Question) -> Took:
    """Asks once; milliseconds on the clock and of the processor."""
    began, began_cpu = time.perf_counter_ns(), time.thread_time_ns()
    question()
    return (time.perf_counter_ns() - began) / 1e6, (time.thread_time_ns() - began_cpu) / 1e6


def plain(connection: sqlite3.Connection) -> Iterator[Question]:
    """A group-by over an index of the rows of the table."""
    sql = (
        "SELECT model_class, hardware_class, scenario, batch, threads, family, count(*)"
        " FROM table_rows GROUP BY 1, 2, 3, 4, 5, 6"
    )
    return itertools.repeat(lambda: connection.execute(sql).fetchall())


def settled(path: Path) -> list[Took]:
    """Publishing the numbers of a run, rows and cells brought up to date."""
    store = Store.open(path)
    try:
        found: list[Took] = []
        for number in range(-(-SETTLED // len(lab.RECIPES))):
            now_ns = lab.START_NS + (number + 1) * lab.DAY_NS
            runs = lab.measure(store, 10**6 + number, 0, 0, 1, now_ns)
            for run, recipe in zip(runs, lab.RECIPES, strict=True):
                told = (run, 1, lab.metrics(number, recipe), now_ns + 10**9)
                found.append(took(lambda told=told: store.analysed(*told)))  # type: ignore[misc]
        return found
    finally:
        store.close()


def report(path: Path, size: lab.Size) -> dict[str, float]:
    """Prints what one store takes; p99 in milliseconds, by question."""
    p99 = {}
    with Offline(path) as source:
        connection = source.store._connection
        asked = questions(source, size) | {"plain SQLite": plain(connection)}
        for name, endless in asked.items():
            found = [took(question) for question in itertools.islice(endless, ASKED + 5)]
            p99[name] = _line(name, found[5:])
    p99["write: numbers of a run"] = _line("write: numbers of a run", settled(path))
    return p99


def _line(name: str, found: list[Took]) -> float:
    clock, processor = zip(*found, strict=True)
    p99, own = (_p99(one) for one in (clock, processor))
    late = "" if p99 <= GOAL_MS or name.startswith("write") else f"  above {GOAL_MS:g} ms"
    print(
        f"  {name:<34} p50 {statistics.median(clock):8.2f} ms   p99 {p99:8.2f} ms"
        f"   processor p50 {statistics.median(processor):8.2f} p99 {own:8.2f} ms{late}",
        flush=True,
    )
    return own


def _p99(found: Sequence[float]) -> float:
    return statistics.quantiles(found, n=100, method="inclusive")[98]


def main(wanted: list[str]) -> None:
    """Makes the stores, asks, and prints how the answers grow."""
    # As the coordinator does once it has started: what lives as long as it is not looked at again.
    gc.collect()
    gc.freeze()
    sizes = [size for size in lab.SIZES if not wanted or str(size.runs) in wanted]
    grown: dict[int, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="bitgauge-bench-") as folder:
        for size in sizes:
            path = Path(folder) / "store.db"
            began = time.monotonic()
            lab.make(path, size)
            made_s = time.monotonic() - began
            print(
                f"{size.runs:,} runs: {size.models} models, {size.devices} devices,"
                f" {size.rows:,} rows; {path.stat().st_size / 2**20:,.0f} MiB,"
                f" made in {made_s:.0f} s",
                flush=True,
            )
            grown[size.runs] = report(path, size)
            for part in Path(folder).iterdir():
                part.unlink()
    first = next(iter(grown))
    print(f"growth of the processor's p99 from {first:,} runs (x1):")
    for name in grown[first]:
        ratios = "  ".join(
            f"{runs:,}: x{found[name] / grown[first][name]:.2f}" for runs, found in grown.items()
        )
        print(f"  {name:<34} {ratios}")


if __name__ == "__main__":
    main(sys.argv[1:])
