"""Time per operator: reading profiles, shares, and the raw file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bitgauge.agents.passes._batches import Batches
from bitgauge.agents.runtimes import ort
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.agents.runtimes.ort import profile as _ort_profile
from bitgauge.benchmarks.quality.sets import read_evaluation_set
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.operators import (
    CONVERT,
    FLOAT,
    INTEGER,
    OperatorProfile,
    OperatorTime,
    by_type,
    operator_profile,
    operators_raw,
)
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError

from tests.labs.values import origin

ZOO = Path(__file__).parents[3] / "benchmarks" / "zoo"
ORIGIN = origin(PassName.OPERATORS, RawRole.CANDIDATE)


def event(name: str, op: str, dur: float, **more: object) -> dict[str, object]:
    args = {"op_name": op, "provider": "CPUExecutionProvider", **more}
    return {"cat": "Node", "name": f"{name}_kernel_time", "dur": dur, "args": args}


def written(tmp_path: Path, events: object) -> Path:
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(events))
    return path


def test_the_warm_up_and_what_is_no_kernel_do_not_count(tmp_path: Path) -> None:
    events: list[dict[str, object]] = [{"cat": "Session", "name": "model_run", "dur": 99}]
    for dur in (900, 900, 4, 4, 4, 80):  # two calls of warm-up, and one spike
        events.append(event("slow", "ConvInteger", dur, input_type_shape=[{"uint8": [1, 3]}]))
        events.append(event("quick", "QuantizeLinear", dur / 4))
        events.append({"cat": "Node", "name": "slow_fence_before", "dur": 7, "args": {}})
    slow, quick = _ort_profile.read(written(tmp_path, events), 4, 2)
    assert (slow.name, slow.op_type, slow.calls) == ("slow", "ConvInteger", 4)
    assert slow.time_ns == 4_000
    assert slow.inputs == "u8[1,3]"
    assert (quick.role, quick.time_ns) == (CONVERT, 1_000)


def test_a_node_in_a_loop_counts_as_often_as_it_runs(tmp_path: Path) -> None:
    events = [event("body", "MatMul", 5) for _ in range(30)]
    (row,) = _ort_profile.read(written(tmp_path, events), 10, 0)
    assert row.time_ns == 15_000


@pytest.mark.parametrize("text", ["", "{}", "[{", '[{"dur": "long"}]', "[" * 5_000])
def test_what_is_no_profile_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "profile.json"
    path.write_text(text)
    with pytest.raises(_ort_profile.Unreadable):
        _ort_profile.read(path, 10, 0)


def test_a_real_session_tells_where_its_time_goes(tmp_path: Path) -> None:
    ort.prepare()
    session = ort.open_profiled(ZOO / "digits-cnn.onnx", SessionOptions(), tmp_path)
    evaluation = read_evaluation_set(ZOO / "evaluation.npz")
    feeds = Batches(evaluation, session.input_specs, 4).for_timing()
    found = session.profile(feeds, warm=3, most=20, budget_ns=10**10)
    assert found.calls == 20
    assert found.share(FLOAT) > 0.5
    assert found.total_ns > 0
    assert {one.provider for one in found.operators} == {"CPUExecutionProvider"}
    assert "Conv" in by_type(found.operators)
    assert not list(tmp_path.iterdir())
    with pytest.raises(BitgaugeError):
        ort.open_profiled(tmp_path / "nowhere.onnx", SessionOptions(), tmp_path)


ROWS = (
    OperatorTime("conv", "QLinearConv", "CPU", 9, 6_000.0, 6_000.0, "u8[1,3]", "u8[1,4]"),
    OperatorTime("q", "QuantizeLinear", "CPU", 9, 2_000.0, 2_000.0),
)
PROFILE = OperatorProfile(ROWS, calls=9, call_ns=10_000.0, resolution_ns=1_000)


def test_shares_add_up() -> None:
    assert sum(
        PROFILE.share(role) for role in {one.role for one in PROFILE.operators}
    ) == pytest.approx(1)
    assert PROFILE.share(INTEGER) == 0.75
    assert OperatorProfile().share(INTEGER) == 0


def test_a_raw_file_comes_back() -> None:
    assert operator_profile(operators_raw(ORIGIN, PROFILE)) == PROFILE
    nothing = OperatorProfile(why_not="Runtime fake has no profiler.")
    assert operator_profile(operators_raw(ORIGIN, nothing)) == nothing


def test_a_damaged_raw_file_is_refused() -> None:
    raw = operators_raw(ORIGIN, PROFILE)
    for name, array in raw.arrays.items():
        with pytest.raises(BadInput):
            operator_profile(RawFile(raw.meta, {**raw.arrays, name: array[:1]}))
        with pytest.raises(BadInput):
            operator_profile(RawFile(raw.meta, {**raw.arrays, name: array.reshape(1, -1)}))
    negative = operators_raw(ORIGIN, replace(PROFILE, operators=(replace(ROWS[0], time_ns=-1.0),)))
    with pytest.raises(BadInput):
        operator_profile(negative)
    endless = {**raw.arrays, "time_ns": np.array([np.inf, 1.0])}
    with pytest.raises(BadInput):
        operator_profile(RawFile(raw.meta, endless))
    with pytest.raises(BadInput):
        operator_profile(RawFile({**raw.meta, "calls": None}, raw.arrays))
