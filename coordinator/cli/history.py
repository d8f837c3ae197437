"""The past: `compare`, `history`, `history annotate`, `regressions`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from .common import Coordinator, Source, unfolded

if TYPE_CHECKING:
    from bitgauge.benchmarks.vocabulary.values.history import HistoryQuery

Model = Annotated[str | None, typer.Option("--model", help="Only this model.")]
Recipe = Annotated[str | None, typer.Option("--recipe", help="Only this recipe.")]
Device = Annotated[str | None, typer.Option("--device", help="Name or id of a device.")]
Batch = Annotated[int | None, typer.Option("--batch", min=1, help="Samples per call.")]
Run = Annotated[str | None, typer.Option("--run", help="Only the row of this run.")]

history_app = typer.Typer(name="history", invoke_without_command=True)


def compare(
    before: Annotated[str, typer.Argument(metavar="A", help="Run, stack, date, recipe, device.")],
    after: Annotated[str, typer.Argument(metavar="B", help="Another one of the same kind.")],
    *,
    model: Model = None,
    recipe: Recipe = None,
    device: Device = None,
    batch: Batch = None,
    everything: Annotated[bool, typer.Option("--all", help="Show every metric.")] = False,
    where: Source,
) -> None:
    """Hold two sets of results against each other, and name every input that changed.

    A and B are run ids, stacks (the start of a fingerprint, or device@date), dates (the table as
    it was at the end of that day, UTC), recipes or devices.

    Example: bitgauge compare 2026-11-01 2026-11-21

    Example: bitgauge compare rpi5@2026-11-01 rpi5@2026-11-21 --model digits-cnn
    """
    from bitgauge.benchmarks.vocabulary.values.history import CompareQuery

    from ..client.sources import in_tensors
    from .text.history import comparison_text

    query = CompareQuery(before, after, model, recipe, device, batch)
    with where.answers() as source:
        found = in_tensors(source, source.compare(query))
    where.show(found, lambda found: comparison_text(found, everything=everything))


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesOptions:
    """Which rows are shown, and which metric of them."""

    model: Model = None
    model_class: Annotated[str | None, typer.Option(help="cnn, transformer, mlp, ...")] = None
    hardware: Annotated[str | None, typer.Option(help="cpu_only, gpu_nvidia, ...")] = None
    family: Annotated[str | None, typer.Option(help="fp32, fp16, int8, int4, ...")] = None
    recipe: Recipe = None
    device: Device = None
    batch: Batch = None
    run: Run = None
    metric: Annotated[
        str | None,
        typer.Option(help="Which metric; else the latency ratio, of a baseline its median."),
    ] = None

    def query(self) -> HistoryQuery:
        """What was typed, as a question."""
        from bitgauge.benchmarks.vocabulary.enums import FormatFamily, HardwareClass, ModelClass
        from bitgauge.benchmarks.vocabulary.typed import parse_word
        from bitgauge.benchmarks.vocabulary.values.history import HistoryQuery

        kind, hardware, family = self.model_class, self.hardware, self.family
        return HistoryQuery(
            model_name=self.model,
            model_class=parse_word(ModelClass, kind, "model class") if kind else None,
            hardware_class=parse_word(HardwareClass, hardware, "hardware class")
            if hardware
            else None,
            family=parse_word(FormatFamily, family, "format family") if family else None,
            recipe=self.recipe,
            device=self.device,
            batch=self.batch,
            run_id=self.run,
            metric=self.metric,
        )


@history_app.callback()
@unfolded
def history(context: typer.Context, *, series: SeriesOptions, where: Source) -> None:
    """Show the accepted runs of rows over time: values, changes of stack, steps, annotations.

    Example: bitgauge history --model digits-cnn --recipe int8-dynamic --device rpi5

    Example: bitgauge history --run 7d41... --metric accuracy_delta_pp
    """
    if context.invoked_subcommand is not None:
        return
    from .text.history import histories_text

    with where.answers() as source:
        found = source.histories(series.query())
    where.show(found, histories_text)


@history_app.command()
@unfolded
def annotate(
    regression: Annotated[
        str | None,
        typer.Argument(metavar="REGRESSION", help="Its id, or the beginning of it."),
    ] = None,
    *,
    note: Annotated[str, typer.Option(help="Why the change is accepted.")],
    model: Model = None,
    recipe: Recipe = None,
    device: Device = None,
    batch: Batch = None,
    run: Run = None,
    coordinator: Coordinator,
) -> None:
    """Accept a change: the baseline of its rows restarts there, their regressions are explained.

    Names a regression; or a run, from which on its row counts; or rows, which count from now on.

    Example: bitgauge history annotate 3f0c81aa --note "driver 580 is slower; accepted"
    """
    from bitgauge.benchmarks.vocabulary.values.history import HistoryQuery

    from .text.history import annotated_text

    query = HistoryQuery(model_name=model, recipe=recipe, device=device, batch=batch, run_id=run)
    with coordinator.client() as client:
        done = client.annotate(note, regression_id=regression, query=query)
    coordinator.show(done, annotated_text)


def regressions(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    fail_on: Annotated[
        str | None,
        typer.Option(metavar="STATE", help="Exit with 1 when one is confirmed (or new)."),
    ] = None,
    where: Source,
) -> None:
    """List what became worse, with what was usual, what was found and what changed with it.

    A regression is new until it was measured once more; only a confirmed one sends an alert.

    Example: bitgauge regressions --fail-on confirmed
    """
    from .text.history import regressions_text

    states = _failing(fail_on)
    with where.answers() as source:
        found = source.regressions(ended=everything)
    where.show(found, regressions_text)
    if any(one.state in states for one in found):
        raise typer.Exit(1)


def _failing(fail_on: str | None) -> frozenset[str]:
    """The states that make CI fail; `new` includes those that are confirmed."""
    if fail_on is None:
        return frozenset()
    choices = {"confirmed": frozenset({"confirmed"}), "new": frozenset({"new", "confirmed"})}
    if fail_on not in choices:
        from bitgauge.benchmarks.vocabulary.typed import unknown

        raise unknown("state", fail_on, choices)
    return choices[fail_on]


PLACE = 100
"""Where the commands of this file stand in the help."""
COMMANDS = (compare, regressions, history_app)
