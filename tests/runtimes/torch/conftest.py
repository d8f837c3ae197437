"""What needs torch and torchao. Programs are made once in a session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.quality.sets import read_evaluation_set

pytest.importorskip("torch", reason="NOT RUN: pip install 'bitgauge[runtimes]'")
pytest.importorskip("torchao", reason="NOT RUN: pip install 'bitgauge[runtimes]'")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The library and its quantizers warn of what they call themselves."""
    for item in items:
        if "tests/runtimes/torch" in str(item.path):
            for kind in ("DeprecationWarning", "UserWarning", "FutureWarning"):
                item.add_marker(pytest.mark.filterwarnings(f"ignore::{kind}"))


Programs = Callable[[str], Path]


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """The file of a program of `programs.makers`, or of the zoo."""
    from . import programs

    folder = tmp_path_factory.mktemp("programs")

    def find(name: str) -> Path:
        of_zoo = zoo.evaluation_path().parent / f"digits-{name}.pt2"
        path = of_zoo if of_zoo.exists() else folder / f"{name}.pt2"
        return path if path.exists() else programs.saved(programs.makers()[name](), path)

    return find


@pytest.fixture(scope="session")
def digits() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Images and labels of the evaluation set, in whole batches of 8."""
    held = read_evaluation_set(zoo.evaluation_path().read_bytes())
    assert held.labels is not None
    count = len(held.labels) // 8 * 8
    return held.inputs["pixels"][:count], held.labels[:count]
