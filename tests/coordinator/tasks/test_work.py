"""A launch of the baseline plays another part in every other run of its job."""

from __future__ import annotations

import numpy as np
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.runs import RawRef
from bitgauge.coordinator.tasks.work import in_role


def test_the_run_says_which_part_a_file_plays() -> None:
    raw = RawFile({"role": "candidate", "launch": 0, "recipe": "fp32"}, {"x": np.zeros(1)})
    ref = RawRef(PassName.MEMORY, 2, RawRole.BASELINE, Digest("a" * 64, 1))
    borrowed = in_role(raw, ref)
    assert borrowed.meta == {"role": "baseline", "launch": 2, "recipe": "fp32"}
    assert borrowed.arrays is raw.arrays
    assert raw.meta["role"] == "candidate"
