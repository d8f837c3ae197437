"""Conditions of blocks for tests: what a test does not say was not read."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from bitgauge.benchmarks.samples import BlockConditions, Floats


def conditions(blocks: int, **known: Floats | float) -> BlockConditions:
    """The conditions of so many blocks; one number stands for every block."""
    return BlockConditions(
        *(np.full(blocks, known.get(one.name, np.nan)) for one in fields(BlockConditions))
    )
