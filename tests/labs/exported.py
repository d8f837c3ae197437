"""A database with two devices, two models, a failure, and an emulated device that must not show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bitgauge.benchmarks.vocabulary.enums import FailureGroup, HardwareClass, Realness, RunStatus
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription, StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, Workload
from bitgauge.coordinator.store.store import Store

from .store import Lab, failure, spec
from .values import device, digest

HOSTS = ("build-host-17", "rpi5", "qemu-board")
SECRET = "serial-4711"
PATH = "/home/somebody/.cache/bitgauge/int4.onnx"


def store_table(folder: Path) -> Path:
    """Path of the database; a run of each device and model is measured."""
    path = folder / "store.db"
    store = Store.open(path)
    lab = Lab(store)
    for name, cores in (("build-host-17", 2), ("rpi5", 4)):
        lab.register(_device(name, core_count=cores))
    lab.register(
        _device("qemu-board", realness=Realness.EMULATED, hardware_class=HardwareClass.EDGE_ARM)
    )
    for name in HOSTS:
        for model, batch in (("digits_cnn", 1), ("digits_cnn", 64), ("other|cnn", 1)):
            what = spec(model_name=model, workload=Workload(batch=batch))
            lab.measured(what, name)
    _failed(lab)
    store.close()
    return path


def _device(name: str, **changes: object) -> DeviceDescription:
    owned = (StackItem("serial", SECRET),)
    return replace(device(name, **changes), tags=owned, evidence=owned)


def _failed(lab: Lab) -> None:
    entries = (Entry("fp32"), Entry("int4-wo-b32", digest("broken")))
    job_id = lab.submit(spec(model_name="digits_mlp", entries=entries))
    lease = lab.claimed(job_id, "rpi5")
    who = device("rpi5").device_id
    lab.report(lease, 0, device_id=who)
    why = failure(FailureGroup.ARTIFACT, f"rpi5 could not load {PATH}")
    lab.report(lease, 1, device_id=who, status=RunStatus.FAILED, raw=(), failure=why)
    lab.analyse()
