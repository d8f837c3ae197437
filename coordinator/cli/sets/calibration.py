"""Calibration sets before anything is built on them: `calibration check`, `calibration sample`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

from ..common import Json, answer, say, unfolded

calibration = typer.Typer(
    name="calibration",
    help="Whether a calibration set stands for what a model will see.",
    no_args_is_help=True,
)


@calibration.command("check")
@unfolded
def check_set(
    file: Annotated[Path, typer.Argument(metavar="SET", help="The calibration set.")],
    *,
    against: Annotated[
        Path, typer.Option(metavar="FILE", help="Samples of production, or the evaluation set.")
    ],
    evaluation: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The evaluation set, of which it may hold nothing."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the random divisions.")] = 0,
    json: Json = False,
) -> None:
    """Hold a calibration set against samples of what the model will see; exit 1 when it fails.

    Effect sizes decide, which do not grow with the number of samples; p-values are shown.

    Example: bitgauge calibration check cal.npz --against production.npz --evaluation eval.npz
    """
    from bitgauge.benchmarks.quality.sets import read_evaluation_set

    from ...sets.calibration.check import Likeness, check
    from ..text.calibration import checked_text

    read = read_evaluation_set
    mine = read(file, Code.BAD_CALIBRATION_SET)
    judged = read(evaluation) if evaluation is not None else None
    found = check(mine, read(against), evaluation=judged, seed=seed)
    answer(found, lambda one: checked_text(str(file), str(against), one), json=json)
    if found.verdict is Likeness.FAILED:
        raise typer.Exit(1)


@calibration.command("sample")
@unfolded
def sample_set(
    pool: Annotated[Path, typer.Argument(metavar="SET", help="What is chosen from.")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The choice.")],
    count: Annotated[int, typer.Option(min=1, metavar="N", help="Samples to choose.")] = 256,
    weight: Annotated[
        list[str] | None,
        typer.Option(metavar="STRATUM=W", help="How much more a stratum or class counts."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another one gives another choice.")] = 0,
) -> None:
    """Choose a calibration set from a pool: of each stratum or class its share.

    Example: bitgauge calibration sample production.npz --count 256 --weight night=2 -o cal.npz
    """
    from bitgauge.benchmarks.quality.sets import read_evaluation_set, write_evaluation_set
    from bitgauge.benchmarks.vocabulary.shown import counted

    from ...sets.base import written_to
    from ...sets.calibration.draw import draw

    found = read_evaluation_set(pool, Code.BAD_CALIBRATION_SET)
    drawn = draw(found, count, dict(map(_weight, weight or ())), seed=seed)
    with written_to(output):
        write_evaluation_set(output, found.taken(drawn.places))
    for note in drawn.notes:
        say(f"note: {note}")
    say(f"{output}: {counted(drawn.places.size, 'sample')} of {len(found)}.")


def _weight(text: str) -> tuple[str, float]:
    name, sign, number = text.rpartition("=")
    try:
        if not sign:
            raise ValueError("there is no number")
        return name, float(number)
    except ValueError as error:
        raise BadInput(Code.BAD_ARGUMENT, f"--weight {text!r} is not like night=2.") from error
