"""A launch of the baseline plays another part in every other run of its job."""

from __future__ import annotations

import numpy as np
import pytest
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.files import in_role, require_small
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.runs import MAX_RAW_FILE_BYTES, RawRef


def test_the_run_says_which_part_a_file_plays() -> None:
    raw = RawFile({"pass_name": "memory", "role": "candidate", "launch": 0}, {"x": np.zeros(1)})
    ref = RawRef(PassName.MEMORY, 2, RawRole.BASELINE, Digest("a" * 64, 1))
    borrowed = in_role(raw, ref)
    assert borrowed.meta == {"pass_name": "memory", "role": "baseline", "launch": 2}
    assert borrowed.arrays is raw.arrays
    assert raw.meta["role"] == "candidate"


def test_a_file_of_another_pass_plays_no_part() -> None:
    raw = RawFile({"pass_name": "quality", "role": "both", "launch": 0}, {})
    with pytest.raises(BadInput, match="said to be of pass pair is of another one") as error:
        in_role(raw, RawRef(PassName.PAIR, 0, RawRole.BOTH, Digest("a" * 64, 1)))
    assert error.value.code is Code.BAD_RAW


def test_a_large_file_is_refused_before_it_is_fetched() -> None:
    large = RawRef(PassName.PAIR, 0, RawRole.BOTH, Digest("a" * 64, MAX_RAW_FILE_BYTES + 1))
    with pytest.raises(BadInput, match="is larger than"):
        require_small(large)
