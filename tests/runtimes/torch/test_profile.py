"""Where the time of a program goes, as the library's profiler tells it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bitgauge.agents.runtimes import torch as runtime
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.benchmarks.raw.operators import FLOAT

from .conftest import Programs


def test_every_operator_of_a_call_has_its_time(
    program: Programs, digits: Any, tmp_path: Path
) -> None:
    images, _ = digits
    session = runtime.open_profiled(program("mlp"), SessionOptions(), tmp_path)
    found = session.profile([{"pixels": images[:8]}], warm=2, most=20, budget_ns=10**10)
    kinds = sorted(one.op_type for one in found.operators)
    assert kinds == ["aten::flatten", *["aten::linear"] * 3, *["aten::relu"] * 2]
    assert found.calls == 20
    assert all(one.calls == 20 for one in found.operators)
    assert 0 < found.total_ns < found.call_ns * 1.2
    assert found.share(FLOAT) > 0.3
    assert "[8,64] [512,64] [512]" in {one.inputs for one in found.operators}
