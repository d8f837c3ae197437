"""X4: what repeats from process to process: the absolute median, or the paired ratio?

14 fresh processes measure the absolute median of one model; 14 more measure that model against
itself in quads. The median's coefficient of variation stands against the standard deviation of the
ratio: only a ratio survives a change of process on a noisy machine.
"""

from __future__ import annotations

import asyncio
import math

import numpy as np
from bitgauge.benchmarks.raw.absolute import absolute_samples
from bitgauge.benchmarks.raw.pair import pair_samples
from bitgauge.benchmarks.stats.paired import hodges_lehmann, quad_log_ratios
from bitgauge.benchmarks.vocabulary.enums import PassName
from bitgauge.benchmarks.vocabulary.values.jobs import Overrides

from .one_launch import launch
from .pairs import EVALUATION, ZOO

LAUNCHES = 14
MODEL = "digits-cnn"
SHORT = Overrides(budget_ms=600, warmup_ms=200)


async def main() -> None:
    """Measures and prints; the two kinds of launch take turns."""
    model = ZOO / f"{MODEL}.onnx"
    medians, logs = [], []
    for number in range(LAUNCHES):
        alone = await launch(PassName.ABSOLUTE, [model], EVALUATION, number=number, overrides=SHORT)
        both = await launch(
            PassName.PAIR, [model, model], EVALUATION, number=number, overrides=SHORT
        )
        medians.append(float(np.median(absolute_samples(alone)[0].latency_ns)))
        logs.append(hodges_lehmann(quad_log_ratios(pair_samples(both))))
    variation = float(np.std(medians, ddof=1)) / float(np.mean(medians))
    spread = float(np.std(logs, ddof=1))
    print(
        f"{MODEL}, {LAUNCHES} launches each: absolute median {min(medians) / 1e3:.1f} to"
        f" {max(medians) / 1e3:.1f} us, CV {100 * variation:.2f} %;   A/A ratio"
        f" {math.exp(min(logs)):.4f} to {math.exp(max(logs)):.4f}, SD {100 * spread:.2f} %;"
        f"   CV / SD = {variation / spread:.1f}"
    )


if __name__ == "__main__":
    asyncio.run(main())
