"""Values of the domain for tests: each maker gives a whole one, and takes what is to differ."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
from bitgauge.agents.runtimes import ort
from bitgauge.benchmarks.analysis.facts import RunFacts
from bitgauge.benchmarks.common.ids import run_id
from bitgauge.benchmarks.raw.origin import RawOrigin
from bitgauge.benchmarks.samples import WarmUp
from bitgauge.benchmarks.vocabulary.enums import (
    CellState,
    FormatFamily,
    HardwareClass,
    JobState,
    ModelClass,
    PassName,
    Profile,
    RawRole,
    Realness,
    RunStatus,
)
from bitgauge.benchmarks.vocabulary.values.devices import (
    DeviceDescription,
    DeviceView,
    RuntimeDescription,
)
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import (
    Assignment,
    Entry,
    EntryView,
    JobSpec,
    JobView,
    Workload,
)
from bitgauge.benchmarks.vocabulary.values.rows import TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, RunReport

Changes = dict[str, Any]
RECIPE = "int8-dynamic"
BASELINE, CANDIDATE = Digest("a" * 64, 1000), Digest("b" * 64, 250)


def digest(text: str) -> Digest:
    """The digest that a blob might have, told by `text`."""
    return Digest((text.encode().hex() + "0" * 64)[:64], len(text))


# -- devices ------------------------------------------------------------------------------
def runtime(**changes: Any) -> RuntimeDescription:
    """ONNX Runtime as a device advertises it."""
    values: Changes = {
        "name": ort.NAME,
        "version": "1.31.0",
        "fingerprint": "stack-1",
        "artifact_kinds": ort.TRAITS.artifact_kinds,
        "options": ort.TRAITS.options,
        "exact_options": ort.TRAITS.exact_options,
        "capabilities": ort.TRAITS.capabilities,
    }
    return RuntimeDescription(**(values | changes))


def device(name: str = "rpi5", **changes: Any) -> DeviceDescription:
    """A physical x86 machine; its id follows from its name."""
    values: Changes = {
        "device_id": str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
        "name": name,
        "hardware_class": HardwareClass.CPU_ONLY,
        "realness": Realness.PHYSICAL,
        "architecture": "x86_64",
        "processor_model": "a processor",
        "isa_flags": ("avx2",),
        "core_count": 4,
        "memory_bytes": 8 << 30,
        "kernel_release": "6.1",
        "runtimes": (runtime(),),
    }
    return DeviceDescription(**(values | changes))


def bench() -> DeviceDescription:
    """The device of a lab that has one; it takes every format."""
    takes_all = runtime(families=tuple(FormatFamily), fingerprint="")
    return device("bench", device_id=str(uuid.UUID(int=7)), runtimes=(takes_all,))


def view(description: DeviceDescription, **changes: Any) -> DeviceView:
    """An idle device as people see it."""
    values: Changes = {"state": "idle", "last_seen_unix_ns": 1, "agent_version": "0.1.0"}
    return DeviceView(description, **(values | changes))


# -- jobs and runs ------------------------------------------------------------------------
def job(*recipes: str, **changes: Any) -> JobSpec:
    """A job of these recipes, to be built from the baseline."""
    values: Changes = {
        "model_name": "digits",
        "baseline": BASELINE,
        "entries": tuple(Entry(recipe) for recipe in recipes or (RECIPE,)),
        "evaluation": digest("evaluation"),
    }
    return JobSpec(**(values | changes))


def report(lease: Assignment, index: int, **changes: Any) -> RunReport:
    """What the agent says of one entry of its lease: measured."""
    token: Changes = {"lease_token": lease.lease_token}
    return told(lease.job_id, index, epoch=lease.epoch, **(token | changes))


def told(job_id: str, index: int = 0, *, epoch: int = 1, **changes: Any) -> RunReport:
    """What an agent says of one entry of some job."""
    values: Changes = {
        "run_id": run_id(job_id, epoch, index),
        "job_id": job_id,
        "lease_token": b"t" * 16,
        "entry_index": index,
        "status": RunStatus.MEASURED,
        "started_unix_ns": 1,
        "ended_unix_ns": 2,
        "device_id": device().device_id,
        "sandbox": "bwrap",
    }
    return RunReport(epoch=epoch, **(values | changes))


def seen(job_id: str = "job-1", *entries: EntryView, **changes: Any) -> JobView:
    """A finished job as people see it."""
    values: Changes = {
        "state": JobState.FINISHED,
        "model_name": "digits",
        "workload": Workload(),
        "profile": Profile.QUICK,
        "submitted_unix_ns": 1,
    }
    return JobView(job_id, entries=entries, **(values | changes))


# -- raw data and what is made of it ------------------------------------------------------
def origin(pass_name: PassName, role: RawRole, launch: int = 0, **changes: Any) -> RawOrigin:
    """Where a raw file comes from: one launch of a pass for `RECIPE`."""
    artifacts = {
        RawRole.BOTH: (BASELINE.sha256, CANDIDATE.sha256),
        RawRole.CANDIDATE: (CANDIDATE.sha256,),
        RawRole.BASELINE: (BASELINE.sha256,),
        RawRole.FLOOR: (),
    }[role]
    values: Changes = {
        "artifacts": artifacts,
        "recipe": RECIPE,
        "runtime": ort.NAME,
        "workload": Workload(),
        "profile": Profile.QUICK,
    }
    return RawOrigin(pass_name, launch, role, **(values | changes))


def facts(**changes: Any) -> RunFacts:
    """A run of `CANDIDATE` as its analysis knows it."""
    values: Changes = {
        "run_id": "11111111-2222-3333-4444-555555555555",
        "entry_index": 1,
        "recipe": RECIPE,
        "profile": Profile.QUICK,
        "workload": Workload(),
        "candidate": CANDIDATE,
        "baseline": BASELINE,
    }
    return RunFacts(**(values | changes))


def warmed(*iteration_ns: int) -> WarmUp:
    """A warm-up of one block that ended steady."""
    return WarmUp(np.ones(1), np.zeros(1, np.int64), iteration_ns, 1, 1, True)


def detail(metric: MetricValue) -> dict[str, str]:
    return {item.name: item.value for item in metric.detail}


# -- the table ----------------------------------------------------------------------------
def row(recipe: str = RECIPE, **changes: Any) -> TableRow:
    """A measured row without any metric."""
    values: Changes = {
        "model_name": "digits-cnn",
        "model_class": ModelClass.CNN,
        "recipe": recipe,
        "family": FormatFamily(recipe.partition("-")[0]),
        "workload": Workload(),
        "hardware_class": HardwareClass.CPU_ONLY,
        "device_id": "device-1",
        "device_name": "here",
        "realness": Realness.PHYSICAL,
        "runtime": ort.NAME,
        "profile": Profile.QUICK,
        "state": CellState.MEASURED,
        "baseline": BASELINE,
    }
    return TableRow(**(values | changes))
