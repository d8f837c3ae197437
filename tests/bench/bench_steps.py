"""What confining a background step costs: from its order to its answer, at each level.

Run by hand: ``python -m tests.bench.bench_steps [ROUNDS]``. Each round raises one step per level in
random order, so that a drift of the machine meets all alike; nothing is asserted.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path

from bitgauge.benchmarks.sandbox.base import RLIMITS, levels
from bitgauge.benchmarks.vocabulary.errors import Refused
from bitgauge.coordinator.decisions.steps import StepLimit
from bitgauge.coordinator.tasks.nursery.nursery import Nursery
from bitgauge.coordinator.tasks.nursery.order import Order, Site

from tests.labs.steps import tempers as steps

ORDER = Order(steps.doubled, (21,), StepLimit(60.0))


def main(rounds: int) -> None:
    took: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="bitgauge-bench-") as name, ExitStack() as stack:
        nurseries = {}
        for level in levels():
            nursery = stack.enter_context(Nursery(Site(Path(name), level)))
            began = time.perf_counter()
            try:
                nursery.settle()
            except Refused as error:
                print(f"NOT RUN: {error.sentence}")
                continue
            print(f"{level:<8} start and trial {time.perf_counter() - began:6.3f} s")
            nursery.raised(ORDER)
            nurseries[level] = nursery
        ways = list(nurseries)
        for _ in range(rounds):
            random.shuffle(ways)
            for level in ways:
                began = time.perf_counter()
                assert nurseries[level].raised(ORDER) == 42
                took[level].append(time.perf_counter() - began)
    plain = took[RLIMITS]
    for level in nurseries:
        pairs = zip(took[level], plain, strict=True)
        more_ms = statistics.median(one - other for one, other in pairs) * 1e3
        median_ms = statistics.median(took[level]) * 1e3
        print(f"{level:<8} a step {median_ms:7.1f} ms, {more_ms:+6.1f} ms to {RLIMITS}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
