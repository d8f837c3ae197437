"""May this be shipped for this purpose? `gate`, `gate approve`, `gate reject`, `gate simulate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from ..common import Coordinator, Source, unfolded

if TYPE_CHECKING:
    from bitgauge.benchmarks.vocabulary.values.gates import (
        GateVerdict,
        PairedAnswers,
        RuleVerdict,
        UseCase,
    )

    from ...client.answers import Reads

EXIT_CODES = {"passed": 0, "failed": 1, "manual_review": 3}


class _Gate(TyperGroup):
    """`gate RUN` is `gate judge RUN`: the word in between says nothing."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As Click does, with the word put in where a run follows."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["judge", *args]
        return super().parse_args(ctx, args)


gate = typer.Typer(
    name="gate",
    cls=_Gate,
    help="Hold a run against the limits of a use case: passed, failed or manual_review.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
RunName = Annotated[str, typer.Argument(metavar="RUN", help="Its id, or the beginning of it.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Whose word it is.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")]
Purpose = Annotated[
    str | None, typer.Option("--use-case", metavar="NAME", help="Which use case of the file.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateOptions:
    """Which limits count."""

    use_case: Purpose = None
    gates: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The limits; else ./gates.toml, else Bitgauge's own."),
    ] = None

    def wanted(self) -> UseCase | None:
        """The use case that was named; None where nobody spoke of one."""
        return self.chosen() if self.use_case or self.gates else None

    def chosen(self) -> UseCase:
        """The use case that was named, from the file that counts."""
        from bitgauge.benchmarks.common.files import bounded_bytes
        from bitgauge.benchmarks.gates.file import FILE_NAME, MAX_FILE_BYTES, parse_gates, shipped
        from bitgauge.benchmarks.gates.file import chosen as of_name
        from bitgauge.benchmarks.vocabulary.errors import Code

        path = self.gates or Path(FILE_NAME)
        if self.gates is None and not path.exists():
            name, text = f"Bitgauge's {FILE_NAME}", shipped()
        else:
            name = str(path)
            text = bounded_bytes(path, MAX_FILE_BYTES, Code.BAD_GATES).decode(errors="replace")
        return of_name(parse_gates(text, name), self.use_case, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyOptions:
    """Which formats are sanctioned."""

    policy: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Sanctioned formats; else ./policy.toml, else none."),
    ] = None
    deviate: Annotated[
        str, typer.Option(metavar="REASON", help="Why another format is taken; it is kept.")
    ] = ""

    def rules(self, source: Reads, run_id: str) -> tuple[RuleVerdict, ...]:
        """What the policy says of a run's format; nothing where there is no policy."""
        from datetime import datetime, timezone

        from bitgauge.benchmarks.common.files import bounded_bytes
        from bitgauge.benchmarks.gates.policy import (
            FILE_NAME,
            MAX_FILE_BYTES,
            parse_policy,
            sanctioned,
        )
        from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

        path = self.policy or Path(FILE_NAME)
        if self.policy is None and not path.exists():
            if self.deviate:
                sentence = f"There is no {FILE_NAME} to deviate from; name one with --policy."
                raise BadInput(Code.BAD_ARGUMENT, sentence)
            return ()
        text = bounded_bytes(path, MAX_FILE_BYTES, Code.BAD_POLICY).decode(errors="replace")
        policy, today = parse_policy(text, str(path)), datetime.now(timezone.utc).date()
        run = source.run(run_id)
        job = source.job(run.job_id)
        device = next(
            (one for one in source.devices() if one.description.device_id == run.device_id), None
        )
        hardware = device.description.hardware_class if device else None
        found = sanctioned(
            policy, run.recipe, job.model_class, hardware, today=today, deviation=self.deviate
        )
        return (found,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """Where else the verdict is written."""

    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="As JUnit XML.")] = None
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="As Markdown.")] = None

    def write(self, found: GateVerdict) -> None:
        """Write the files that were asked for."""
        from ...exports.output import write_output
        from ..text.junit import verdict_xml
        from ..text.shipping.gates import verdict_markdown

        if self.junit is not None:
            write_output(self.junit, verdict_xml(found).encode(), force=True)
        if self.markdown is not None:
            write_output(self.markdown, verdict_markdown(found).encode(), force=True)


@gate.command(hidden=True)
@unfolded
def judge(
    run: RunName,
    *,
    limits: GateOptions,
    policy: PolicyOptions,
    reports: Reports,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Keep no verdict.")] = False,
    where: Source,
) -> None:
    """Hold a run against a use case; exit 0 passed, 1 failed, 2 bad input, 3 manual review.

    A coordinator keeps the verdict; a database file (--db) only tells it.

    Example: bitgauge gate 7d41 --use-case triage --gates gates.toml --junit gate.xml
    """
    from ..text.shipping.gates import verdict_text

    asked = limits.chosen()
    client = None if dry_run else where.client()
    if client is None:
        with where.answers() as source:
            found = _judged(source, run, asked, policy)
    else:
        with client as kept:
            first = kept.judge(run, asked)
            further = _further(kept, first.run_id, asked, policy)
            found = kept.keep_verdict(first.run_id, asked, _paired(kept, first), further)
    reports.write(found)
    where.show(found, verdict_text)
    raise typer.Exit(EXIT_CODES[found.outcome])


@gate.command()
@unfolded
def approve(
    run: RunName, *, by: By, reason: Reason, use_case: Purpose = None, coordinator: Coordinator
) -> None:
    """Say that a run which needs a person may be shipped; one that failed its gate may not.

    Example: bitgauge gate approve 7d41 --by ann --reason "clipping is in the padding alone"
    """
    _decide(coordinator, run, use_case, approved=True, by=by, reason=reason)


@gate.command()
@unfolded
def reject(
    run: RunName, *, by: By, reason: Reason, use_case: Purpose = None, coordinator: Coordinator
) -> None:
    """Say that a run may not be shipped, whatever its gate said.

    Example: bitgauge gate reject 7d41 --by ann --reason "the evaluation set lacks night images"
    """
    _decide(coordinator, run, use_case, approved=False, by=by, reason=reason)


@gate.command("list")
@unfolded
def list_verdicts(
    *,
    run: Annotated[str | None, typer.Option(help="Only of this run.")] = None,
    model: Annotated[str | None, typer.Option(help="Only of this model.")] = None,
    use_case: Purpose = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
    where: Source,
) -> None:
    """List what gates and people said, newest first.

    Example: bitgauge gate list --model digits-cnn
    """
    from bitgauge.benchmarks.vocabulary.values.gates import VerdictQuery

    from ..text.shipping.gates import verdicts_text

    with where.answers() as source:
        found = source.verdicts(VerdictQuery(run, model, use_case, limit))
    where.show(found, verdicts_text)


@gate.command()
@unfolded
def simulate(
    *,
    margin: Annotated[
        float, typer.Option(min=0, max=100, metavar="POINTS", help="The loss that is let through.")
    ],
    model: Annotated[str | None, typer.Option(help="Only this model.")] = None,
    device: Annotated[str | None, typer.Option(help="Only this device.")] = None,
    cost_per_error: Annotated[
        float | None, typer.Option(min=0, help="Of one wrong prediction, in any currency.")
    ] = None,
    volume: Annotated[float | None, typer.Option(min=0, help="Predictions that are made.")] = None,
    where: Source,
) -> None:
    """Replay a margin over all past results: what would have passed, and what it costs and saves.

    Example: bitgauge gate simulate --margin 0.5 --cost-per-error 0.2 --volume 1000000
    """
    from bitgauge.benchmarks.gates.simulate import replay
    from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
    from bitgauge.benchmarks.vocabulary.values.history import HistoryQuery
    from bitgauge.benchmarks.vocabulary.values.rows import TableQuery

    from ..text.shipping.gates import simulated_text

    if (cost_per_error is None) is not (volume is None):
        sentence = (
            "A cost per error needs a volume, and a volume a cost: --cost-per-error --volume."
        )
        raise BadInput(Code.BAD_ARGUMENT, sentence)
    asked = HistoryQuery(model_name=model, device=device, metric="accuracy_delta_pp")
    with where.answers() as source:
        found = replay(
            source.histories(asked),
            margin,
            source.table(TableQuery(model_name=model, device=device)) if volume else (),
            cost_per_error=cost_per_error,
            volume=volume,
        )
    where.show(found, lambda found: simulated_text(found, margin))


def _judged(source: Reads, run: str, use_case: UseCase, policy: PolicyOptions) -> GateVerdict:
    """What the gate says, paired with the accepted version where both answers can be had."""
    found = source.judge(run, use_case)
    further = _further(source, found.run_id, use_case, policy)
    return source.judge(found.run_id, use_case, _paired(source, found), further)


def _further(
    source: Reads, run_id: str, use_case: UseCase, policy: PolicyOptions
) -> tuple[RuleVerdict, ...]:
    """What only who asks can tell: its answers class by class, and what its policy says."""
    from ...client.gates.paired import rules_of_classes

    return (*rules_of_classes(source, run_id, use_case), *policy.rules(source, run_id))


def _paired(source: Reads, found: GateVerdict) -> PairedAnswers | None:
    from ...client.gates.paired import paired_of_runs

    if not found.accepted_run_id:
        return None
    return paired_of_runs(source, found.accepted_run_id, found.run_id)


def _decide(
    coordinator: Coordinator,
    run: str,
    use_case: str | None,
    *,
    approved: bool,
    by: str,
    reason: str,
) -> None:
    from ..text.shipping.gates import verdict_text

    with coordinator.client() as client:
        found = client.decide_verdict(
            run, approved=approved, by=by, reason=reason, use_case=use_case or ""
        )
    coordinator.show(found, verdict_text)
