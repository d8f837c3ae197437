"""Calibration sets: `calibration check`, `sample`, `add`, `list`, `show`, `rebuild`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

from ..common import Coordinator, Force, Json, answer, say, unfolded

calibration = typer.Typer(
    name="calibration",
    help="Calibration sets: what they stand for, their versions, and what was built with them.",
    no_args_is_help=True,
)


EXIT_FAILED = 1
EXIT_REVIEW = 3


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
    production: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A newer sample of production: has it moved since?"),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(metavar="ONNX", help="Hold ranges against this model's own activations."),
    ] = None,
    ranges: Annotated[
        str, typer.Option(metavar="METHOD", help="With --model: minmax or percentile.")
    ] = "minmax",
    seed: Annotated[int, typer.Option(min=0, help="Of the random divisions.")] = 0,
    json: Json = False,
) -> None:
    """Hold a calibration set against samples of what the model will see.

    Effect sizes decide, which do not grow with the number of samples; p-values are shown. With
    --model its own tensors decide: ranges are frozen and held against samples that they were not
    taken from.

    Exit code 0: it stands for them. 1: it does not. 2: bad input. 3: somebody should look.

    Example: bitgauge calibration check cal.npz --against production.npz --evaluation eval.npz

    Example: bitgauge calibration check cal.npz --against eval.npz --model model.onnx
    """
    from bitgauge.benchmarks.quality.sets import read_evaluation_set
    from bitgauge.benchmarks.vocabulary.typed import unknown

    from ...sets.calibration.check import Likeness, check, with_activations
    from ...sets.calibration.coverage import METHODS
    from ..text.calibration import checked_text

    if ranges not in METHODS:
        raise unknown("method in --ranges", ranges, METHODS)
    read = read_evaluation_set
    mine = read(file, Code.BAD_CALIBRATION_SET)
    judged = read(evaluation) if evaluation is not None else None
    newer = read(production) if production is not None else None
    found = check(mine, read(against), evaluation=judged, production=newer, seed=seed)
    if model is not None:
        from ...tasks.activations import seen_in_sandbox

        say(f"{model.name} is run on both sets; its tensors are looked at.")
        found = with_activations(found, seen_in_sandbox(model, file, against, ranges, seed))
    answer(found, lambda one: checked_text(str(file), str(against), one), json=json)
    if found.verdict is not Likeness.PASSED:
        failed = found.verdict is Likeness.FAILED
        raise typer.Exit(EXIT_FAILED if failed else EXIT_REVIEW)


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


@calibration.command("add")
@unfolded
def add_set(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What all its versions are called.")],
    file: Annotated[Path, typer.Argument(metavar="SET", help="The calibration set.")],
    *,
    source: Annotated[
        str, typer.Option(metavar="TEXT", help="Where its samples are from, in a few words.")
    ],
    coordinator: Coordinator,
) -> None:
    """Record a set as the next version of a name; who adds the first version owns the name.

    Example: bitgauge calibration add street-photos cal.npz --source "cameras 3 and 7, May"
    """
    from ..text.calibration import set_text

    with coordinator.client() as client:
        added = client.add_calibration_set(name, file, source)
    coordinator.show(added, set_text)


@calibration.command("list")
@unfolded
def list_sets(*, coordinator: Coordinator) -> None:
    """Print every version of every set, and how many rows were built with each.

    Example: bitgauge calibration list
    """
    from ..text.calibration import sets_text

    with coordinator.client() as client:
        coordinator.show(client.calibration_sets(), sets_text)


@calibration.command("show")
@unfolded
def show_set(
    name: Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help="Which; else the newest.")],
    *,
    coordinator: Coordinator,
) -> None:
    """Print one version of a set: source, strata, preprocessing, digest.

    Example: bitgauge calibration show street-photos@2
    """
    from ..text.calibration import set_text

    with coordinator.client() as client:
        coordinator.show(client.calibration_set(name), set_text)


@calibration.command("fetch")
@unfolded
def fetch_set(
    name: Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help="Which; else the newest.")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to.")],
    force: Force = False,
    coordinator: Coordinator,
) -> None:
    """Write the file of a recorded set, so that it can be checked against what is seen today.

    A job of cron or CI that fetches, then checks against a fresh sample of production, says by its
    exit code when the set is due to be renewed.

    Example: bitgauge calibration fetch street-photos -o cal.npz
    """
    from ...exports.output import refuse_existing, write_output

    refuse_existing(output, force=force)
    with coordinator.client() as client:
        found = client.calibration_set(name)
        data = client.blob(found.digest)
    write_output(output, data, force=force)
    coordinator.show(found, lambda one: f"{output}: {one.label}, {one.samples} samples.")


@calibration.command("rebuild")
@unfolded
def rebuild(
    change: Annotated[
        str, typer.Argument(metavar="OLD=NEW", help="Two sets, each as NAME or NAME@VERSION.")
    ],
    *,
    run: Annotated[
        bool, typer.Option("--run", help="Begin; without it the plan is printed, nothing more.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Keep model=, recipe= or device= so named."),
    ] = None,
    coordinator: Coordinator,
) -> None:
    """Plan every row that was built with one set anew with another; with --run begin it.

    What was built with the old set stays until it has been measured again. Its campaign is
    followed by `bitgauge campaign show`.

    Example: bitgauge calibration rebuild street-photos@1=street-photos@2 --run
    """
    from bitgauge.benchmarks.refresh.targets import parse_only
    from bitgauge.benchmarks.vocabulary.values.calibration import Recalibration
    from bitgauge.benchmarks.vocabulary.values.campaigns import RefreshOrder

    from ..text.refresh import plan_text

    old_name, sign, new_name = change.partition("=")
    if not (old_name and sign and new_name):
        raise BadInput(Code.BAD_ARGUMENT, f"{change!r} is not OLD=NEW, such as night@1=night@2.")
    with coordinator.client() as client:
        old, new = client.calibration_set(old_name), client.calibration_set(new_name)
        if old.digest == new.digest:
            raise BadInput(
                Code.BAD_ARGUMENT,
                f"{old.label} and {new.label} are the same file: nothing changes.",
            )
        order = RefreshOrder(
            only=parse_only(only or ()), recalibrate=Recalibration(old.digest, new.digest)
        )
        if not run:
            coordinator.show(client.plan_refresh(order), plan_text)
            return
        started = client.start_campaign(order)
    if not coordinator.json:
        say(plan_text(started.plan))
    coordinator.show(started.campaign, lambda view: view.campaign_id)
