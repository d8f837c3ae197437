import random
from dataclasses import replace

import pytest
from bitgauge.benchmarks.vocabulary.enums import FormatFamily, HardwareClass, JobState, Realness
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription, StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, JobView, Selector
from bitgauge.coordinator.decisions.scheduler import choose, matches, refusals

from tests.labs import values

DIGEST = Digest("0" * 64, 1)
RUNTIME = RuntimeDescription("onnxruntime", "1.31", families=(FormatFamily.FP32, FormatFamily.INT8))
DEVICE = values.device(
    device_id="id-1",
    isa_flags=(),
    hardware_class=HardwareClass.EDGE_ARM,
    architecture="aarch64",
    memory_bytes=4 << 30,
    runtimes=(RUNTIME,),
    tags=(StackItem("rack", "b"),),
)
OTHER = replace(DEVICE, device_id="id-2", name="nano")
SPEC = values.job("fp32", "int8-dynamic")


def wish(selector: Selector) -> JobSpec:
    return replace(SPEC, selector=selector)


def recipes(*names: str) -> JobSpec:
    return replace(SPEC, entries=tuple(Entry(name) for name in names))


@pytest.mark.parametrize(
    ("spec", "reasons"),
    [
        (SPEC, ()),
        (wish(Selector(device="rpi5")), ()),
        (wish(Selector(device="id-1")), ()),
        (wish(Selector(device="nano")), ("is not nano",)),
        (wish(Selector(hardware_class=HardwareClass.EDGE_ARM)), ()),
        (wish(Selector(hardware_class=HardwareClass.CPU_ONLY)), ("is edge_arm, not cpu_only",)),
        (wish(Selector(min_memory_bytes=4 << 30)), ()),
        (
            wish(Selector(min_memory_bytes=8 << 30)),
            ("has 4294967296 bytes of memory, not 8589934592",),
        ),
        (wish(Selector(tags=(StackItem("rack", "b"),))), ()),
        (
            wish(Selector(tags=(StackItem("rack", "a"), StackItem("x", "1")))),
            ("has no tag rack=a", "has no tag x=1"),
        ),
        (wish(Selector(runtime="onnxruntime")), ()),
        (wish(Selector(runtime="litert")), ("has no runtime litert (it has onnxruntime)",)),
        (
            replace(SPEC, runtime="torch", selector=Selector(runtime="torch")),
            ("has no runtime torch (it has onnxruntime)",),
        ),
        (recipes("fp32", "fp16", "int8-dynamic"), ()),
        (recipes("fp32"), ()),
        (recipes("fp32", "fp16", "int4-wo-b32"), ("cannot run fp16, int4 with onnxruntime",)),
        (recipes("fp16", "int8-dynamic"), ("cannot run the fp16 baseline with onnxruntime",)),
    ],
)
def test_every_reason_is_named(spec: JobSpec, reasons: tuple[str, ...]) -> None:
    assert matches(spec, DEVICE) == reasons


def test_a_runtime_that_names_no_families_is_asked_by_running_it() -> None:
    silent = replace(DEVICE, runtimes=(replace(RUNTIME, families=()),))
    assert matches(recipes("fp32", "int4-wo-b32"), silent) == ()


def test_each_entry_asks_for_its_own_runtime() -> None:
    mixed = replace(
        SPEC, entries=(Entry("fp32"), Entry("int4-wo-b32", runtime="litert"), Entry("int8-dynamic"))
    )
    assert mixed.runtimes == ("onnxruntime", "litert")
    assert matches(mixed, DEVICE) == ("has no runtime litert (it has onnxruntime)",)
    both = replace(DEVICE, runtimes=(RUNTIME, RuntimeDescription("litert", "2")))
    assert matches(mixed, both) == ()
    alone = replace(mixed, entries=mixed.entries[:2])
    lacks = replace(both.runtimes[1], families=(FormatFamily.INT8,))
    assert matches(alone, replace(both, runtimes=(RUNTIME, lacks))) == (
        "cannot run int4 with litert",
    )


def test_a_kind_that_its_runtime_does_not_take_is_named() -> None:
    spec = replace(
        SPEC,
        entries=(
            Entry("fp32", artifact_kind="onnx"),
            Entry("int8-dynamic", artifact_kind="tflite"),
            Entry("int8-dynamic", artifact_kind="tflite"),
            Entry("int8-dynamic"),
        ),
    )
    assert matches(spec, DEVICE) == (), "a runtime that does not say is asked by running it"
    says = replace(DEVICE, runtimes=(replace(RUNTIME, artifact_kinds=("onnx", "ort")),))
    assert matches(spec, says) == ("takes no tflite with onnxruntime (it takes onnx, ort)",)


def test_what_is_simulated_is_measured_apart() -> None:
    fake = RuntimeDescription("fake", "1", simulated=True)
    both = replace(DEVICE, runtimes=(RUNTIME, fake))
    mixed = replace(SPEC, entries=(Entry("fp32"), Entry("int8-dynamic", runtime="fake")))
    assert matches(mixed, both) == (
        "would mix what is simulated with what is not (onnxruntime is not and fake is)",
    )
    assert matches(replace(SPEC, runtime="fake"), both) == ()


def job(name: str, submitted_unix_ns: int, spec: JobSpec = SPEC) -> tuple[JobView, JobSpec]:
    view = values.seen(name, state=JobState.QUEUED, submitted_unix_ns=submitted_unix_ns)
    return view, spec


def test_priority_comes_first_then_age() -> None:
    queue = [
        job("old", 1),
        job("young", 2),
        job("urgent", 3, replace(SPEC, priority=1)),
        job("elsewhere", 0, replace(wish(Selector(device="nano")), priority=9)),
    ]
    random.Random(7).shuffle(queue)
    order = []
    while (chosen := choose(queue, DEVICE)) is not None:
        order.append(chosen)
        queue = [pair for pair in queue if pair[0].job_id != chosen]
    assert order == ["urgent", "old", "young"]


def test_an_open_health_check_comes_before_everything() -> None:
    queue = [job("user", 1, replace(SPEC, priority=1000)), job("check", 2)]
    assert choose(queue, DEVICE, check="check") == "check"
    assert choose(queue[:1], DEVICE, check="check") is None  # it runs, or is not judged yet
    assert choose(queue, DEVICE) == "user"


def test_a_retry_goes_to_another_matching_device_when_there_is_one() -> None:
    queue = [job("first", 1), job("second", 2)]
    avoid = {"first": {"id-1"}}
    assert choose(queue, DEVICE, [OTHER], avoid) == "second"
    assert choose(queue, OTHER, [DEVICE], avoid) == "first"
    assert choose(queue, DEVICE, [], avoid) == "first"
    assert choose(queue, DEVICE, [OTHER], {"first": {"id-1", "id-2"}}) == "first"
    unfit = replace(OTHER, runtimes=())
    assert choose(queue, DEVICE, [unfit], avoid) == "first"


def test_a_simulated_device_leaves_jobs_to_real_ones_unless_it_is_named() -> None:
    fake = replace(OTHER, name="fake", realness=Realness.SIMULATED)
    queue = [job("any", 1)]
    assert choose(queue, fake, [DEVICE]) is None
    assert choose(queue, fake, []) == "any"
    assert choose(queue, fake, [replace(DEVICE, runtimes=())]) == "any"
    assert choose(queue, DEVICE, [fake]) == "any"
    named = [job("named", 1, wish(Selector(device="fake")))]
    assert choose(named, fake, [DEVICE]) == "named"


def test_refusals_name_every_device_that_can_not() -> None:
    twin = replace(OTHER, name="rpi5")
    assert refusals(SPEC, [DEVICE, OTHER]) == {}
    assert refusals(wish(Selector(device="nano")), [DEVICE, OTHER]) == {"rpi5": ("is not nano",)}
    assert set(refusals(wish(Selector(device="x")), [DEVICE, twin])) == {
        "rpi5 (id-1)",
        "rpi5 (id-2)",
    }
