"""A/A of the zoo CNN in two runtimes of one process: each passes the certificate's rule.

The rule allows no comparison that is far off, so that it asks for a machine of its own.
"""

from __future__ import annotations

import itertools
import os

import pytest

pytest.importorskip("ai_edge_litert", reason="NOT RUN: pip install 'bitgauge[litert]'")

from .bench_runtimes import FILES, judged


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("runtime", "other"), [*itertools.permutations(FILES)])
def test_a_runtime_finds_nothing_in_itself_while_another_s_blocks_take_turns(
    runtime: str, other: str
) -> None:
    if os.getloadavg()[0] > (os.cpu_count() or 1):
        pytest.skip("NOT RUN: others use the processors of this machine")
    found = judged(runtime, other, print)
    assert found.passed, found.reason
