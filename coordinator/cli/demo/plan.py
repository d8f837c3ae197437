"""What `bitgauge demo` was asked for, and the jobs that come of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.common.home import DEFAULT_PORT
from bitgauge.benchmarks.vocabulary.errors import Refused
from bitgauge.benchmarks.vocabulary.typed import unknown
from bitgauge.benchmarks.vocabulary.values.choices import SelectQuery
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, Selector, Workload

from ...client.upload import local_file
from ...cluster import home_folder, listeners
from ...config import CoordinatorConfig
from ...store.state_folder import StateFolder
from ..orders import BASELINE_RECIPE, entries_of, parse_batches, parse_recipes, sources_of
from . import cards, decoders

HOST = "127.0.0.1"
MAX_ACCURACY_LOSS_PP = 1.0
BESIDE = {"litert": "tflite", "torch": "pt2"}
"""Runtimes that may stand beside the reference's, and the kind of the zoo's files for them."""
NO_OTHER = "none"
FIRST_LOOK = "fp16,int8-dynamic,int8-static-u8s8-pc,int4-wo-b32"
"""One recipe of each family: what a first look at a machine needs."""

Model = zoo.ZooModel | zoo.ZooDecoder


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What the demo measures and where.

    Attributes:
        models: of the zoo; its decoder alone where the runtime is one of decoders.
        runtime: the one that stands beside the reference's, or one of decoders; empty for none.
    """

    home: Path
    port: int
    batches: tuple[int, ...]
    models: tuple[Model, ...]
    recipes: tuple[str, ...]
    runtime: str = ""

    @property
    def decodes(self) -> bool:
        """Whether it is about a decoder, which needs its runtime; else that may be missing."""
        return self.runtime in decoders.RUNTIMES

    @property
    def loss(self) -> str:
        """What the answers may lose, in words."""
        if self.decodes:
            return f"at most {100 * (decoders.MAX_PERPLEXITY_RATIO - 1):g} % of perplexity"
        return f"at most {MAX_ACCURACY_LOSS_PP:g} point of accuracy"

    @property
    def database(self) -> Path:
        """The database that stays behind."""
        return StateFolder(str(self.home)).store_path

    @property
    def files(self) -> Collection[Path]:
        """All that its jobs need."""
        return dict.fromkeys(path for model in self.models for path in self._files(model))

    def _files(self, model: Model) -> Iterator[Path]:
        yield from (model.evaluation_path, model.calibration_path, model.path)
        if isinstance(model, zoo.ZooModel):
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
    recipes: str | None,
    runtime: str,
) -> DemoPlan:
    """Check what was typed, before anything is started; without `recipes`, a first look.

    Raises:
        BadInput: an unknown model, recipe or runtime, or a batch that is no number.
        Refused: a coordinator works on this home, or the port that was named is taken.
    """
    config = CoordinatorConfig(str(home), HOST, DEFAULT_PORT if port is None else port)
    home_folder.prepare(config)
    home_folder.refuse_if_running(config)
    if port:
        listeners.refuse_if_port_taken(config)
    runtime = _runtime(runtime)
    decodes = runtime in decoders.RUNTIMES
    known: tuple[Model, ...] = (zoo.decoder(),) if decodes else zoo.models()
    usual = decoders.FIRST_LOOK if decodes else FIRST_LOOK
    return DemoPlan(
        home=home,
        port=port or _port(config),
        batches=parse_batches([batches]),
        models=_models(models, known),
        recipes=parse_recipes(
            recipes or usual, baseline=known[0].path if decodes else None, calibrated=True
        ),
        runtime=runtime,
    )


def _runtime(text: str) -> str:
    """The runtime that is named; empty for none."""
    if text == NO_OTHER:
        return ""
    if text not in (*BESIDE, *decoders.RUNTIMES):
        raise unknown("runtime of the demo", text, (*BESIDE, *decoders.RUNTIMES, NO_OTHER))
    return text


def _port(config: CoordinatorConfig) -> int:
    """The usual port when it is free, so that queries find the demo; else any free one."""
    if config.port:
        with suppress(Refused):
            listeners.refuse_if_port_taken(config)
            return config.port
    return listeners.free_port(HOST)


def _models(text: str, there: tuple[Model, ...]) -> tuple[Model, ...]:
    known = {model.name: model for model in there}
    if text.strip() == "all":
        return tuple(known.values())
    chosen = []
    for name in (word.strip() for word in text.split(",")):
        if name not in known:
            raise unknown("zoo model", name, known)
        chosen.append(known[name])
    return tuple(chosen)


def specs_on(plan: DemoPlan, model: Model, device: DeviceView) -> tuple[JobSpec, ...]:
    """The jobs of one model on one device; on a card those that its runtime can do."""
    described = device.description
    if not described.hardware_class.is_gpu:
        return specs_of(plan, model, described.device_id)
    if isinstance(model, zoo.ZooDecoder):
        return ()
    own = specs_of(replace(plan, runtime=""), model, described.device_id)
    found = (cards.spec_on(one, model, device) for one in own)
    return tuple(one for one in found if one is not None)


def specs_of(plan: DemoPlan, model: Model, device_id: str) -> tuple[JobSpec, ...]:
    """The jobs of one model: one for each batch, or one of requests to a decoder."""
    if isinstance(model, zoo.ZooDecoder):
        return (decoders.spec_of(model, plan.recipes, plan.runtime, device_id),)
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


def questions_of(plan: DemoPlan, model: Model, device: DeviceView) -> tuple[SelectQuery, ...]:
    """Which format of one model to ship: asked for each batch, or for a decoder's requests."""
    specs = specs_on(plan, model, device)
    if isinstance(model, zoo.ZooDecoder):
        return (decoders.question_of(model, device),) if specs else ()
    return tuple(
        SelectQuery(
            model_class=model.model_class,
            hardware_class=device.description.hardware_class,
            workload=spec.workload,
            max_accuracy_loss_pp=MAX_ACCURACY_LOSS_PP,
        )
        for spec in specs
    )
