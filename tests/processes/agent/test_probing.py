"""The probe at enrolment, through real children."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import psutil
import pytest
from bitgauge.agents.execution import probing
from bitgauge.agents.execution.probing import (
    ProbeFailed,
    checked,
    read_again,
    with_kernel_modes,
    with_known_modes,
)
from bitgauge.agents.host.anchoring import cache_bytes
from bitgauge.agents.registry import describe
from bitgauge.agents.sandbox.confinement import Confinement
from bitgauge.benchmarks.raw.anchors import (
    FOREIGN,
    FP32,
    INT8,
    MEMORY,
    READING,
    from_items,
    peak_name,
)
from bitgauge.benchmarks.sandbox.base import RLIMITS, levels
from bitgauge.benchmarks.vocabulary.enums import Realness
from bitgauge.benchmarks.vocabulary.fingerprint import changed, stack_of
from bitgauge.benchmarks.vocabulary.kernel_modes import PROBE_VERSION
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription, StackItem

PROBED = '''
"""A runtime that counts how often it is probed."""
import os, pathlib, signal, time
from bitgauge.agents.runtimes.base import Traits
from bitgauge.agents.runtimes.fake import empty_artifact, load, prepare
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription

NAME = "probed"
RANK = 1
HINT = "this test"

def probe():
    return RuntimeDescription(NAME, "1", simulated=True)

def probe_kernels():
    with open({log!r}, "a") as file:
        file.write("x")
    {body}
    return {{"QLinearConv.u8s8.const": {mode!r}}}

def measure_anchors():
    {anchors}

TRAITS = Traits(("fake",), kernels=probe_kernels, anchors=measure_anchors)
'''
CACHE = {"cache_bytes": 1e6}


class Bench:
    """One state folder and one runtime whose probe does what a test says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.log = folder / "asked"
        self.plugins = folder / "plugins"

    @property
    def asked(self) -> int:
        return len(self.log.read_text()) if self.log.exists() else 0

    async def probe(
        self,
        mode: str = "exact",
        body: str = "",
        stack: str = "6.1",
        anchors: str = f"return {CACHE}",
        realness: Realness = Realness.VIRTUAL_MACHINE,
    ) -> RuntimeDescription:
        place = self.plugins / "runtimes"
        place.mkdir(parents=True, exist_ok=True)
        text = PROBED.format(log=str(self.log), mode=mode, body=body, anchors=anchors)
        (place / "probed.py").write_text(text)
        device = describe("fake", name="box", identity="id", folders=(self.plugins,))
        item = StackItem("kernel_release", stack)
        runtime = next(one for one in device.runtimes if one.name == "probed")
        device = replace(device, stack=(item,), runtimes=(runtime,), realness=realness)
        plain = replace(runtime, fingerprint=f"of-{stack}")
        self.device = replace(device, runtimes=(plain,))
        found = await with_kernel_modes(
            self.device,
            Confinement(levels()[RLIMITS]),
            folder=self.folder / "state",
            plugins=(self.plugins,),
            say=self.said.append,
        )
        return found.runtimes[0]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_one_stack_is_probed_once(bench: Bench) -> None:
    first = await bench.probe()
    second = await bench.probe()
    assert first == second
    assert first.kernel_modes == (StackItem("QLinearConv.u8s8.const", "exact"),)
    assert StackItem("cache_bytes", "1e+06") in first.anchors
    assert bench.asked == 1
    assert not bench.said


async def test_where_time_means_nothing_no_speed_is_measured(bench: Bench) -> None:
    probed = await bench.probe(realness=Realness.EMULATED)
    assert probed.kernel_modes
    assert probed.anchors == ()


async def test_what_is_kept_can_be_told_without_probing(bench: Bench) -> None:
    probed = await bench.probe("sat16")
    device = describe("fake", name="box", identity="id", folders=())
    plain = replace(probed, fingerprint="of-6.1", kernel_modes=())
    device = replace(device, stack=(StackItem("kernel_release", "6.1"),), runtimes=(plain,))
    assert with_known_modes(device, bench.folder / "state").runtimes == (probed,)
    assert with_known_modes(device, bench.folder / "elsewhere") == device
    assert bench.asked == 1


async def test_another_kind_of_probe_asks_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.probe("exact")
    monkeypatch.setattr(probing, "PROBE_VERSION", PROBE_VERSION + 1)
    assert (await bench.probe("sat16")).kernel_modes[0].value == "sat16"
    assert bench.asked == 2
    assert len(list((bench.folder / "state").rglob("*.json"))) == 1


async def test_another_stack_is_probed_again(bench: Bench) -> None:
    await bench.probe()
    changed = await bench.probe(mode="sat16", stack="6.2")
    assert changed.kernel_modes[0].value == "sat16"
    assert bench.asked == 2
    assert len(list((bench.folder / "state" / "kernels").rglob("*.json"))) == 1


async def test_a_mode_is_part_of_the_fingerprint(tmp_path: Path) -> None:
    one, other = Bench(tmp_path / "one"), Bench(tmp_path / "other")
    for each in (one, other):
        each.folder.mkdir()
    exact = await one.probe()
    saturating = await other.probe(mode="sat16")
    stacks = [stack_of((), runtime) for runtime in (exact, saturating)]
    assert changed(*stacks) == ("kernel.QLinearConv.u8s8.const",)
    assert exact.fingerprint != saturating.fingerprint


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            "os.kill(os.getpid(), signal.SIGSEGV)",
            "its child was ended by SIGSEGV and wrote no map.",
        ),
        ("os._exit(0)", "its child ended with status 0 and wrote no map."),
        ("raise RuntimeError('no luck\\nat all')", "no luck at all"),
        ("return ['exact']", "wrote no map"),
        ("return {'a b': 'exact'}", "of other names than operators and modes"),
        ("return {'QGemm.u8s8.const': 7}", "wrote no map"),
    ],
)
async def test_a_probe_that_fails_costs_the_map_only(
    bench: Bench, body: str, sentence: str
) -> None:
    found = await bench.probe(body=body)
    assert found.kernel_modes == ()
    assert len(bench.said) == 1
    assert sentence in bench.said[0]
    assert (await bench.probe()).kernel_modes, "it is tried again at the next start"


@pytest.mark.parametrize(
    "anchors",
    [
        "os.kill(os.getpid(), signal.SIGSEGV)",
        "raise RuntimeError('no luck')",
        "return {'speed': 3}",
    ],
)
async def test_anchors_that_fail_cost_no_map(bench: Bench, anchors: str) -> None:
    found = await bench.probe(anchors=anchors)
    assert found.anchors == ()
    assert found.kernel_modes
    assert not bench.said


async def test_anchors_that_hang_cost_no_map(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "PROBE_S", 6.0)
    found = await bench.probe(anchors="time.sleep(600)")
    assert found.kernel_modes
    assert found.anchors == ()


async def test_a_fresh_reading_stands_beside_the_one_that_is_kept(bench: Bench) -> None:
    """The most of both is kept for the next start, and the readings are counted."""

    async def again(anchors: str) -> dict[str, float]:
        text = PROBED.format(log=str(bench.log), mode="exact", body="", anchors=anchors)
        (bench.plugins / "runtimes/probed.py").write_text(text)
        items = await read_again(
            "probed",
            bench.device,
            Confinement(levels()[RLIMITS]),
            folder=bench.folder / "state",
            plugins=(bench.plugins,),
        )
        found = from_items(items)
        assert found is not None
        return dict(found.values)

    first = from_items((await bench.probe()).anchors)
    assert first is not None
    assert first.reading == 1
    assert first.values[FOREIGN] > 0
    second = await again("return {'cache_bytes': 2e6}")
    assert (second["cache_bytes"], second[READING]) == (2e6, 2)
    third = await again("return {'cache_bytes': 1e5}")
    assert (third["cache_bytes"], third[READING]) == (2e6, 3)
    kept = from_items((await bench.probe()).anchors)
    assert kept is not None
    assert kept.values == pytest.approx(third, rel=1e-5)
    with pytest.raises(ProbeFailed, match="no anchors"):
        await again("return {'speed': 3}")


async def test_another_speed_is_the_same_stack(tmp_path: Path) -> None:
    one, other = Bench(tmp_path / "one"), Bench(tmp_path / "other")
    for each in (one, other):
        each.folder.mkdir()
    slow, fast = await one.probe(), await other.probe(anchors="return {'cache_bytes': 2e6}")
    assert slow.anchors != fast.anchors
    assert slow.fingerprint == fast.fingerprint


async def test_what_onnxruntime_reaches_here_is_plausible(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    device = describe("cpu", name="box", identity="id", folders=())
    said: list[str] = []
    probed = await with_kernel_modes(
        device, Confinement(levels()[RLIMITS]), folder=tmp_path, plugins=(), say=said.append
    )
    assert not said
    runtime = next(one for one in probed.runtimes if one.name == "onnxruntime")
    anchors = from_items(runtime.anchors)
    assert anchors is not None
    for quantity in (FP32, INT8, MEMORY):
        counts = anchors.counts(quantity)
        assert counts[0] == 1
        assert counts[-1] == device.core_count
        for count in counts:
            assert 1e8 < anchors.values[peak_name(quantity, count)] < 1e16, quantity
    kept = with_known_modes(device, tmp_path)
    assert next(one for one in kept.runtimes if one.name == "onnxruntime") == runtime


@pytest.mark.parametrize(
    ("caches", "architecture", "expected"),
    [
        (((1, "Data", "48K"), (2, "Unified", "1024K"), (3, "Unified", "32M")), "x86_64", 34 << 20),
        (((1, "Data", "64K"), (2, "Unified", "512K")), "aarch64", 1 << 20),
        (((1, "Data", "48K"), (2, "Unified", "4096K")), "x86_64", None),
        (((1, "Instruction", "48K"), (2, "Instruction", "4096K")), "aarch64", None),
        (((2, "Unified", ""),), "aarch64", None),
        ((), "aarch64", None),
    ],
)
def test_caches_are_counted_once(
    tmp_path: Path,
    caches: tuple[tuple[int, str, str], ...],
    architecture: str,
    expected: int | None,
) -> None:
    """The layout is that of Documentation/ABI/testing/sysfs-devices-system-cpu of Linux."""
    for cpu in (0, 1):
        for at, (level, kind, size) in enumerate(caches):
            index = tmp_path / f"sys/devices/system/cpu/cpu{cpu}/cache/index{at}"
            index.mkdir(parents=True)
            shared = "0-1" if level == 3 else str(cpu)
            for name, text in (("level", level), ("type", kind), ("size", size)):
                (index / name).write_text(f"{text}\n")
            (index / "shared_cpu_list").write_text(f"{shared}\n")
    assert cache_bytes(tmp_path, architecture) == expected


async def test_a_probe_that_hangs_is_ended(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "PROBE_S", 1.0)
    found = await bench.probe(body="time.sleep(600)")
    assert found.kernel_modes == ()
    assert "did not end within 1 s" in bench.said[0]
    commands = (one.info["cmdline"] or () for one in psutil.process_iter(["cmdline"]))
    assert not [words for words in commands if str(bench.folder) in " ".join(words)]


async def test_a_damaged_map_is_probed_again(bench: Bench) -> None:
    await bench.probe()
    (kept,) = (bench.folder / "state" / "kernels").rglob("*.json")
    kept.write_bytes(b'{"modes": {"QLinear')
    assert (await bench.probe()).kernel_modes
    assert bench.asked == 2


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"\xff" * 100,
        b'{"modes": {"QGemm.u8s8',
        b"[" * 9999,
        b'{"modes": []}',
        b'{"modes": null}',
        b'{"else": 1}',
    ],
)
def test_what_a_child_writes_is_not_trusted(data: bytes) -> None:
    with pytest.raises(ProbeFailed):
        checked(data)
    many = {f"A{number}": "exact" for number in range(1001)}
    with pytest.raises(ProbeFailed):
        checked(msgspec.json.encode({"modes": many}))
