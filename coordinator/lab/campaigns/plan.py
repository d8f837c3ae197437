"""From what a refresh is asked for to its plan: what the store knows meets the pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from bitgauge.benchmarks.common.wire import to_wire
from bitgauge.benchmarks.refresh.bounds import MAX_CELLS, bounded
from bitgauge.benchmarks.refresh.plan import Known, plan
from bitgauge.benchmarks.refresh.targets import kept, targets_of_rows, targets_of_suite
from bitgauge.benchmarks.table.rows import key_of
from bitgauge.benchmarks.vocabulary.asked import ALL, EVERY, at_runtime, split_runtime
from bitgauge.benchmarks.vocabulary.devices import meant, named
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused
from bitgauge.benchmarks.vocabulary.profiles import require_overrides
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.benchmarks.vocabulary.values.campaigns import (
    RefreshOrder,
    RefreshPlan,
    Suite,
    SuiteModel,
)
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView, StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery, TableRow

from ...builders.base import USUAL_SOURCE
from ...builders.registry import chain_for, usual_recipes
from ...decisions import submission
from ...decisions.scheduler import matches
from ...store.store import Store
from ...store.values import LeaseTerms
from .asks import DAY_NS, WINDOW_DAYS

MAX_PLAN_BYTES = 3 << 20
"""Of the message of a plan: beside the view of its campaign it fits into an answer."""


def planned(store: Store, order: RefreshOrder, now_ns: int, terms: LeaseTerms) -> RefreshPlan:
    """What brings the table up to what `order` asks for.

    Raises:
        BadInput: something that is asked for cannot be measured by anybody.
    """
    order = require_order(order)
    suite = order.suite and in_order(store, order.suite)
    devices = store.devices(now_ns, terms)
    if suite is None:
        due = store.stale_rows() if order.recalibrate is None else _recalibrated(store, order)
        rows = tuple(row for row, _ in due)
        targets, skipped = targets_of_rows(due, devices)
    else:
        rows = rows_of(store, [model.name for model in suite.models])
        takes = submission.takes([view.description for view in devices if not view.retired])
        suite = expanded(suite, takes)
        targets, skipped = targets_of_suite(suite, devices, matches, partial(_can_build, takes))
    targets = kept(targets, _by_id(order.only, devices)) if order.only else targets
    _require_few(targets)
    busy = _under_way(store)
    found = plan(
        (target for target in targets if target.key not in busy),
        Known(
            rows=rows,
            asks=store.asks(now_ns // DAY_NS - WINDOW_DAYS),
            volumes=suite.volumes if suite else (),
            times=store.run_times(),
        ),
        now_ns,
        budget_s=order.budget_s or (suite.budget_s if suite else None),
        max_age_s=suite.max_age_s if suite else None,
        stale_only=order.stale_only or (suite is None and order.recalibrate is None),
        recalibrated=order.recalibrate is not None,
        skipped=skipped,
    )
    for job in found.jobs:
        submission.completed(job.spec)
    _require_small(found)
    return found


def _recalibrated(store: Store, order: RefreshOrder) -> tuple[tuple[TableRow, JobSpec], ...]:
    """Rows of artifacts that were built with the old set, each with its job as of the new one."""
    assert order.recalibrate is not None
    new = order.recalibrate.new
    built = store.rows_built_with(order.recalibrate.old)
    return tuple((row, replace(spec, calibration=new)) for row, spec in built)


def _by_id(only: Sequence[StackItem], devices: Sequence[DeviceView]) -> tuple[StackItem, ...]:
    """What a refresh keeps to, its devices by their ids; one that nobody knows as it was typed."""
    known = [named(view) for view in devices]

    def ids(item: StackItem) -> tuple[str, ...]:
        found = meant(item.value, known) if item.name == "device" else ()
        return found or (item.value,)

    return tuple(StackItem(item.name, one) for item in only for one in ids(item))


def expanded(suite: Suite, takes: submission.Takes) -> Suite:
    """The suite with the usual recipes of each runtime for which all are asked for."""
    recipes: list[str] = []
    kinds = tuple(dict.fromkeys(kind for model in suite.models for kind in _there(model)))
    for asked in suite.recipes:
        recipe, runtime = split_runtime(asked)
        for name in sorted(takes) if runtime == EVERY else [runtime]:
            usual = usual_recipes(takes.get(name, ()), kinds) if recipe == ALL else ()
            recipes += (at_runtime(str(one), name) for one in usual)
        recipes += [] if recipe == ALL else [asked]
    return replace(suite, recipes=tuple(dict.fromkeys(recipes)))


def _can_build(takes: submission.Takes, model: SuiteModel, recipe: str, runtime: str) -> bool:
    """Whether a builder makes a recipe of what there is of a model."""
    try:
        chain_for(parse(recipe), takes.get(runtime, ()), _there(model))
    except BadInput:
        return False
    return True


def _there(model: SuiteModel) -> tuple[str, ...]:
    """The kinds of a model's sources; of its baseline the usual one, for nobody has looked yet."""
    return (USUAL_SOURCE, *(one.kind for one in model.sources))


def in_order(store: Store, suite: Suite) -> Suite:
    """The suite with each baseline as it is measured: in order, where it had to be put in order."""
    return replace(suite, models=tuple(_ordered(store, model) for model in suite.models))


def _ordered(store: Store, model: SuiteModel) -> SuiteModel:
    found = store.in_order(model.baseline, submission.order_recipe(model))
    if found == model.baseline:
        return model
    return replace(model, baseline=found, dims=(), float32=False)  # which is done


def rows_of(store: Store, models: Iterable[str]) -> tuple[TableRow, ...]:
    """The rows of some models, with the metrics that decide."""
    return tuple(
        row
        for name in dict.fromkeys(models)
        for row in store.deciding_rows(TableQuery(model_name=name))
    )


def _under_way(store: Store) -> set[tuple[object, ...]]:
    """Keys of what live campaigns measure already, which no other need."""
    return {
        _key(step.spec, step.device_id, entry)
        for campaign_id in store.live_campaigns()
        for step in store.campaign_steps(campaign_id)
        if not step.ended
        for entry in step.spec.entries
    }


def require_order(order: RefreshOrder) -> RefreshOrder:
    """The order with nothing in it twice, once it is something that somebody can measure.

    Raises:
        BadInput: a recipe is unknown, a number out of range, nothing is named, or too much.
    """
    if order.budget_s is not None and order.budget_s <= 0:
        raise BadInput(Code.BAD_ARGUMENT, "A budget is a time above 0.")
    if order.recalibrate is not None and (order.suite is not None or order.stale_only):
        raise BadInput(
            Code.BAD_ARGUMENT,
            "What is built with another calibration set is no suite and not what is stale: ask for"
            " one of them.",
        )
    order = bounded(order)
    if order.suite is not None:
        require_overrides(order.suite.overrides, order.suite.profile)
    return order


def _require_few(targets: Sequence[object]) -> None:
    """Refuse more stale rows than a plan holds; of a suite that is known before."""
    if len(targets) > MAX_CELLS:
        raise Refused(
            Code.ASKED_TOO_MUCH,
            f"{len(targets)} rows are stale; a plan holds {MAX_CELLS}. Name some with --only.",
        )


def _require_small(found: RefreshPlan) -> None:
    """Refuse a plan that no message holds beside its campaign."""
    if to_wire(found).ByteSize() > MAX_PLAN_BYTES:
        raise Refused(
            Code.ASKED_TOO_MUCH,
            f"The plan is larger than {MAX_PLAN_BYTES >> 20} MiB: {len(found.jobs)} jobs.",
        )


def _key(spec: JobSpec, device_id: str, entry: Entry) -> tuple[object, ...]:
    """The key of the row that an entry of a planned job leads to."""
    runtime = spec.runtime_of(entry)
    return key_of(
        *(spec.model_name, spec.baseline, entry.recipe, spec.workload),
        device_id=device_id,
        runtime=runtime,
        profile=spec.profile,
        overrides=spec.overrides,
        output=spec.output,
        reference=spec.runtime if runtime != spec.runtime else "",
        artifact=spec.given(entry),
    )
