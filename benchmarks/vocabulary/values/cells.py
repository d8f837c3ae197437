"""The cells of the table as plain frozen values; `cells` makes them of rows.

Like `model`: each class has a message of the same name and field names in ``protos/v1``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..enums import CellState, FormatFamily, HardwareClass, ModelClass
from .jobs import Workload
from .rows import StackChange
from .runs import FIRST, MetricValue


@dataclass(frozen=True, slots=True)
class CellKey:
    """What one cell is about. Figures from literature name no workload: None."""

    model_class: ModelClass
    hardware_class: HardwareClass
    family: FormatFamily
    workload: Workload | None = None


@dataclass(frozen=True, slots=True)
class Pooled:
    """One metric over the units of a part of the table.

    A unit is (model, device, runtime). `value` is the mean over models of the mean over units of
    each, of ratios the geometric one; `low` and `high` bound it at 95 %. The spreads are standard
    deviations of the true values, sampling noise taken out: relative ones of ratios (0.05 is
    5 %), in points of `accuracy_delta_pp`; None where there is one model, or one device.
    `definition` is that of the values, which is one: see `MetricValue`. `without` names the models
    of which a figure of quality could not be judged; the figure is about the others.
    """

    key: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None
    units: int = 0
    between_models: float | None = None
    between_devices: float | None = None
    worst: float | None = None
    definition: int = field(default=1, metadata=FIRST)
    without: tuple[str, ...] = ()

    @property
    def number(self) -> MetricValue:
        """The mean as every other number."""
        return MetricValue(
            self.key,
            self.value,
            self.low,
            self.high,
            reason=self.reason,
            definition=self.definition,
        )


@dataclass(frozen=True, slots=True)
class PassRate:
    """How many models pass the default gate; the interval is Wilson's at 95 %.

    `judged` counts the models for which the gate said yes or no; `undecided` the others.
    """

    passed: int = 0
    judged: int = 0
    undecided: int = 0
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a cell that belong together: one recipe, or what a drill-down asks for.

    `names` are its values of the dimensions asked for, such as ``recipe=int8-dynamic``.
    """

    names: tuple[str, ...]
    state: CellState
    metrics: tuple[Pooled, ...] = ()
    pass_rate: PassRate = field(default_factory=PassRate)
    models: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = ()
    recipes: tuple[str, ...] = ()
    kernel_modes: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    run_ids: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    oldest_unix_ns: int | None = None
    newest_unix_ns: int | None = None
    changes: tuple[StackChange, ...] = ()
    reason: str | None = None

    def metric(self, key: str) -> Pooled:
        """The metric named `key`, or a null one with reason `not_measured`."""
        for metric in self.metrics:
            if metric.key == key:
                return metric
        return Pooled(key=key, reason="not_measured")


@dataclass(frozen=True, slots=True)
class Cell:
    """What is known about one cell.

    `recipe` is the best one of the family: the one with most models that pass the gate, of equals
    the fastest. `best` holds its figures, never an average over recipes; `recipes` those of each.
    A `prior` has a `source` and neither runs nor recipe.
    """

    key: CellKey
    state: CellState
    recipe: str | None = None
    best: Part | None = None
    recipes: tuple[Part, ...] = ()
    source: str | None = None
