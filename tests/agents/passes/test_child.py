"""One launch: each artifact is loaded by its own runtime, and what is said is of the last one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from bitgauge.agents import registry
from bitgauge.agents.passes._channel import Channel
from bitgauge.agents.passes.base import Child
from bitgauge.agents.runtimes import fake
from bitgauge.agents.runtimes.base import RuntimeModule
from bitgauge.agents.spec import ChildSpec
from bitgauge.benchmarks.vocabulary.enums import PassName

from tests.labs.rooms.passes import child_spec


def runtime(name: str, log: list[str]) -> RuntimeModule:
    def load(path: Path, options: object) -> Any:
        log.append(f"{name} loads {path.name}")

    made = SimpleNamespace(
        NAME=name, TRAITS=fake.TRAITS, load=load, prepare=lambda: log.append(f"{name} prepares")
    )
    return cast(RuntimeModule, made)


def spec(folder: Path, runtimes: tuple[str, ...]) -> ChildSpec:
    paths = (folder / "0" / "baseline", folder / "1" / "candidate")
    return child_spec(PassName.PAIR, *paths, runtimes=runtimes)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("one", "one"), ["one prepares", "one loads baseline", "one loads candidate"]),
        (
            ("one", "other"),
            ["one prepares", "other prepares", "one loads baseline", "other loads candidate"],
        ),
    ],
)
def test_each_artifact_is_loaded_by_its_own_runtime(
    names: tuple[str, ...], said: list[str], tmp_path: Path
) -> None:
    log: list[str] = []
    asked = spec(tmp_path, names)
    child = Child(
        asked,
        cast(Channel, SimpleNamespace()),
        {name: runtime(name, log) for name in names},
        registry.device("fake", ()),
    )
    for path in asked.paths:
        child.session(path)
    assert log == said
    assert child.runtime.NAME == child.origin.runtime == names[-1]
    alone = replace(asked, runtimes=("one",), paths=asked.paths[:1])
    assert alone.runtime == "one"
