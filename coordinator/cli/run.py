"""`bitgauge run`: upload what is missing, submit a job per batch, follow, print the table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from bitgauge.benchmarks.vocabulary.runtimes import DEFAULT_RUNTIME

from .common import Coordinator, Interrupted, say
from .jobs import exit_code, goes_on
from .shipping.gate import GateOptions

if TYPE_CHECKING:
    from bitgauge.benchmarks.vocabulary.enums import Profile
    from bitgauge.benchmarks.vocabulary.values.gates import UseCase
    from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec, Overrides

    from ..client.client import Client
    from ..client.upload import LocalFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What is measured."""

    baseline: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="The model at FP32; or, with --trusted, Python's MODULE:FUNCTION."
        ),
    ]
    evaluation: Annotated[
        Path | None,
        typer.Option(
            "--eval",
            metavar="FILE",
            help="Evaluation set, .npz; without one nothing is judged, only timed.",
        ),
    ] = None
    artifacts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[[LABEL=]FILE]...",
            help="Quantized files to measure, ONNX or tflite, and their labels.",
        ),
    ] = None
    recipes: Annotated[
        str, typer.Option(help="To build, with commas: NAME[@RUNTIME], all[@RUNTIME] or all@*.")
    ] = ""
    source: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="The same FP32 model for another runtime; repeat it."),
    ] = None
    trusted: Annotated[
        bool,
        typer.Option(
            "--trusted", help="Run the Python that a model is named by, here, as it stands."
        ),
    ] = False
    python: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Interpreter with torch for that, else our own."),
    ] = None
    keep_float: Annotated[
        list[str] | None,
        typer.Option(metavar="NODE", help="Leave this layer in float, in each recipe; repeat it."),
    ] = None
    calibration: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Calibration set for static recipes, .npz.")
    ] = None
    dim: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=N", help="Size of a named axis of the model's inputs, not of its batch."
        ),
    ] = None
    float32: Annotated[
        bool, typer.Option("--float32", help="Have doubles of the baseline become float32.")
    ] = False
    output: Annotated[
        str,
        typer.Option(metavar="NAME", help="Output to judge, where not the one that labels fit."),
    ] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measuring:
    """On which device, under which workloads, and how thoroughly."""

    on: Annotated[
        list[str] | None,
        typer.Option(
            "--on",
            metavar="SELECTOR",
            help="Device name, or class:cpu_only, tag:KEY=VALUE, runtime:NAME, memory:2GiB;"
            " several narrow further.",
        ),
    ] = None
    batch: Annotated[
        list[str] | None, typer.Option(metavar="N", help="Samples per call; one job for each.")
    ] = None
    threads: Annotated[int, typer.Option(min=1, help="Threads of the runtime.")] = 1
    runtime: Annotated[
        str, typer.Option(metavar="NAME", help="What executes the artifacts; see `devices`.")
    ] = DEFAULT_RUNTIME
    scenario: Annotated[
        str,
        typer.Option(
            help="single_stream; offline: throughput counts, not latency; llm: a language model"
            " answers prompts."
        ),
    ] = "single_stream"
    prompt_tokens: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Scenario llm: tokens of a prompt; 128 unless given."
        ),
    ] = None
    generate: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Scenario llm: tokens of an answer; 32 unless given."
        ),
    ] = None
    profile: Annotated[str, typer.Option(help="quick, standard, certified or sustained.")] = "quick"
    warm_up: Annotated[
        str | None, typer.Option(metavar="TIME", help="Shortest warm-up, instead of the profile's.")
    ] = None
    launches: Annotated[
        int | None, typer.Option(metavar="N", help="Fresh processes, instead of the profile's.")
    ] = None
    budget: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Timed span of a launch, instead of the profile's."),
    ] = None
    session_option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[RUNTIME:]NAME=VALUE",
            help="Given to every runtime, or to one, and part of its rows; see `devices NAME`.",
        ),
    ] = None

    def overrides(self, profile: Profile) -> Overrides:
        """What of the profile is overridden.

        Raises:
            BadInput: one cannot be measured.
        """
        from bitgauge.benchmarks.vocabulary.session_options import parse_session_options

        from .orders import parse_overrides

        options = parse_session_options(self.session_option or [])
        overrides = parse_overrides(self.warm_up, self.launches, self.budget, profile)
        return replace(overrides, session_options=options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What it is called, and what the job is given."""

    name: Annotated[
        str | None, typer.Option(help="Name of the model in the table; else the file's.")
    ] = None
    model_class: Annotated[
        str | None, typer.Option(help="cnn, transformer, ...; else recognised from the graph.")
    ] = None
    margin: Annotated[float, typer.Option(help="Accuracy loss that counts as none, in points.")] = (
        1.0
    )
    perplexity_margin: Annotated[
        float | None,
        typer.Option(
            metavar="PERCENT", help="Scenario llm: loss of perplexity that counts as none; 1 %."
        ),
    ] = None
    priority: Annotated[int, typer.Option(help="Higher runs earlier.")] = 0
    deadline: Annotated[
        int,
        typer.Option(
            min=1, metavar="SECONDS", help="Time to build, and to measure; waiting not counted."
        ),
    ] = 3600
    idempotency_key: Annotated[
        str, typer.Option(metavar="KEY", help="Submitting again with it makes no second job.")
    ] = ""
    wait: Annotated[
        bool, typer.Option("--wait", help="Queue it even if no known device can run it.")
    ] = False


def run(
    *,
    files: Files,
    measuring: Measuring,
    terms: Terms,
    limits: GateOptions,
    detach: Annotated[
        bool, typer.Option("--detach", help="Print the job ids and do not follow.")
    ] = False,
    coordinator: Coordinator,
) -> None:
    """Measure artifacts, or recipes built from the baseline, against the baseline.

    Exit code 0 when every entry is settled, 1 when something failed, 2 for bad input.

    Example: bitgauge run model_int8.onnx --baseline model.onnx --eval digits.npz

    Example: bitgauge run --baseline model.onnx --eval digits.npz --recipes all
    --calibration calibration.npz --batch 1 --batch 64 --on class:cpu_only

    With --use-case a limit that no run of the job could answer is said before anything is measured.

    Example: bitgauge run model_q4.gguf --baseline model_f16.gguf --eval texts.npz --scenario llm
    """
    from ..client.factories import made_here
    from .orders import named_sets

    asked = limits.wanted()
    paths = (files.baseline, *(files.source or ()))
    with made_here(paths, files.python, say, trusted=files.trusted) as (baseline, *sources):
        files = replace(files, baseline=baseline, source=sources)
        specs, sent = specs_of(files, measuring, terms)
        with coordinator.client() as client, named_sets(files.evaluation, files.calibration):
            if asked is not None:
                _require_measurable(client, specs[0], asked)
            _submit_and_follow(client, specs, sent, json=coordinator.json, detach=detach)


def specs_of(
    files: Files, measuring: Measuring, terms: Terms
) -> tuple[tuple[JobSpec, ...], list[LocalFile]]:
    """What was typed, and the files that it names; whatever is wrong is said before they are read.

    Raises:
        BadInput: something that was typed makes no sense, or a file cannot be read.
    """
    from bitgauge.benchmarks.vocabulary.enums import ModelClass, Profile, Scenario
    from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
    from bitgauge.benchmarks.vocabulary.typed import parse_word
    from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec

    from ..client.artifacts import local_artifact
    from ..client.upload import local_file
    from .orders import (
        entries_of,
        jobs_of,
        made_set,
        parse_artifacts,
        parse_batches,
        parse_dims,
        parse_recipes,
        parse_selector,
        request_of,
        sources_of,
    )

    known = bool(files.calibration)
    recipes = parse_recipes(files.recipes, files.keep_float, files.baseline, calibrated=known)
    if not files.artifacts and not recipes:
        raise BadInput(
            Code.BAD_ARGUMENT, "There is nothing to measure; name artifacts or give --recipes all."
        )
    kind = parse_word(ModelClass, terms.model_class, "model class") if terms.model_class else None
    profile = parse_word(Profile, measuring.profile, "profile")
    scenario = parse_word(Scenario, measuring.scenario, "scenario")
    overrides = measuring.overrides(profile)
    selector = parse_selector(measuring.on or [])
    batches = parse_batches(measuring.batch or ["1"])
    given = parse_artifacts(files.artifacts or [])
    dims = parse_dims(files.dim or [])
    paths = (files.baseline, *(path for _, path in given))
    baseline, *artifacts = map(local_artifact, paths)
    sources = list(map(local_artifact, files.source or ()))
    evaluation = (
        local_file(files.evaluation)
        if files.evaluation
        else made_set(files.baseline, dims, say, float32=files.float32)
    )
    calibration = local_file(files.calibration) if files.calibration else None
    spec = JobSpec(
        model_name=terms.name or files.baseline.stem,
        baseline=baseline.digest,
        entries=entries_of(
            baseline,
            [(label, one) for (label, _), one in zip(given, artifacts, strict=True)],
            recipes,
        ),
        evaluation=evaluation.digest,
        calibration=calibration.digest if calibration else None,
        model_class=kind,
        runtime=measuring.runtime,
        selector=selector,
        workload=request_of(
            scenario, measuring.threads, measuring.prompt_tokens, measuring.generate
        ),
        profile=profile,
        priority=terms.priority,
        deadline_s=terms.deadline,
        accuracy_margin_pp=terms.margin,
        perplexity_margin_pct=terms.perplexity_margin,
        wait_for_device=terms.wait,
        idempotency_key=terms.idempotency_key,
        overrides=overrides,
        dims=dims,
        float32=files.float32,
        output=files.output,
        sources=sources_of(sources),
    )
    sent = [evaluation, *([calibration] if calibration else [])]
    sent += [file for artifact in (baseline, *artifacts, *sources) for file in artifact.files]
    return jobs_of(spec, batches), sent


def _require_measurable(client: Client, spec: JobSpec, asked: UseCase) -> None:
    from bitgauge.benchmarks.gates.measurable import require_measurable
    from bitgauge.benchmarks.vocabulary.values.jobs import Entry

    from ..decisions.scheduler import matches

    # What the files are, nobody has looked at yet: the baseline alone says who may take the job.
    known = replace(spec, entries=(Entry("fp32", spec.baseline),))
    devices = [one.description for one in client.devices()]
    require_measurable(asked, spec, [one for one in devices if not matches(known, one)])


def _submit_and_follow(
    client: Client,
    specs: tuple[JobSpec, ...],
    files: list[LocalFile],
    *,
    json: bool,
    detach: bool,
) -> None:
    from bitgauge.benchmarks.vocabulary.profiles import deadline_warning, lasting, shortest_s
    from bitgauge.benchmarks.vocabulary.shown import call_words

    from ..client.upload import upload
    from ..decisions.submission import alone_runtimes, require_options
    from .follow import Once, follow, print_detached, print_result, telling
    from .text.jobs import order_words, uploaded_words
    from .text.trust import exact_words

    job_ids: list[str] = []
    alone = alone_runtimes(specs, client.devices)
    for warning in dict.fromkeys(filter(None, (deadline_warning(spec, alone) for spec in specs))):
        say(f"warning: {warning}")
    if specs[0].overrides.session_options:
        require_options(specs[0], [view.description for view in client.devices()])
    try:
        uploaded = upload(client, files, None if json else telling())
        if not json:
            say(uploaded_words(uploaded))
        told = Once(say) if not json else lambda _: None
        for spec in specs:
            submitted = client.submit(spec, told)
            job_ids.append(submitted.job_id)
            if not json:
                known = "" if submitted.created else " (known by its idempotency key)"
                least = f"{len(spec.entries)} entries, {lasting(shortest_s(spec, alone))} or more"
                say(f"job {submitted.job_id}: {call_words(spec.workload)}, {least}{known}")
        views = []
        if not detach:
            for job_id in job_ids:  # grows: what saturates is measured in exact mode too
                view = follow(client.watch(job_id), quiet=json) or client.job(job_id)
                views.append(view)
                if view.order and not json:
                    say(f"job {job_id}: {order_words(view)}.")
                if view.exact_by is not None:
                    job_ids.append(view.exact_by)
                if view.exact_by is not None and not json:
                    say(f"job {job_id}: {exact_words(view)}.")
    except KeyboardInterrupt:
        raise Interrupted(
            goes_on(job_ids) if job_ids else "Stopped before anything was submitted."
        ) from None
    if detach:
        print_detached(client, job_ids, uploaded, json=json)
        return
    print_result(client, views, uploaded, json=json)
    raise typer.Exit(exit_code(views))


PLACE = 20
"""Where the commands of this file stand in the help."""
COMMANDS = (run,)
