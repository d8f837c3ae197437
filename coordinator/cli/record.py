"""The commands `record` and `report`: everything about a run, for programs and for people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common import Force, Output, Place, say


def record(
    run: Annotated[list[str], typer.Argument(metavar="RUN|JOB...", help="Ids of runs or jobs.")],
    *,
    format: Annotated[
        str | None,
        typer.Option("--format", help="json, csv or parquet; else by the name of the file."),
    ] = None,
    output: Output = None,
    force: Force = False,
    where: Place,
) -> None:
    """Write all that is known of runs: every field a value, or null with the reason.

    JSON holds the whole record; CSV and Parquet one row per metric.

    Example: bitgauge record 7d41... --format csv -o run.csv
    """
    from bitgauge.benchmarks.record.build import build

    from ..client.sources import named_runs, sources_of
    from ..exports.formats import registry as formats
    from ..exports.output import refuse_existing, write_output

    chosen = formats.of_records(format, output)
    if output is not None:
        refuse_existing(output, force=force)
    with where.answers() as source:
        runs = named_runs(source, run)
        records = [build(sources_of(source, one)) for one in runs]
    data = formats.encode_records(records, chosen)
    if output is None:
        typer.echo(data, nl=False)
    else:
        write_output(output, data, force=force)
        say(f"Wrote {len(records)} record{'s' * (len(records) != 1)} to {output}.")


def report(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Id of the run.")],
    *,
    output: Output = None,
    force: Force = False,
    where: Place,
) -> None:
    """Write one HTML file about a run: numbers, plots, ledger, and what is not known.

    Example: bitgauge report 7d41... -o report.html
    """
    from ..client.sources import sources_of
    from ..exports.output import refuse_existing, write_output
    from ..exports.report.report import report_html

    target = output or Path(f"report-{run[:8]}.html")
    refuse_existing(target, force=force)
    with where.answers() as source:
        sources = sources_of(source, source.run(run))
    write_output(target, report_html(sources), force=force)
    say(f"Wrote {target}.")


PLACE = 80
"""Where the commands of this file stand in the help."""
COMMANDS = (record, report)
