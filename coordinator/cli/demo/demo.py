"""`bitgauge demo`: the whole main job on one machine, on real models.

Everything goes the way that a lab's jobs go: a coordinator process, an agent process that dials
in, uploads by digest, jobs, runs, table and selection. Noise never makes it fail; only a step
that broke does.
"""

from __future__ import annotations

import shlex
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import NoReturn

from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.record.explain.explain import explain, worst_of
from bitgauge.benchmarks.vocabulary.enums import EntryState, JobState
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused
from bitgauge.benchmarks.vocabulary.shown import counted
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec, JobView
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery

from ...client.client import Client
from ...client.sources import subject_of
from ...client.upload import Uploaded, local_file, upload
from ..common import Interrupted, print_text, say
from ..follow import follow
from ..jobs import exit_code
from ..text.explain import explanation_text
from ..text.jobs import job_text, uploaded_words
from ..text.layout import wrapped
from ..text.rows import table_text
from ..text.trust import exact_words
from . import cards
from .plan import HOST, DemoPlan, questions_of, specs_on
from .processes import DemoLab

KNOWN_JOBS = 1000
CHECK_EVERY_S = 10.0
"""How often a quiet job makes us look whether agent and coordinator are alive, in seconds."""


@dataclass(slots=True)
class _Done:
    """What happened so far."""

    views: list[JobView] = field(default_factory=list)
    open_jobs: list[str] = field(default_factory=list)
    known: frozenset[Digest] = frozenset()
    given: frozenset[Digest] = frozenset()

    @property
    def artifacts(self) -> set[Digest]:
        """What was built for the jobs so far, or taken because it was built before."""
        held = {entry.artifact for view in self.views for entry in view.entries}
        return {one for one in held if one is not None} - self.given


def run_demo(plan: DemoPlan) -> int:
    """Run the demo; stops what it started in every case.

    Returns:
        0, or 1 when an entry or a job failed. Verdicts do not matter.

    Raises:
        BitgaugeError: a step broke.
        Interrupted: Ctrl-C; everything is stopped by then.
    """
    try:
        return _run(plan)
    except KeyboardInterrupt:
        raise Interrupted(
            f"Stopped; no process is left. What was measured so far is in {plan.database}"
        ) from None


def _run(plan: DemoPlan) -> int:
    say(
        f"{counted(len(plan.models), 'model')}, batch {', '.join(map(str, plan.batches))},"
        f" {counted(len(plan.recipes), 'recipe')}; state in {plan.home}"
    )
    with _terminable(), DemoLab(plan.home, f"{HOST}:{plan.port}") as lab:
        say(f"starting the coordinator on {lab.endpoint.address} ...")
        lab.start_coordinator()
        with Client(lab.endpoint) as client:
            say("starting the agent ...")
            devices = lab.start_agent(client, cards.expected(plan.home))
            device = devices[0]
            for one in devices:
                say(f"device {one.description.name} has registered")
            if line := cards.note(devices):
                say(line)
            plan = _with_what_is_there(plan, device)
            files = _files(plan, devices)
            uploaded = _upload(client, files)
            given = frozenset(local_file(path).digest for path in files)
            done = _Done(known=_known_artifacts(client), given=given)
            try:
                for one in devices:
                    _measure(client, lab, plan, one, done)
            except BaseException:
                # The next start must not go on with what nobody waits for any more.
                _cancel(client, done.open_jobs)
                raise
            _answers(client, plan, devices)
            if not plan.decodes:  # whose passes look at no layer
                _explanation(client, plan, done.views)
            _summary(plan, done, uploaded)
        say("stopping agent and coordinator ...")
    print_text(_next_query(plan, device))
    return exit_code(done.views)


def _with_what_is_there(plan: DemoPlan, device: DeviceView) -> DemoPlan:
    """The plan without a runtime that the device has not, which is said.

    Raises:
        Refused: `RUNTIME_MISSING`, nothing would be left.
    """
    there = {one.name for one in device.description.runtimes}
    if not plan.runtime or plan.runtime in there:
        return plan
    install = f"pip install 'bitgauge[{plan.runtime}]'"
    if plan.decodes:
        raise Refused(Code.RUNTIME_MISSING, f"{plan.runtime} is not here: {install}.")
    say(f"{plan.runtime} is not here and left out: {install}")
    return replace(plan, runtime="")


def _files(plan: DemoPlan, devices: Sequence[DeviceView]) -> tuple[Path, ...]:
    """All that the jobs of every device need, each once."""
    runtimes = [cards.runtime_on(one) for one in devices if one.description.hardware_class.is_gpu]
    further = (
        path
        for runtime in runtimes
        for model in plan.models
        if isinstance(model, zoo.ZooModel)
        for path in cards.files_of(model, runtime).values()
    )
    return tuple(dict.fromkeys((*plan.files, *further)))


def _upload(client: Client, files: Sequence[Path]) -> Uploaded:
    uploaded = upload(client, [local_file(path) for path in files])
    say(uploaded_words(uploaded))
    return uploaded


def _measure(client: Client, lab: DemoLab, plan: DemoPlan, device: DeviceView, done: _Done) -> None:
    """One job after another, so that no build runs beside a measurement."""
    for model in plan.models:
        specs = specs_on(plan, model, device)
        if not specs:
            continue
        views = [view for spec in specs for view in _run_job(client, lab, spec, done)]
        done.views.extend(views)
        rows = tuple(row for view in views for row in client.table(TableQuery(job_id=view.job_id)))
        broken = [view for view in views if exit_code([view])]
        parts = [table_text(rows, [device]), *(job_text(view) for view in broken)]
        print_text("\n" + "\n".join(parts) + "\n")


def _run_job(client: Client, lab: DemoLab, spec: JobSpec, done: _Done) -> list[JobView]:
    """Submit a job and follow it to its end; and the one that measures what saturates in it."""
    views = [_follow_job(client, lab, client.submit(spec).job_id, done)]
    if views[0].exact_by is not None:
        say(f"job {views[0].job_id}: {exact_words(views[0])}")
        views.append(_follow_job(client, lab, views[0].exact_by, done))
    return views


def _follow_job(client: Client, lab: DemoLab, job_id: str, done: _Done) -> JobView:
    """Follow a job to its end."""
    done.open_jobs.append(job_id)
    views = client.watch(job_id, stream_s=CHECK_EVERY_S, check=lab.require_alive)
    view = follow(views) or client.job(job_id)
    done.open_jobs.remove(job_id)
    return view


def _known_artifacts(client: Client) -> frozenset[Digest]:
    """Artifacts of earlier jobs in this state folder."""
    jobs = client.jobs(limit=KNOWN_JOBS)
    return frozenset(
        entry.artifact for job in jobs for entry in job.entries if entry.artifact is not None
    )


def _cancel(client: Client, job_ids: Sequence[str]) -> None:
    for job_id in job_ids:
        with suppress(BitgaugeError):
            client.cancel(job_id)


def _answers(client: Client, plan: DemoPlan, devices: Sequence[DeviceView]) -> None:
    """Which format to ship, for each device, model class and batch."""
    for device in devices:
        where = f" on {device.description.name}" if len(devices) > 1 else ""
        asked = [one for model in plan.models for one in questions_of(plan, model, device)]
        lines = [f"Which format to ship{where}, losing {plan.loss}:"] if asked else []
        for question in asked:
            lines += wrapped(client.select(question).sentence, "  ", hanging="  ")
        if lines:
            print_text("\n".join(lines) + "\n")


def _explanation(client: Client, plan: DemoPlan, views: Sequence[JobView]) -> None:
    """Why the worst of all artifacts is what it is."""
    runs = {
        entry.run_id: view
        for view in views
        for entry in view.entries
        if entry.run_id is not None and entry.index and entry.state is EntryState.ACCEPTED
    }
    known = {run_id: client.run(run_id) for run_id in runs}
    metrics = {
        run_id: {metric.key: metric for metric in run.metrics} for run_id, run in known.items()
    }
    worst = worst_of(metrics)
    if worst is None:
        return
    view = runs[worst]
    title = f"Why {view.model_name} in {known[worst].recipe} at batch {view.workload.batch}:"
    found = explain(subject_of(client, known[worst]))
    again = shlex.join([*program(), "explain", worst, "--db", str(plan.database)])
    print_text(f"{explanation_text(found, title)}\n\nAgain, once this is over: {again}\n")


def _summary(plan: DemoPlan, done: _Done, uploaded: Uploaded) -> None:
    measured = sum(
        entry.state is EntryState.ACCEPTED for view in done.views for entry in view.entries
    )
    finished = sum(view.state is JobState.FINISHED for view in done.views)
    print_text(
        f"{finished} of {len(done.views)} jobs finished, {measured} entries measured;"
        f" {uploaded.sent_bytes} bytes were sent,\n"
        f"{len(done.artifacts - done.known)} artifacts were built,"
        f" {len(done.artifacts & done.known)} taken as they were built before."
        f" The database is {plan.database}"
    )


def _next_query(plan: DemoPlan, device: DeviceView) -> str:
    """A query that works as typed, from this folder and this shell."""
    model = plan.models[0]
    asked = ["--batch", str(plan.batches[0]), "--max-accuracy-loss", "0.5"]
    if plan.decodes:
        asked = ["--llm", "--max-perplexity-ratio", "1.05"]
    words = [
        *program(),
        "select",
        "--db",
        str(plan.database),
        "--model-class",
        model.model_class.value,
        "--hardware",
        device.description.hardware_class.value,
        *asked,
        "--objective",
        "size",
    ]
    return f"Ask next, for example:\n  {shlex.join(words)}"


def program() -> list[str]:
    """How to call this very `bitgauge` from here: by name, or by path when it is not found."""
    own = Path(sys.prefix) / "bin" / "bitgauge"
    found = shutil.which("bitgauge")
    if found is not None and (not own.exists() or Path(found).resolve() == own.resolve()):
        return ["bitgauge"]
    if not own.exists():
        return [sys.executable, "-m", "bitgauge.coordinator.cli.app"]
    with suppress(ValueError):
        return [str(own.relative_to(Path.cwd()))]
    return [str(own)]


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end us the orderly way, as Ctrl-C does."""

    def leave(number: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
