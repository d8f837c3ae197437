"""`bitgauge quantize`: from a full-precision model to an artifact that passes its gate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..common import Coordinator, Interrupted, print_json, print_text, say, unfolded
from ..run import Files, Measuring, Terms, specs_of
from .gate import EXIT_CODES, GateOptions

if TYPE_CHECKING:
    from bitgauge.benchmarks.ladder.climb import Climbed
    from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
    from bitgauge.benchmarks.vocabulary.values.gates import UseCase
    from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec, JobView

    from ...client.client import Client
    from ...client.upload import LocalFile

SECONDS = 60.0
"""Of the device, for a rung, where nothing was measured that would say better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class What:
    """What is quantized, and on which samples it is judged."""

    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The model at FP32.")]
    evaluation: Annotated[
        Path, typer.Option("--eval", metavar="FILE", help="Evaluation set, .npz.")
    ]
    calibration: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Calibration set for static formats, .npz.")
    ] = None
    source: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="The same FP32 model for another runtime; repeat it."),
    ] = None
    recipes: Annotated[
        str,
        typer.Option(help="Which formats to try, with commas: NAME[@RUNTIME]; else the usual."),
    ] = ""
    name: Annotated[
        str | None, typer.Option(help="Name of the model in the table; else the file's.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """On which device, how thoroughly, and when to stop."""

    on: Annotated[
        list[str] | None,
        typer.Option("--on", metavar="SELECTOR", help="Which device, as `bitgauge run` has it."),
    ] = None
    runtime: Annotated[
        str | None, typer.Option(metavar="NAME", help="What executes it; see `devices`.")
    ] = None
    batch: Annotated[int, typer.Option(min=1, metavar="N", help="Samples per call.")] = 1
    threads: Annotated[int, typer.Option(min=1, help="Threads of the runtime.")] = 1
    scenario: Annotated[
        str, typer.Option(help="single_stream, offline, or llm for a language model.")
    ] = "single_stream"
    profile: Annotated[
        str | None,
        typer.Option(help="quick or standard; else standard where a limit needs the device."),
    ] = None
    objective: Annotated[
        str, typer.Option(help="What shall become small: latency, size, memory or energy.")
    ] = "latency"
    first: Annotated[
        bool, typer.Option("--first", help="Stop at the first that passes; so it is anyway.")
    ] = False
    budget: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Go on for so long of the device: the best that passes."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Where else the report is written."""

    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="As JUnit XML.")] = None
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="As Markdown.")] = None


@dataclass(frozen=True, slots=True)
class _Order:
    """What was typed, as values; `spec` has the formats to try as its entries."""

    model: Path
    spec: JobSpec
    sent: list[LocalFile]
    use_case: UseCase
    objective: str
    budget_s: float | None


@unfolded
def quantize(
    *, what: What, how: How, limits: GateOptions, written: Written, coordinator: Coordinator
) -> None:
    """Find a format of a model that passes its gate on a device: build, measure, judge, in order.

    Formats come in order of what they are expected to gain per second of the device, by the
    table. LadderOrder again it goes on where it was. Exit code 0 passed, 1 failed, 2 bad input, 3 a
    person decides.

    Example: bitgauge quantize model.onnx --eval digits.npz --calibration calibration.npz
    --on rpi5 --use-case default
    """
    use_case = limits.chosen()
    order = _order(what, how, use_case)
    from ..orders import named_sets

    with coordinator.client() as client, named_sets(what.evaluation, what.calibration):
        found, title = _climbed(client, order, quiet=coordinator.json)
    _write(written, found, title, order.objective)
    if coordinator.json:
        print_json(found)
    else:
        from ..text.shipping.ladder import climbed_text

        print_text(climbed_text(found, title, order.objective))
    raise typer.Exit(EXIT_CODES[found.outcome])


def _aim(how: How) -> tuple[str, float | None]:
    from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
    from bitgauge.benchmarks.vocabulary.metrics import OBJECTIVES, THROUGHPUT_RATIO
    from bitgauge.benchmarks.vocabulary.typed import parse_time_ns, unknown

    small = {
        one.value: metric.key
        for one, metric in OBJECTIVES.items()
        if metric is not THROUGHPUT_RATIO
    }
    if how.objective not in small:
        raise unknown("objective", how.objective, small)
    if how.first and how.budget is not None:
        raise BadInput(
            Code.BAD_ARGUMENT,
            "--first stops at the first that passes, --budget goes on; give one of them.",
        )
    budget_s = None if how.budget is None else parse_time_ns(how.budget) / 1_000_000_000
    return small[how.objective], budget_s


def _order(what: What, how: How, use_case: UseCase) -> _Order:
    from bitgauge.benchmarks.vocabulary.runtimes import DEFAULT_RUNTIME

    objective, budget_s = _aim(how)
    files = Files(
        baseline=what.model,
        evaluation=what.evaluation,
        recipes=what.recipes or "all",
        source=what.source,
        calibration=what.calibration,
    )
    measuring = Measuring(
        on=how.on,
        batch=[str(how.batch)],
        threads=how.threads,
        runtime=how.runtime or DEFAULT_RUNTIME,
        scenario=how.scenario,
        profile=how.profile or ("standard" if needs_time(use_case) else "quick"),
    )
    margins = {rule.key: rule.limit for rule in use_case.rules}
    terms = Terms(
        name=what.name,
        margin=margins.get("max_accuracy_loss_pp", 1.0),
        perplexity_margin=margins.get("max_perplexity_increase_pct"),
    )
    (spec,), sent = specs_of(files, measuring, terms)
    return _Order(what.model, spec, sent, use_case, objective, budget_s)


def _climbed(client: Client, order: _Order, *, quiet: bool) -> tuple[Climbed, str]:
    from bitgauge.benchmarks.ladder.rungs import ordered
    from bitgauge.benchmarks.vocabulary.profiles import shortest_s

    from ...client.gates.ladder import LadderOrder, climb
    from ...client.upload import upload
    from ...models.recognise import inspect_model
    from ..follow import follow, telling
    from ..text.jobs import uploaded_words
    from ..text.shipping.ladder import order_line, tried_line

    spec, use_case = order.spec, order.use_case
    uploaded = upload(client, order.sent, None if quiet else telling())
    base = replace(spec, entries=spec.entries[:1])
    device = _device(client, base)

    def watch(job_id: str) -> JobView:
        try:
            return follow(client.watch(job_id), quiet=quiet) or client.job(job_id)
        except KeyboardInterrupt:
            raise Interrupted(f"Job {job_id} goes on; so does this command, typed again.") from None

    if needs_time(use_case) and not _is_certified(device, spec.runtime):
        watch(client.certify(device.description.device_id, spec.runtime).job_id)
    model_class = inspect_model(order.model, order.model.name).model_class
    hardware = device.description.hardware_class
    cells = [
        cell
        for cell in client.cells()
        if (cell.key.model_class, cell.key.hardware_class) == (model_class, hardware)
    ]
    seconds = max(SECONDS, 2 * shortest_s(base))
    rungs = ordered(_recipes(device, order.model, spec), cells, order.objective, seconds)
    asked = LadderOrder(
        replace(base, selector=replace(base.selector, device=device.description.device_id)),
        use_case,
        order.objective,
        order.budget_s,
        _nodes(order.model),
        _stack(device, spec.runtime),
        device.description.realness.keeps_time,
    )
    if not quiet:
        say(uploaded_words(uploaded))
        say(order_line(rungs))

    found = climb(client, asked, rungs, watch, lambda one: None if quiet else say(tried_line(one)))
    title = f"{spec.model_name} on {device.description.name} for {use_case.name}"
    return found, title


def needs_time(use_case: UseCase) -> bool:
    """Whether a limit is about what only a certified device tells: latency, memory, energy."""
    from bitgauge.benchmarks.gates.limits import LIMITS

    return any(LIMITS[rule.key].of.needs_device for rule in use_case.rules)


def _device(client: Client, spec: JobSpec) -> DeviceView:
    """The device on which all rungs are tried, an idle one first."""
    from ...decisions.scheduler import matches

    able = [
        view
        for view in client.devices()
        if not (view.retired or view.cordoned or matches(spec, view.description))
    ]
    if not able:
        client.submit(spec)  # refused, with the reason of each device
    return min(able, key=lambda view: (view.state != "idle", view.description.name))


def _recipes(device: DeviceView, baseline: Path, spec: JobSpec) -> tuple[str, ...]:
    """What is tried: the entries of the job, or the usual ones of a model that is no ONNX file."""
    from bitgauge.benchmarks.vocabulary.asked import ALL, at_runtime

    from ...builders.registry import usual_recipes
    from ...decisions.submission import takes
    from ...models.recognise import kind_of

    found: list[str] = []
    for entry in spec.entries[1:]:
        if entry.recipe != ALL:
            found.append(at_runtime(entry.recipe, entry.runtime))
            continue
        runtime = entry.runtime or spec.runtime
        kinds = takes([device.description]).get(runtime, ())
        usual = map(str, usual_recipes(kinds, (kind_of(baseline, str(baseline)),)))
        found += [at_runtime(one, entry.runtime) for one in usual if one != "fp32"]
    return tuple(found)


def _nodes(baseline: Path) -> tuple[str, ...]:
    """The products of an ONNX file by their names, which a recipe may leave in float."""
    from ...models.formats.onnx.products import product_names
    from ...models.recognise import kind_of

    is_onnx = kind_of(baseline, str(baseline)) == "onnx"
    return product_names(baseline) if is_onnx else ()


def _stack(device: DeviceView, runtime: str) -> str:
    found = {one.name: one.fingerprint for one in device.description.runtimes}
    return found.get(runtime, "")


def _is_certified(device: DeviceView, runtime: str) -> bool:
    """Whether it has a valid A/A certificate for its present stack."""
    import time

    from bitgauge.benchmarks.analysis.certificate import is_rehearsal

    of = [one for one in device.aa_certificates if one.runtime == runtime and not is_rehearsal(one)]
    stack, now_ns = _stack(device, runtime), time.time_ns()
    return any(
        one.passed and one.fingerprint == stack and now_ns < one.expires_unix_ns for one in of
    )


def _write(written: Written, found: Climbed, title: str, objective: str) -> None:
    from ...exports.output import write_output
    from ..text.junit import ladder_xml
    from ..text.shipping.ladder import climbed_markdown

    if written.junit is not None:
        write_output(written.junit, ladder_xml(found, title).encode(), force=True)
    if written.markdown is not None:
        content = climbed_markdown(found, title, objective).encode()
        write_output(written.markdown, content, force=True)
