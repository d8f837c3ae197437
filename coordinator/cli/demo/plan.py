"""What `bitgauge demo` was asked for, and the jobs that come of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.common.home import DEFAULT_PORT
from bitgauge.benchmarks.vocabulary.errors import Refused
from bitgauge.benchmarks.vocabulary.typed import unknown
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, Selector, Workload

from ...client.upload import local_file
from ...cluster import home_folder, listeners
from ...config import CoordinatorConfig
from ...store.state_folder import StateFolder
from ..orders import BASELINE_RECIPE, entries_of, parse_batches, parse_recipes, sources_of

HOST = "127.0.0.1"
MAX_ACCURACY_LOSS_PP = 1.0
BESIDE = {"litert": "tflite", "torch": "pt2"}
"""Runtimes that may stand beside the reference's, and the kind of the zoo's files for them."""
NO_OTHER = "none"


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What the demo measures and where.

    Attributes:
        runtime: the one that stands beside the reference's; empty for none.
    """

    home: Path
    port: int
    batches: tuple[int, ...]
    models: tuple[zoo.ZooModel, ...]
    recipes: tuple[str, ...]
    runtime: str = ""

    @property
    def database(self) -> Path:
        """The database that stays behind."""
        return StateFolder(str(self.home)).store_path

    @property
    def files(self) -> Iterator[Path]:
        """All that its jobs need."""
        yield zoo.evaluation_path()
        yield zoo.calibration_path()
        for model in self.models:
            yield model.path
            yield from self.beside(model).values()

    def beside(self, model: zoo.ZooModel) -> dict[str, Path]:
        """The files of the other runtime, by recipe; the model itself comes first."""
        if not self.runtime:
            return {}
        kind = BESIDE[self.runtime]
        return {BASELINE_RECIPE: model.form(kind), **model.built(kind)}


def plan_of(
    home: Path,
    *,
    port: int | None,
    batches: str,
    models: str,
    recipes: str,
    runtime: str,
) -> DemoPlan:
    """Check what was typed, before anything is started.

    Raises:
        BadInput: an unknown model, recipe or runtime, or a batch that is no number.
        Refused: a coordinator works on this home, or the port that was named is taken.
    """
    config = CoordinatorConfig(str(home), HOST, DEFAULT_PORT if port is None else port)
    home_folder.prepare(config)
    home_folder.refuse_if_running(config)
    if port:
        listeners.refuse_if_port_taken(config)
    return DemoPlan(
        home=home,
        port=port or _port(config),
        batches=parse_batches([batches]),
        models=_models(models),
        recipes=parse_recipes(recipes, calibrated=True),
        runtime=_runtime(runtime),
    )


def _runtime(text: str) -> str:
    """The runtime that stands beside the reference's; empty for none."""
    if text == NO_OTHER:
        return ""
    if text not in BESIDE:
        raise unknown("runtime of the demo", text, (*BESIDE, NO_OTHER))
    return text


def _port(config: CoordinatorConfig) -> int:
    """The usual port when it is free, so that queries find the demo; else any free one."""
    if config.port:
        with suppress(Refused):
            listeners.refuse_if_port_taken(config)
            return config.port
    return listeners.free_port(HOST)


def _models(text: str) -> tuple[zoo.ZooModel, ...]:
    known = {model.name: model for model in zoo.models()}
    if text.strip() == "all":
        return tuple(known.values())
    chosen = []
    for name in (word.strip() for word in text.split(",")):
        if name not in known:
            raise unknown("zoo model", name, known)
        chosen.append(known[name])
    return tuple(chosen)


def specs_of(plan: DemoPlan, model: zoo.ZooModel, device_id: str) -> tuple[JobSpec, ...]:
    """The jobs of one model, one for each batch."""
    return tuple(_spec(plan, model, device_id, batch) for batch in plan.batches)


def _spec(plan: DemoPlan, model: zoo.ZooModel, device_id: str, batch: int) -> JobSpec:
    """One job; without the other runtime's files where they hold another batch."""
    baseline = local_file(model.path)
    held = plan.beside(model) if batch == 1 else {}
    other = {recipe: local_file(path) for recipe, path in held.items()}
    return JobSpec(
        model_name=model.name,
        baseline=baseline.digest,
        entries=(
            *entries_of(baseline, (), plan.recipes),
            *(Entry(recipe, one.digest, runtime=plan.runtime) for recipe, one in other.items()),
        ),
        evaluation=local_file(zoo.evaluation_path()).digest,
        calibration=local_file(zoo.calibration_path()).digest,
        model_class=model.model_class,
        selector=Selector(device=device_id),
        accuracy_margin_pp=MAX_ACCURACY_LOSS_PP,
        workload=Workload(batch=batch),
        sources=sources_of([other[BASELINE_RECIPE]] if other else []),
    )
