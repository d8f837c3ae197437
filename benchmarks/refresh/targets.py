"""Everything that a refresh could measure: one target per recipe, model, workload and device.

Pure. Targets come of a suite and the devices there are, or of rows of the table that are stale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ..table.rows import key_of
from ..vocabulary.asked import at_runtime, needs_calibration, split_runtime
from ..vocabulary.devices import means
from ..vocabulary.enums import FormatFamily, HardwareClass, Profile
from ..vocabulary.errors import BadInput, Code
from ..vocabulary.recipes import CUSTOM
from ..vocabulary.runtimes import DEFAULT_RUNTIME
from ..vocabulary.typed import unknown
from ..vocabulary.values.campaigns import SkippedDevice, Suite, SuiteModel
from ..vocabulary.values.devices import DeviceDescription, DeviceView, StackItem
from ..vocabulary.values.digests import Digest
from ..vocabulary.values.jobs import Entry, JobSpec, ModelSource, Overrides, Selector, Workload
from ..vocabulary.values.rows import TableRow
from .bounds import require_cells

BASELINE_RECIPE = "fp32"
ONLY = ("model", "recipe", "device")

CanRun = Callable[[JobSpec, DeviceDescription], tuple[str, ...]]
"""Every reason for which a device cannot run a job; empty when it can."""

CanBuild = Callable[[SuiteModel, str, str], bool]
"""Whether a recipe can be made of the sources of a model, for a runtime."""


@dataclass(frozen=True, slots=True)
class Target:
    """What could be measured. `output` is the judged output where somebody chose it.

    A file that its owner gave has its digest in `artifact`, its name in `label`, and, where it is
    of no known recipe, its format family in `family`.
    """

    model: SuiteModel
    recipe: str
    workload: Workload
    device_id: str
    device_name: str
    hardware_class: HardwareClass
    runtime: str
    profile: Profile
    overrides: Overrides
    accuracy_margin_pp: float
    artifact: Digest | None = None
    output: str = ""
    label: str = ""
    family: FormatFamily | None = None
    reference: str = ""

    @property
    def is_baseline(self) -> bool:
        """Whether it is the baseline, which every job measures."""
        return self.recipe == BASELINE_RECIPE and self.artifact is None and not self.reference

    @property
    def baseline(self) -> Target:
        """What its job measures first."""
        runtime = self.reference or self.runtime
        return replace(
            self, recipe=BASELINE_RECIPE, artifact=None, runtime=runtime, reference="", label=""
        )

    @property
    def key(self) -> tuple[object, ...]:
        """As `table.row_key` of the row that it leads to."""
        return key_of(
            *(self.model.name, self.model.baseline, self.recipe, self.workload),
            device_id=self.device_id,
            runtime=self.runtime,
            profile=self.profile,
            overrides=self.overrides,
            output=self.output,
            reference=self.reference,
            artifact=self.artifact,
        )

    @property
    def group(self) -> tuple[object, ...]:
        """Targets of one group can share a job, and with it the baseline."""
        return (
            self.model,
            self.workload,
            self.device_id,
            self.reference or self.runtime,
            self.profile,
            self.overrides,
            self.accuracy_margin_pp,
            self.output,
        )


def targets_of_suite(
    suite: Suite,
    devices: Sequence[DeviceView],
    can_run: CanRun,
    can_build: CanBuild = lambda *_: True,
) -> tuple[tuple[Target, ...], tuple[SkippedDevice, ...]]:
    """What a suite asks for on the devices there are, and the devices left out.

    A device that several selectors match by one runtime counts once. Emulated and simulated
    devices never take part: their results never enter the table. Nor does what no builder makes of
    the sources of a model, or what would run in a runtime that a device does not have.

    Raises:
        BadInput: `BAD_SUITE`, it is more than a plan holds.
    """
    there: dict[tuple[str, str], DeviceDescription] = {}
    skipped: dict[str, SkippedDevice] = {}
    for view in sorted(devices, key=lambda view: view.description.device_id):
        for selector in suite.selectors:
            runtime = selector.runtime or DEFAULT_RUNTIME
            reasons = can_run(_probe(suite, selector), view.description)
            hindrance = hindrance_of(view, runtime)
            name = view.description.name
            own = (view.description.device_id, name, view.description.aliases)
            if reasons and selector.device and means(selector.device, *own):
                skipped[name] = SkippedDevice(name, " and ".join(reasons))
            elif not reasons and hindrance is not None:
                skipped[name] = SkippedDevice(name, hindrance)
            elif not reasons:
                there.setdefault((view.description.device_id, runtime), view.description)
    require_cells(suite, len(there))
    found: dict[tuple[object, ...], Target] = {}
    for (_, runtime), device in there.items():
        for target in _targets(suite, device, runtime, can_build):
            found.setdefault(target.key, target)
    return tuple(found.values()), tuple(skipped[name] for name in sorted(skipped))


def hindrance_of(view: DeviceView, runtime: str) -> str | None:
    """Why nothing is planned for a device now; None when it can be."""
    device = view.description
    if not device.realness.keeps_time:
        return f"is {device.realness.value}: its results never enter the table"
    if any(one.simulated for one in device.runtimes if one.name == runtime):
        return f"its {runtime} is simulated: its results never enter the table"
    if view.retired:
        return "is retired"
    if view.cordoned is not None:
        return f"is cordoned: {view.cordoned}"
    return "is unreachable" if view.state == "unreachable" else None


def _probe(suite: Suite, selector: Selector) -> JobSpec:
    """A job that stands for all of a suite's, to ask which devices can run it."""
    model = suite.models[0]
    return JobSpec(
        model_name=model.name,
        baseline=model.baseline,
        entries=(Entry(BASELINE_RECIPE, model.baseline),),
        evaluation=model.evaluation,
        runtime=selector.runtime or DEFAULT_RUNTIME,
        selector=selector,
    )


def _targets(
    suite: Suite, device: DeviceDescription, runtime: str, can_build: CanBuild
) -> Iterable[Target]:
    for model in suite.models:
        for workload in suite.workloads:
            for asked in dict.fromkeys((BASELINE_RECIPE, *suite.recipes)):
                recipe, other = split_runtime(asked)
                if needs_calibration(recipe) and model.calibration is None:
                    continue
                there = other in ("", *(one.name for one in device.runtimes))
                if not there or (other and not can_build(model, recipe, other)):
                    continue
                apart = other not in ("", runtime)
                yield Target(
                    model=model,
                    recipe=recipe,
                    workload=workload,
                    device_id=device.device_id,
                    device_name=device.name,
                    hardware_class=device.hardware_class,
                    runtime=other or runtime,
                    reference=runtime if apart else "",
                    profile=suite.profile,
                    overrides=suite.overrides,
                    accuracy_margin_pp=suite.accuracy_margin_pp,
                    output=model.output,
                )


def targets_of_rows(
    rows: Iterable[tuple[TableRow, JobSpec]], devices: Sequence[DeviceView]
) -> tuple[tuple[Target, ...], tuple[SkippedDevice, ...]]:
    """What measures these rows again, from the jobs that measured them.

    Args:
        rows: of the table, each with what was submitted for it.
        devices: as they are now.
    """
    views = {view.description.device_id: view for view in devices}
    found: dict[tuple[object, ...], Target] = {}
    skipped: dict[str, SkippedDevice] = {}
    for row, spec in rows:
        view = views.get(row.device_id)
        if view is None:
            continue
        hindrance = hindrance_of(view, row.runtime)
        if hindrance is None and row.runtime not in {one.name for one in view.description.runtimes}:
            hindrance = f"has no runtime {row.runtime} any more"
        if hindrance is not None:
            skipped[row.device_name] = SkippedDevice(row.device_name, hindrance)
            continue
        target = _again(row, spec)
        found.setdefault(target.key, target)
    return tuple(found.values()), tuple(skipped[name] for name in sorted(skipped))


def _again(row: TableRow, spec: JobSpec) -> Target:
    model = SuiteModel(
        name=row.model_name,
        baseline=spec.baseline,
        evaluation=spec.evaluation,
        calibration=spec.calibration,
        model_class=row.model_class,
        sources=tuple(ModelSource(one.artifact, one.name, one.kind) for one in spec.sources),
    )
    return Target(
        model=model,
        recipe=row.recipe,
        workload=row.workload,
        device_id=row.device_id,
        device_name=row.device_name,
        hardware_class=row.hardware_class,
        runtime=row.runtime,
        profile=row.profile,
        overrides=row.overrides,
        accuracy_margin_pp=spec.accuracy_margin_pp,
        output=row.output,
        # What was built here is built anew: its toolchain may be another one now.
        artifact=row.artifact,
        label=row.label,
        family=row.family if row.recipe == CUSTOM else None,
        reference=row.reference,
    )


def parse_only(texts: Iterable[str]) -> tuple[StackItem, ...]:
    """What ``--only`` keeps: `model=NAME`, `recipe=NAME` or `device=NAME`, each as typed.

    Raises:
        BadInput: one is no pair, or names something else.
    """
    found = []
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (equals and value):
            raise BadInput(
                Code.BAD_ARGUMENT, f"--only {text!r} is not NAME=VALUE, such as model=digits-mlp."
            )
        if name not in ONLY:
            raise unknown("name in --only", name, ONLY)
        found.append(StackItem(name, value))
    return tuple(found)


def kept(targets: Iterable[Target], only: Sequence[StackItem]) -> tuple[Target, ...]:
    """The targets that are named: of each name given, one of its values.

    Raises:
        BadInput: a value names nothing that could be measured; the nearest is suggested.
    """
    wanted: dict[str, set[str]] = {}
    for item in only:
        wanted.setdefault(item.name, set()).add(item.value)
    everything = tuple(targets)
    for name, values in wanted.items():
        there = {word for target in everything for word in _words(target, name)}
        for value in sorted(values - there):
            raise unknown(name, value, there)
    return tuple(
        target
        for target in everything
        if all(set(_words(target, name)) & values for name, values in wanted.items())
    )


def _words(target: Target, name: str) -> tuple[str, ...]:
    if name == "model":
        return (target.model.name,)
    spelled = (target.recipe, at_runtime(target.recipe, target.runtime))
    return spelled if name == "recipe" else (target.device_name, target.device_id)


def spec_of(targets: Sequence[Target], deadline_s: int) -> JobSpec:
    """The job that measures targets of one group, its baseline first."""
    first = targets[0]
    others = [target for target in targets if not target.is_baseline]
    return JobSpec(
        model_name=first.model.name,
        baseline=first.model.baseline,
        entries=(
            Entry(BASELINE_RECIPE, first.model.baseline),
            *(
                Entry(
                    one.recipe,
                    one.artifact,
                    one.label,
                    one.runtime if one.reference else "",
                    family=one.family,
                )
                for one in others
            ),
        ),
        evaluation=first.model.evaluation,
        calibration=first.model.calibration,
        model_class=first.model.model_class,
        runtime=first.reference or first.runtime,
        selector=Selector(device=first.device_id),
        workload=first.workload,
        profile=first.profile,
        overrides=first.overrides,
        accuracy_margin_pp=first.accuracy_margin_pp,
        output=first.output,
        dims=first.model.dims,
        float32=first.model.float32,
        sources=first.model.sources,
        deadline_s=deadline_s,
    )
