"""Raw files: the round trip of every pass, and that nothing hostile gets through."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bitgauge.benchmarks.quality.accuracy import score
from bitgauge.benchmarks.raw.absolute import ColdStart, absolute_raw, absolute_samples
from bitgauge.benchmarks.raw.container import SCHEMA, RawFile, RunReader, read_raw, write_raw
from bitgauge.benchmarks.raw.energy import energy_raw, energy_samples
from bitgauge.benchmarks.raw.known import KNOWN
from bitgauge.benchmarks.raw.memory import memory_raw, memory_samples
from bitgauge.benchmarks.raw.operators import (
    OperatorProfile,
    OperatorTime,
    operator_profile,
    operators_raw,
)
from bitgauge.benchmarks.raw.origin import RawOrigin, raw_origin
from bitgauge.benchmarks.raw.pair import pair_raw, pair_samples
from bitgauge.benchmarks.raw.parts import MAX_ROWS
from bitgauge.benchmarks.raw.quality import quality_raw, quality_samples
from bitgauge.benchmarks.raw.sentinel import sentinel_latencies, sentinel_raw
from bitgauge.benchmarks.raw.throughput import sweep_samples, throughput_raw
from bitgauge.benchmarks.samples import (
    AbsoluteSamples,
    EnergySamples,
    MemoryCheckpoint,
    MemorySamples,
    PairSamples,
    SweepSamples,
    WarmUp,
)
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import Overrides, Workload
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.labs.conditions import conditions
from tests.labs.sets import npz
from tests.labs.values import origin


def of_pass(name: str) -> RawOrigin:
    return origin(PassName(name), RawRole.BOTH, workload=Workload(batch=64, threads=2))


ORIGIN = of_pass("pair")

WARM = WarmUp(np.array([5.0, 4.0]), np.array([0, 1]), (5, 4), 12, 99, False)
PAIR = PairSamples(
    value_ns=np.array([5.0, 4.0, 4.5, 5.5]),
    start_ns=np.array([0, 10, 20, 30]),
    iterations=np.array([5, 6, 6, 5]),
    letter=np.array([0, 1, 1, 0]),
    quad=np.zeros(4, np.int64),
    conditions=conditions(4, temperature_c=45.0, psi_some_avg10=0.0),
    warm=WARM,
    stopped="precise",
)
ABSOLUTE = AbsoluteSamples(
    latency_ns=np.array([5, 6, 7]),
    block=np.array([0, 0, 1]),
    block_start_ns=np.array([0, 50]),
    conditions=conditions(2, temperature_c=45.0, psi_some_avg10=0.0),
    warm=WARM,
    count=10,
    block_end_ns=np.array([40, 90]),
)
MEMORY = MemorySamples(
    tuple(MemoryCheckpoint(f"m{i}", *(100 * i + j for j in range(6))) for i in range(4))
)
QUALITY = score(np.eye(3), np.eye(3)[::-1], np.arange(3), ["x", "y", "z"])
TWO = np.array([1, 2])
SWEEP = SweepSamples(TWO, TWO, TWO, TWO, TWO, conditions(2), "gain")
PROFILE = OperatorProfile((OperatorTime("n", "Conv", "CPU", 9, 6.0, 5.0, "u8[1]", ""),), 9, 8.5, 1)
ENERGY = EnergySamples(
    letter=np.array([0, 1]),
    start_ns=np.array([0, 10]),
    end_ns=np.array([9, 19]),
    energy_mj=np.array([1.0, 2.0]),
    iterations=np.array([3, 4]),
    foreign_share=np.array([np.nan, 0.5]),
    second_mj=np.array([np.nan, 0.5]),
    temperature_c=np.array([np.nan, 50.0]),
    clock_mhz=np.array([np.nan, 2000.0]),
    thermal_slowdown_ns=np.array([0.0, 5.0]),
    power_slowdown_ns=np.full(2, np.nan),
    sync_slowdown_ns=np.full(2, np.nan),
    module_mj=np.array([3.0, np.nan]),
    memory_mj=np.full(2, np.nan),
    update_period_ns=1_000_000,
    uncertainty_relative=0.05,
    kind="counter",
    scope="package",
    meter="rapl",
)
FILES: dict[str, tuple[RawFile, Callable[[RawFile], Any], Any]] = {
    "pair": (pair_raw(ORIGIN, PAIR), pair_samples, PAIR),
    "absolute": (
        absolute_raw(of_pass("absolute"), ABSOLUTE, ColdStart(7, 8)),
        lambda raw: absolute_samples(raw)[0],
        ABSOLUTE,
    ),
    "memory": (memory_raw(of_pass("memory"), MEMORY), memory_samples, MEMORY),
    "quality": (quality_raw(of_pass("quality"), QUALITY), quality_samples, QUALITY),
    "alone": (
        quality_raw(of_pass("quality"), score(np.eye(3), None, None, None)),
        quality_samples,
        score(np.eye(3), None, None, None),
    ),
    "throughput": (throughput_raw(of_pass("throughput"), SWEEP), sweep_samples, SWEEP),
    "operators": (operators_raw(of_pass("operators"), PROFILE), operator_profile, PROFILE),
    "sentinel": (
        sentinel_raw(of_pass("sentinel"), np.array([5, 6])),
        sentinel_latencies,
        np.array([5, 6]),
    ),
    "energy": (energy_raw(of_pass("energy"), ENERGY), energy_samples, ENERGY),
}


def stored(raw: RawFile, folder: Path) -> bytes:
    path = folder / "raw.npz"
    write_raw(path, raw)
    return path.read_bytes()


def assert_same(left: Any, right: Any) -> None:
    if isinstance(left, np.ndarray):
        np.testing.assert_array_equal(left, right)
        assert left.dtype.kind == right.dtype.kind
    elif is_dataclass(left):
        for field in fields(left):
            assert_same(getattr(left, field.name), getattr(right, field.name))
    else:
        assert left == right


@pytest.mark.parametrize("name", FILES)
def test_samples_survive_the_file(name: str, tmp_path: Path) -> None:
    raw, parse, samples = FILES[name]
    back = read_raw(stored(raw, tmp_path))
    assert raw_origin(back) == raw_origin(raw)
    assert_same(parse(back), samples)


@pytest.mark.parametrize("name", FILES)
def test_a_pass_stores_what_readers_know(name: str) -> None:
    raw = FILES[name][0]
    assert {*raw.arrays} <= KNOWN[raw_origin(raw).pass_name]


def test_arrays_that_a_pass_does_not_store_are_refused_unread(tmp_path: Path) -> None:
    raw = FILES["pair"][0]
    padded = RawFile(raw.meta, raw.arrays | {"padding": np.zeros(1 << 20)})
    error = bad(stored(padded, tmp_path))
    assert error.code is Code.BAD_RAW
    assert "holds arrays that pass pair does not: padding" in error.sentence
    assert "no known pass" in bad(stored(RawFile({"pass_name": "x"}, {}), tmp_path)).sentence


def test_a_run_has_one_allowance_for_all_its_files(tmp_path: Path) -> None:
    raw = FILES["sentinel"][0]
    many = replace(raw, arrays={"latency_ns": np.arange(1000)})
    data = stored(many, tmp_path)
    reader = RunReader(20_000)
    assert reader.read(data).arrays["latency_ns"].nbytes == 8000
    assert reader.read(data).meta["pass_name"] == "sentinel"
    with pytest.raises(BadInput, match="unpacks to more than 4000 bytes"):
        reader.read(data)


def test_rows_that_become_objects_are_counted_first() -> None:
    raw = FILES["operators"][0]
    rows = np.zeros(MAX_ROWS + 1, "<U1")
    with pytest.raises(BadInput, match="100001 rows, 100000 are taken"):
        operator_profile(RawFile(raw.meta, raw.arrays | {"name": rows}))


def test_cold_start_survives(tmp_path: Path) -> None:
    back = read_raw(stored(FILES["absolute"][0], tmp_path))
    _, cold = absolute_samples(back)
    assert (cold.load_ns, cold.first_inference_ns) == (7, 8)


def test_same_samples_same_bytes(tmp_path: Path) -> None:
    raw = FILES["pair"][0]
    assert stored(raw, tmp_path) == stored(RawFile(dict(raw.meta), dict(raw.arrays)), tmp_path)


def test_reserved_names_and_nan_metadata_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="container"):
        write_raw(tmp_path / "x", RawFile({}, {"meta": np.zeros(1)}))
    with pytest.raises(ValueError, match="JSON"):
        write_raw(tmp_path / "x", RawFile({"a": float("nan")}, {}))
    with pytest.raises(ValueError, match="object"):
        write_raw(tmp_path / "x", RawFile({}, {"evil": np.array([{}], dtype=object)}))


def bad(source: Path | bytes) -> BadInput:
    with pytest.raises(BadInput) as error:
        read_raw(source)
    assert "\n" not in error.value.sentence
    return error.value


def meta_of(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)


def test_what_is_no_raw_file(tmp_path: Path) -> None:
    assert bad(tmp_path / "absent.npz").code is Code.FILE_UNREADABLE
    assert bad(tmp_path).code in (Code.FILE_UNREADABLE, Code.BAD_RAW)
    for source in (
        b"",
        b"not a zip",
        npz(),
        npz(schema=np.array(SCHEMA)),
        npz(schema=np.array("other/1"), meta=meta_of("{}")),
        npz(schema=np.array([SCHEMA]), meta=meta_of("{}")),
        npz(schema=np.array(SCHEMA), meta=np.zeros(3)),
        npz(schema=np.array(SCHEMA), meta=meta_of("[]")),
        npz(schema=np.array(SCHEMA), meta=meta_of("{")),
        npz(schema=np.array(SCHEMA), meta=meta_of("[" * 100_000)),
        npz(schema=np.array(SCHEMA), meta=meta_of("{}"), evil=np.array([{}], dtype=object)),
        npz(schema=np.array(SCHEMA), meta=meta_of("{}"), when=np.array("2020", "datetime64")),
    ):
        assert bad(source).code is Code.BAD_RAW


def test_a_header_that_claims_more_than_there_is_allocates_nothing(tmp_path: Path) -> None:
    member = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        member, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40,)}
    )
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("schema.npy", member.getvalue())
    assert "claims" in bad(archive.getvalue()).sentence


def test_too_many_arrays_and_doubled_names() -> None:
    many = {f"a{i}": np.zeros(1) for i in range(200)}
    assert "limit" in bad(npz(**many)).sentence
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("x.npy", b"")
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("x.npy", b"")
    assert bad(archive.getvalue()).code is Code.BAD_RAW


def refusal(action: Callable[[], None]) -> Code | None:
    """The code of the error that `action` ends in, or None; other exceptions pass through."""
    try:
        action()
    except BadInput as error:
        return error.code
    return None


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(sorted(FILES)), data=st.data())
def test_damaged_bytes_are_refused_or_still_good(
    name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    raw, parse, _ = FILES[name]
    content = bytearray(stored(raw, tmp_path_factory.getbasetemp()))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]

    def read() -> None:
        damaged = read_raw(bytes(content))
        raw_origin(damaged)
        parse(damaged)

    assert refusal(read) in (None, Code.BAD_RAW)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(sorted(FILES)), data=st.data())
def test_wrong_metadata_and_arrays_are_refused_or_still_good(
    name: str, data: st.DataObject
) -> None:
    raw, parse, _ = FILES[name]
    meta, arrays = dict(raw.meta), dict(raw.arrays)
    if data.draw(st.booleans()):
        meta[data.draw(st.sampled_from(sorted(meta)))] = data.draw(json_values)
    else:
        key = data.draw(st.sampled_from(sorted(arrays)))
        other = data.draw(
            st.sampled_from([np.zeros(0), np.zeros(4), np.zeros((2, 2)), np.array("x"), None])
        )
        if other is None:
            del arrays[key]
        else:
            arrays[key] = other
    changed = RawFile(json.loads(json.dumps(meta)), arrays)

    def read() -> None:
        raw_origin(changed)
        parse(changed)

    assert refusal(read) in (None, Code.BAD_RAW)


@pytest.mark.parametrize(
    ("name", "key", "value", "where"),
    [
        ("pair", "stopped", 7, "stopped"),
        ("pair", "warm", {**FILES["pair"][0].meta["warm"], "steady": 1}, "warm.steady"),
        ("pair", "warm", {**FILES["pair"][0].meta["warm"], "iteration_ns": [5, -1]}, "[2]"),
        ("pair", "artifacts", ["a" * 64, "B" * 64], "artifacts[2]"),
        ("pair", "artifacts", ["a" * 64 + "\n"], "artifacts[1]"),
        ("pair", "recipe", None, "recipe"),
        ("pair", "launch", True, "launch"),
        ("pair", "overrides", {"launches": -1}, "overrides.launches"),
        ("pair", "profile", "a\nb" * 999, "profile"),
        ("absolute", "load_ns", 0.5, "load_ns"),
        ("memory", "batches", [1, None], "batches[2]"),
        ("operators", "calls", float("inf"), "calls"),
        ("operators", "call_ns", float("nan"), "call_ns"),
        ("operators", "call_ns", 10**400, "call_ns"),
        ("energy", "update_period_ns", 0, "update_period_ns"),
        ("energy", "uncertainty_relative", float("nan"), "uncertainty_relative"),
        ("energy", "uncertainty_relative", 1.0, "uncertainty_relative"),
        ("energy", "scattered", "yes", "scattered"),
    ],
)
def test_metadata_of_another_kind_are_refused_with_their_place(
    name: str, key: str, value: Any, where: str
) -> None:
    raw, parse, _ = FILES[name]
    changed = RawFile({**raw.meta, key: value}, raw.arrays)

    def read() -> None:
        raw_origin(changed)
        parse(changed)

    with pytest.raises(BadInput) as caught:
        read()
    assert caught.value.code is Code.BAD_RAW
    assert f"{where}: " in caught.value.sentence
    assert "\n" not in caught.value.sentence
    assert len(caught.value.sentence) < 400


def test_every_override_can_be_read() -> None:
    """A field of `Overrides` that the metadata do not declare would be lost on the way."""
    stated = Overrides(3, 4, 5, (StackItem("a", "b"), StackItem("c", "d")))
    for one in fields(Overrides):
        assert getattr(stated, one.name) != getattr(Overrides(), one.name)
    other = replace(ORIGIN, overrides=stated)
    assert raw_origin(pair_raw(other, PAIR)) == other


def test_impossible_samples_are_named() -> None:
    cases = {
        "ABBA": replace(PAIR, letter=np.array([0, 1, 0, 1])),
        "quads": replace(PAIR, quad=np.array([0, 0, 0, 1])),
        "positive": replace(PAIR, value_ns=np.array([5.0, 4.0, np.nan, 5.5])),
    }
    for word, samples in cases.items():
        with pytest.raises(BadInput, match=word):
            pair_samples(pair_raw(ORIGIN, samples))
    with pytest.raises(BadInput, match="blocks"):
        absolute_samples(
            absolute_raw(ORIGIN, replace(ABSOLUTE, block=np.array([0, 0, 9])), ColdStart(1, 1))
        )
    with pytest.raises(BadInput, match="fewer"):
        absolute_samples(absolute_raw(ORIGIN, replace(ABSOLUTE, count=2), ColdStart(1, 1)))
    with pytest.raises(BadInput, match="checkpoint"):
        memory_samples(memory_raw(ORIGIN, MemorySamples(MEMORY.checkpoints[:1])))
    with pytest.raises(BadInput, match="unique"):
        quality_samples(quality_raw(ORIGIN, replace(QUALITY, ids=np.array(["x", "x", "z"]))))
