"""What explaining an artifact costs: the passes `numerics` and `operators` beside `quality`.

One launch of each on artifacts that are built from the zoo, in seconds of device time, process
start included, and as ratio to the pass `quality` of the same artifact.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from bitgauge.agents.worker.launch import PASSES
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.vocabulary.enums import FormatFamily, PassName
from bitgauge.benchmarks.vocabulary.recipes import DEFAULT_RECIPES
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders.base import BuildRequest, Unsupported

from .one_launch import launch

EXPLAINING = (PassName.NUMERICS, PassName.OPERATORS)


async def seconds(name: PassName, artifacts: list[Path]) -> float:
    began = time.perf_counter()
    await launch(name, artifacts, zoo.evaluation_path())
    return time.perf_counter() - began


async def main() -> None:
    logging.getLogger().setLevel(logging.ERROR)
    passes = [name for name in EXPLAINING if find_spec(f"{PASSES}.{name.value}")]
    for name in set(EXPLAINING) - set(passes):
        print(f"NOT RUN: pass {name.value}: this Bitgauge has none.")
    with tempfile.TemporaryDirectory(prefix="bitgauge-bench-") as folder:
        for model in zoo.models():
            for recipe in DEFAULT_RECIPES:
                path = Path(folder) / f"{model.name}-{recipe}.onnx"
                if recipe.family is not FormatFamily.INT8:
                    continue
                try:
                    registry.build(BuildRequest(recipe, model.path, path, zoo.calibration_path()))
                except Unsupported as error:
                    print(f"NOT RUN: {model.name} {recipe}: {error.reason}")
                    continue
                files = [model.path, path]
                plain = await seconds(PassName.QUALITY, files)
                row = [f"quality {plain:5.2f} s"]
                for name in passes:
                    taken = await seconds(name, files)
                    row.append(f"{name.value} {taken:5.2f} s x{taken / plain:.2f}")
                print(f"{model.name:<19}{recipe!s:<24} " + "   ".join(row), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
