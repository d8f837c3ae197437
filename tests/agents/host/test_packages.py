"""Packages that were built for other machines, by what their wheels said."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitgauge.agents import registry
from bitgauge.agents.host.packages import built_for, foreign
from bitgauge.agents.runtimes.base import RuntimeMissing
from bitgauge.benchmarks.vocabulary.errors import Code

from tests.labs.trees import put

ARM = ("cp312-cp312-manylinux_2_27_aarch64", "cp312-cp312-manylinux_2_28_aarch64")
RUNTIME = """
from bitgauge.agents.runtimes.base import Traits
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription, StackItem
NAME, RANK, HINT, TRAITS = "abacus", 1, "pip install abacus", Traits(("beads",))
prepare = load = empty_artifact = None
def probe():
    return RuntimeDescription("abacus", "1.0", versions=(StackItem("abacus-lib", "1.0"),))
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    put(tmp_path, "abacus_lib-1.0.dist-info/METADATA", "Name: abacus-lib\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def tagged(folder: Path, *tags: str) -> None:
    lines = ("Wheel-Version: 1.0", *(f"Tag: {tag}" for tag in tags))
    put(folder, "abacus_lib-1.0.dist-info/WHEEL", "\n".join(lines))


@pytest.mark.parametrize(
    ("tags", "machine", "is_foreign"),
    [
        (ARM, "x86_64", True),
        (ARM, "aarch64", False),
        (ARM, "armv7l", False),
        (("cp312-cp312-manylinux2014_x86_64.manylinux_2_17_x86_64",), "aarch64", True),
        (("py3-none-any", "cp312-cp312-linux_aarch64"), "x86_64", False),
        (("py2.py3-none-any",), "x86_64", False),
        ((), "x86_64", False),
    ],
)
def test_a_wheel_is_for_machines_of_its_architecture(
    installed: Path, tags: tuple[str, ...], machine: str, is_foreign: bool
) -> None:
    tagged(installed, *tags)
    said = foreign("abacus-lib", machine)
    assert bool(said) is is_foreign
    assert not is_foreign or f"1.0 was built for {built_for('abacus-lib')[0]}" in said


def test_a_runtime_of_another_architecture_is_told_and_not_offered(installed: Path) -> None:
    put(installed, "runtimes/abacus.py", RUNTIME)
    tagged(installed, "cp312-cp312-linux_s390x")
    found = registry.find("runtimes", (installed,))
    there, missing = registry.probe_runtimes(found)
    assert "abacus" not in {one.name for one in there}
    assert any("built for s390x, and this machine is" in line for line in missing)
    with pytest.raises(RuntimeMissing) as caught:
        registry.described(registry.runtime("abacus", (installed,)))
    assert caught.value.code is Code.WRONG_ARCHITECTURE
    assert "wheelhouse" in caught.value.advice
