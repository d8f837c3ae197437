"""Small suites, devices and rows for tests of refreshes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bitgauge.benchmarks.refresh.targets import Target, targets_of_suite
from bitgauge.benchmarks.vocabulary.enums import HardwareClass, ModelClass
from bitgauge.benchmarks.vocabulary.values.campaigns import Suite, SuiteModel
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.benchmarks.vocabulary.values.jobs import Selector, Workload
from bitgauge.benchmarks.vocabulary.values.rows import TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.decisions.scheduler import matches

from . import values
from .values import digest

S = 1_000_000_000
NOW_NS = 1_700_000_000 * S


def device(name: str, **fields: Any) -> DeviceView:
    view = {key: fields.pop(key) for key in ("state", "cordoned", "retired") if key in fields}
    here = {"runtimes": (values.runtime(fingerprint="stack"),)}
    return values.view(
        values.device(name, **(here | fields)), **({"last_seen_unix_ns": NOW_NS} | view)
    )


def model(name: str, kind: ModelClass = ModelClass.CNN) -> SuiteModel:
    return SuiteModel(name, digest(name), digest("evaluation"), digest("calibration"), kind)


SUITE = Suite(
    name="test",
    models=(model("one"), model("two", ModelClass.MLP)),
    recipes=("fp16", "int8-dynamic"),
    selectors=(Selector(hardware_class=HardwareClass.CPU_ONLY),),
    workloads=(Workload(), Workload(batch=8)),
)


def targets(*devices: DeviceView, suite: Suite = SUITE) -> tuple[Target, ...]:
    return targets_of_suite(suite, devices, matches)[0]


def row_of(target: Target, **fields: Any) -> TableRow:
    """What the table shows once a target was measured, and decided."""
    baseline = target.recipe == "fp32"
    measured = {
        "model_name": target.model.name,
        "model_class": target.model.model_class or ModelClass.OTHER,
        "workload": target.workload,
        "hardware_class": target.hardware_class,
        "device_id": target.device_id,
        "device_name": target.device_name,
        "runtime": target.runtime,
        "profile": target.profile,
        "overrides": target.overrides,
        "run_id": f"{target.key}",
        "baseline": target.model.baseline,
        "measured_unix_ns": NOW_NS,
        "metrics": (
            MetricValue("latency_ratio", reason="baseline")
            if baseline
            else MetricValue("latency_ratio", 0.5, 0.48, 0.52, verdict="FASTER"),
            MetricValue("accuracy_delta_pp", reason="baseline")
            if baseline
            else MetricValue("accuracy_delta_pp", -0.1, -0.5, 0.3, verdict="PASS"),
            MetricValue("nonfinite_count", 0.0),
        ),
    }
    return values.row(target.recipe, **(measured | fields))


def with_metric(row: TableRow, metric: MetricValue) -> TableRow:
    others = tuple(one for one in row.metrics if one.key != metric.key)
    return replace(row, metrics=(*others, metric))
