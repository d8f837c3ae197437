"""The command `export`: the whole table as one file, for people and programs elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..client.answers import Reads
from .common import Force, FromFile, Output, Place, say


def export(
    *,
    format: Annotated[
        str | None,
        typer.Option(
            "--format", help="json, csv, parquet or markdown; else by the name of the file."
        ),
    ] = None,
    output: Output = None,
    force: Force = False,
    evidence: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write a folder: the table and the record of each of its runs."
        ),
    ] = None,
    raw: Annotated[
        list[str] | None,
        typer.Option(metavar="RUN", help="With --evidence: the raw files of this run too."),
    ] = None,
    from_file: FromFile = None,
    where: Place,
) -> None:
    """Write the whole table, machines named by what they are and not by their hosts.

    JSON holds all of it, and `table` and `select` answer from it with --from; CSV and Parquet
    hold one line per row and metric; Markdown is for reading.

    Example: bitgauge export --format json -o table.json

    Example: bitgauge export --db store.db --evidence snapshot --raw 7d41...
    """
    from ..exports.formats import registry as formats
    from ..exports.output import refuse_existing, write_output
    from ..exports.table import exported

    if evidence is not None or raw:
        _refuse_pairs(evidence, output, format)
        with where.answers(from_file) as source:
            _export_evidence(source, evidence or Path(), raw or [])
        return
    chosen = formats.of_table(format, output)
    if output is not None:
        refuse_existing(output, force=force)
    with where.answers(from_file) as source:
        table = exported(source)
    data = formats.encode_table(table, chosen)
    if output is None:
        typer.echo(data, nl=False)
        return
    write_output(output, data, force=force)
    say(f"Wrote {len(table.rows)} rows and {len(table.cells)} cells to {output}.")


def _refuse_pairs(evidence: Path | None, output: Path | None, format: str | None) -> None:
    from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

    if evidence is None:
        raise BadInput(Code.BAD_ARGUMENT, "--raw RUN goes with --evidence DIR.")
    if output is not None or format is not None:
        raise BadInput(
            Code.BAD_ARGUMENT,
            "--evidence DIR writes a whole folder; give it without --output and --format.",
        )


def _export_evidence(source: Reads, folder: Path, raw: list[str]) -> None:
    from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

    from ..client.offline import Offline
    from ..exports.evidence import evidence, refuse_taken, write_folder

    if not isinstance(source, Offline):
        raise BadInput(Code.BAD_ARGUMENT, "--evidence needs a database: give --db PATH.")
    refuse_taken(folder)
    found = evidence(source, raw)
    write_folder(folder, found.files)
    say(f"Wrote {len(found.table.rows)} rows and their evidence to {folder}.")


PLACE = 90
"""Where the commands of this file stand in the help."""
COMMANDS = (export,)
