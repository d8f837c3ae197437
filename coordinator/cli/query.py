"""The questions: `devices`, `jobs`, `table`, `runs`, `show`, `recipes`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from bitgauge.benchmarks.table.cells import cells, drill, key_of
from bitgauge.benchmarks.vocabulary.values.cells import Cell, CellKey
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery, TableRow

from ..client.answers import Reads
from .common import FromFile, Json, Source, answer
from .text.cells import cells_text, parts_text

if TYPE_CHECKING:
    from bitgauge.benchmarks.vocabulary.values.devices import DeviceView


ModelName = Annotated[str | None, typer.Option("--model", help="Only this model.")]


def devices(
    device: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Name or id of one, shown in full.")
    ] = None,
    *,
    where: Source,
) -> None:
    """List the devices; of one also what goes into its fingerprints, and what its kernels do.

    Example: bitgauge devices

    Example: bitgauge devices rpi5
    """
    from .text.devices import devices_text

    with where.answers() as source:
        found = source.devices()
    if device is not None:
        found = _named(found, device)
    where.show(found, lambda found: devices_text(found, whole=device is not None))


def _named(found: Sequence[DeviceView], device: str) -> tuple[DeviceView, ...]:
    """The devices of that name or id."""
    from bitgauge.benchmarks.vocabulary.devices import meant, named
    from bitgauge.benchmarks.vocabulary.errors import Code, NotFound

    ids = meant(device, [named(view) for view in found])
    wanted = tuple(view for view in found if view.description.device_id in ids)
    if not wanted:
        raise NotFound(Code.UNKNOWN_DEVICE, f"No device is named {device!r}.")
    return wanted


def jobs(
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 20,
    active: Annotated[bool, typer.Option("--active", help="Only those not ended.")] = False,
    where: Source,
) -> None:
    """List the jobs, newest first.

    Example: bitgauge jobs --active
    """
    from .text.jobs import jobs_text

    with where.answers() as source:
        found = source.jobs(limit, active)
    where.show(found, jobs_text)


def table(
    *,
    model: ModelName = None,
    model_class: Annotated[str | None, typer.Option(help="cnn, transformer, mlp, ...")] = None,
    hardware: Annotated[str | None, typer.Option(help="cpu_only, gpu_nvidia, ...")] = None,
    device: Annotated[str | None, typer.Option(help="Name or id of a device.")] = None,
    family: Annotated[str | None, typer.Option(help="fp32, fp16, int8, int4, ...")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Samples per call.")] = None,
    job: Annotated[str | None, typer.Option(help="Only what this job measured.")] = None,
    artifact: Annotated[
        str | None, typer.Option(help="Only this file: its label, or the start of its digest.")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(help="Drill down by model, device, runtime, recipe, kernel_mode."),
    ] = None,
    as_rows: Annotated[
        bool, typer.Option("--rows", help="Every row, with its absolute figures.")
    ] = False,
    from_file: FromFile = None,
    where: Source,
) -> None:
    """Print the benchmark table: the cells, what they are made of, or every row.

    Example: bitgauge table

    Example: bitgauge table --model-class cnn --by model,recipe

    Example: bitgauge table --model-class cnn --batch 1 --rows
    """
    from bitgauge.benchmarks.vocabulary.enums import FormatFamily, HardwareClass, ModelClass
    from bitgauge.benchmarks.vocabulary.typed import parse_word
    from bitgauge.benchmarks.vocabulary.values.rows import TableQuery

    query = TableQuery(
        model_name=model,
        model_class=parse_word(ModelClass, model_class, "model class") if model_class else None,
        hardware_class=parse_word(HardwareClass, hardware, "hardware class") if hardware else None,
        device=device,
        family=parse_word(FormatFamily, family, "format family") if family else None,
        batch=batch,
        job_id=job,
        artifact=artifact,
    )
    with where.answers(from_file) as source:
        if as_rows:
            _print_rows(source, query, json=where.json)
        elif by is not None:
            show_parts(source, query, by, json=where.json)
        else:
            show_cells(source, query, json=where.json)


def _print_rows(source: Reads, query: TableQuery, *, json: bool) -> None:
    from .text.rows import table_text

    rows = source.table(query)
    answer(rows, lambda rows: table_text(rows, source.devices() if rows else ()), json=json)


def runs(
    job: Annotated[str, typer.Argument(metavar="JOB", help="Id of the job.")],
    *,
    where: Source,
) -> None:
    """List every attempt of a job: its claims, and their runs, repeated ones included.

    Example: bitgauge runs 3f0c...
    """
    from .text.jobs import claims_text
    from .text.runs import run_line

    with where.answers() as source:
        found = source.runs(job)
        view = source.job(job)
    lines = [claims_text(view)] if view.claims else []
    lines += map(run_line, found) if found else ["The job has no run yet."]
    where.show(found, lambda _: "\n".join(lines))


def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Id of the run.")],
    *,
    times: Annotated[bool, typer.Option("--times", help="Where its seconds went.")] = False,
    where: Source,
) -> None:
    """Show one run: its numbers, its stack, its raw files, or why it failed.

    Example: bitgauge show 7d41...
    """
    from ..client.sources import spent_on
    from .text.jobs import order_words
    from .text.runs import run_text
    from .text.times import times_text

    with where.answers() as source:
        found = source.run(run)
        job = None if where.json else source.job(found.job_id)
        spent = spent_on(source, found) if times else None
    if spent is None:
        where.show(found, lambda run: run_text(run, (job and order_words(job)) or ""))
    else:
        where.show(spent, lambda spent: times_text(found, *spent))


def recipes(*, json: Json = False) -> None:
    """List the recipes that can be built; those of `--recipes all` are marked.

    Example: bitgauge recipes
    """
    from bitgauge.benchmarks.vocabulary.recipes import DEFAULT_RECIPES

    from ..builders.registry import buildable_recipes

    usual = {str(recipe) for recipe in DEFAULT_RECIPES}
    names = [str(recipe) for recipe in buildable_recipes()]
    marked = [f"{'*' if name in usual else ' '} {name}" for name in names]
    answer(
        [{"recipe": name, "in_all": name in usual} for name in names],
        lambda _: "\n".join((*marked, "* measured by --recipes all")),
        json=json,
    )


PLACE = 40
"""Where the commands of this file stand in the help."""
COMMANDS = (devices, jobs, table, runs, show, recipes)


def show_cells(source: Reads, query: TableQuery, *, json: bool) -> None:
    """Print the cells that match; those of one model, device or job are made for the question."""
    if query.model_name or query.device or query.job_id or query.artifact:
        found = cells(source.table(query))
    else:
        found = tuple(cell for cell in source.cells(query) if _matches(query, cell))
    answer(found, lambda found: cells_text(found, time.time_ns()), json=json)


def show_parts(source: Reads, query: TableQuery, by: str, *, json: bool) -> None:
    """Print what the cells that match are made of, by the dimensions named in `by`."""
    names = [name.strip() for name in by.split(",") if name.strip()]
    grouped: dict[CellKey, list[TableRow]] = {}
    for row in source.table(query):
        grouped.setdefault(key_of(row), []).append(row)
    parts = {key: drill(rows, names) for key, rows in grouped.items()}
    text = parts_text(parts, time.time_ns()) if parts else cells_text((), time.time_ns())
    answer(
        [{"key": key, "parts": found} for key, found in parts.items()], lambda _: text, json=json
    )


def _matches(query: TableQuery, cell: Cell) -> bool:
    key = cell.key
    return (
        query.model_class in (None, key.model_class)
        and query.hardware_class in (None, key.hardware_class)
        and query.family in (None, key.family)
        and (key.workload is None or query.batch in (None, key.workload.batch))
    )
