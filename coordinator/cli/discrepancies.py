"""The command `discrepancies`: on which samples an artifact parts from its baseline, and where."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, NotFound

from .common import Source, say

if TYPE_CHECKING:
    from bitgauge.benchmarks.quality.classes import FirstGuesses, OfClass
    from bitgauge.benchmarks.quality.discrepancies import Discrepancy
    from bitgauge.benchmarks.record.explain.parting import LossParts
    from bitgauge.benchmarks.record.sources import Sources
    from bitgauge.benchmarks.samples import QualitySamples

    from ..client.answers import Reads
    from ..tasks.loss_split import LossStep

GUESSES = 5
EXIT_FAILED = 1
EXIT_REVIEW = 3


@dataclass(frozen=True, slots=True)
class DiscrepancyReport:
    """One run, sample by sample and class by class.

    Attributes:
        run_id: which run.
        samples: of its evaluation set.
        flips: samples whose prediction changed, wrong to other wrong included.
        top5: whether the label is among the first five; None where not every class has a number.
        classes: each with its change, the one that lost most first.
        strata: name, samples, lost and won, the one that lost the largest share first.
        worst: samples that both answer differently.
        loss: where its noise comes from.
        split: what rounding, clipping and kernels cost, in points; empty where nobody asked.
    """

    run_id: str
    samples: int
    flips: int | None
    top5: FirstGuesses | None
    classes: tuple[OfClass, ...]
    strata: tuple[tuple[str, int, int, int], ...]
    worst: tuple[Discrepancy, ...]
    loss: LossParts
    split: tuple[LossStep, ...] = ()


def discrepancies(
    run: Annotated[str, typer.Argument(metavar="RUN|JOB", help="Id of a run, or of a job.")],
    *,
    recipe: Annotated[
        str | None, typer.Option(help="Which entry of a job; else its worst.")
    ] = None,
    critical: Annotated[
        list[str] | None,
        typer.Option(metavar="CLASS=POINTS", help="A class with a margin of its own."),
    ] = None,
    margin: Annotated[
        float, typer.Option(min=0, max=100, metavar="POINTS", help="Of the first five guesses.")
    ] = 1.0,
    split: Annotated[
        Path | None,
        typer.Option(
            metavar="EVAL", help="Run on its evaluation set what lies between float and device."
        ),
    ] = None,
    most: Annotated[int, typer.Option(min=1, max=10_000, help="Samples to list.")] = 50,
    where: Source,
) -> None:
    """Say on which samples an artifact parts from its baseline, class by class, and at which layer.

    Exit code 0: no critical class lost more than its margin. 1: one did. 3: one needs more samples.

    Example: bitgauge discrepancies 7d41... --critical 3=0.5

    Example: bitgauge discrepancies 7d41... --split eval.npz
    """
    from bitgauge.benchmarks.quality import classes
    from bitgauge.benchmarks.quality.accuracy import flips
    from bitgauge.benchmarks.quality.discrepancies import by_stratum
    from bitgauge.benchmarks.quality.discrepancies import discrepancies as parted
    from bitgauge.benchmarks.record.explain.parting import loss_parts

    from ..client.sources import chosen_run, sources_of, subject_in
    from .text.discrepancies import discrepancies_text

    margins = dict(map(_margin, critical or ()))
    with where.answers() as source:
        known = sources_of(source, chosen_run(source, run, recipe))
        samples = _answers(known)
        steps = () if split is None else _split(source, known, samples, split)
    report = DiscrepancyReport(
        run_id=known.run.run_id,
        samples=int(samples.ids.size),
        flips=flips(samples),
        top5=classes.first_guesses(samples, GUESSES, margin / 100),
        classes=classes.per_class(samples, margins),
        strata=by_stratum(samples),
        worst=parted(samples, most),
        loss=loss_parts(subject_in(known).ledger),
        split=steps,
    )
    where.show(report, discrepancies_text)
    verdicts = {one.verdict for one in report.classes if one.margin_pp is not None}
    if "FAIL" in verdicts:
        raise typer.Exit(EXIT_FAILED)
    if "UNDECIDED" in verdicts:
        raise typer.Exit(EXIT_REVIEW)


def _answers(known: Sources) -> QualitySamples:
    from bitgauge.benchmarks.raw.quality import quality_samples
    from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole

    found = known.raw_files.parsed(PassName.QUALITY, RawRole.BOTH, quality_samples)
    if not found or found[0].cand_top1 is None:
        raise NotFound(
            Code.UNKNOWN_RUN,
            f"Run {known.run.run_id} has no answers of an artifact beside its baseline's.",
        )
    return found[0]


def _split(
    source: Reads, known: Sources, samples: QualitySamples, evaluation: Path
) -> tuple[LossStep, ...]:
    """What each step costs; the models come from whoever answers, the set from its owner."""
    import numpy as np
    from bitgauge.benchmarks.quality.sets import read_evaluation_set

    from ..client.upload import local_file
    from ..tasks.loss_split import loss_steps, simulated_in_sandbox

    told = known.given("evaluation_sha256").value
    if local_file(evaluation).digest.sha256 != told:
        raise BadInput(
            Code.BAD_ARGUMENT, f"{evaluation} is not the evaluation set that the run was judged on."
        )
    baseline, artifact = known.job.entries[0].artifact, known.entry.artifact
    if samples.labels is None or not samples.classes or baseline is None or artifact is None:
        raise BadInput(Code.BAD_ARGUMENT, "The run has no classes, so no loss to split.")
    output = {item.name: item.value for item in known.metric("accuracy_pct").detail}.get("output")
    say(f"{known.run.recipe} is run here with and without the ends of its codes.")
    with tempfile.TemporaryDirectory(prefix="bitgauge-split-") as folder:
        paths = Path(folder, "baseline.onnx"), Path(folder, "artifact.onnx")
        for path, digest in zip(paths, (baseline, artifact), strict=True):
            path.write_bytes(source.blob(digest))
        found = simulated_in_sandbox(*paths, evaluation, output or "")
    order = {name: at for at, name in enumerate(samples.ids.tolist())}
    places = [order[name] for name in read_evaluation_set(evaluation).ids.tolist()]
    assert samples.cand_top1 is not None, "`_answers` asked"
    on_device = np.equal(samples.cand_top1, samples.labels).reshape(-1)
    return loss_steps(found, on_device[np.array(places)])


def _margin(text: str) -> tuple[int, float]:
    name, _, number = text.partition("=")
    try:
        label, points = int(name), float(number)
    except ValueError as error:
        raise BadInput(Code.BAD_ARGUMENT, f"--critical {text!r} is not like 3=0.5.") from error
    if not 0 <= points <= 100:
        raise BadInput(Code.BAD_ARGUMENT, f"--critical {text!r} has no margin of 0 to 100 points.")
    return label, points


PLACE = 71
"""Where the commands of this file stand in the help."""
COMMANDS = (discrepancies,)
