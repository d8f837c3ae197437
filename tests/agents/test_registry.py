"""Plug-ins are found by file name."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
from bitgauge.agents import registry
from bitgauge.agents.devices import fake
from bitgauge.agents.registry import FAKES, describe
from bitgauge.benchmarks.common.plugins import PLUGIN_PATH, Found, plugin_folders
from bitgauge.benchmarks.vocabulary.enums import HardwareClass
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code

RUNTIME = '''
"""A runtime in one file."""
from bitgauge.agents.runtimes.base import RuntimeMissing, SessionOptions, Traits
from bitgauge.agents.runtimes.fake import empty_artifact, load, prepare
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription

NAME = "{name}"
RANK = {rank}
HINT = "pip install abacus"
TRAITS = Traits(("fake",))

def probe():
    {body}
    return RuntimeDescription(NAME, "7", families=(FormatFamily.FP32,), simulated=True)
'''


def add(folder: Path, file: str, *, name: str = "abacus", rank: int = 5, body: str = "") -> None:
    runtimes = folder / "runtimes"
    runtimes.mkdir(exist_ok=True)
    text = RUNTIME.format(name=name, rank=rank, body=body)
    (runtimes / file).write_text(textwrap.dedent(text))


def in_order(found: Found) -> list[str]:
    """Some of what was found, the highest rank first and of one rank by name."""
    some = ("onnxruntime", "abacus", "litert", "fake")
    return [name for name in found.modules if name in some]


def test_a_file_in_a_folder_is_a_runtime(tmp_path: Path) -> None:
    add(tmp_path, "abacus.py")
    found = registry.find("runtimes", (tmp_path,))
    assert in_order(found) == ["onnxruntime", "abacus", "litert", "fake"]
    assert "7" in {one.version for one in registry.probe_runtimes(found)[0]}


def test_a_runtime_for_tests_is_there_where_it_is_asked_for_and_on_the_device_of_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = registry.find("runtimes", ())

    def names(device: str) -> set[str]:
        return {one.name for one in registry.probe_runtimes(found, device=device)[0]}

    assert "fake" in names("cpu")
    monkeypatch.delenv(FAKES)
    assert "fake" not in names("cpu")
    assert not [line for line in registry.probe_runtimes(found)[1] if line.startswith("fake")]
    assert "fake" in names("fake")
    assert "onnxruntime" in names("cpu")


def test_a_folder_is_a_runtime_too(tmp_path: Path) -> None:
    """With modules of its own, which it imports relatively."""
    package = tmp_path / "runtimes/abacus"
    package.mkdir(parents=True)
    text = RUNTIME.format(name="abacus", rank=5, body="from .beads import VERSION")
    (package / "__init__.py").write_text(text.replace('"7"', "VERSION"))
    (package / "beads.py").write_text('VERSION = "8"\n')
    found = registry.find("runtimes", (tmp_path,))
    assert found.problems == ()
    assert in_order(found) == ["onnxruntime", "abacus", "litert", "fake"]
    (described,) = (one for one in registry.probe_runtimes(found)[0] if one.name == "abacus")
    assert (described.version, described.artifact_kinds) == ("8", ("fake",))


def test_folders_come_from_the_environment(tmp_path: Path) -> None:
    path = f"{tmp_path / 'a'}:{tmp_path / 'b'}"
    folders = plugin_folders({PLUGIN_PATH: path})
    assert folders == (tmp_path / "a", tmp_path / "b")
    assert plugin_folders({}) == ()


def test_a_broken_file_is_one_line_and_skipped(tmp_path: Path) -> None:
    add(tmp_path, "good.py")
    (tmp_path / "runtimes" / "broken.py").write_text("import nowhere_to_be_found\n")
    (tmp_path / "runtimes" / "bare.py").write_text("NAME = 'bare'\n")
    (tmp_path / "runtimes" / "_helper.py").write_text("raise SystemError\n")
    found = registry.find("runtimes", (tmp_path,))
    assert "abacus" in found.modules
    assert len(found.problems) == 2
    assert "bare.py was skipped: AttributeError: it lacks RANK" in found.problems[0]
    assert "nowhere_to_be_found" in found.problems[1]


def test_two_of_one_name_are_refused(tmp_path: Path) -> None:
    add(tmp_path, "one.py")
    add(tmp_path, "two.py")
    with pytest.raises(BitgaugeError, match=r"one\.py and .*two\.py") as caught:
        registry.find("runtimes", (tmp_path,))
    assert caught.value.code is Code.PLUGIN_CONFLICT


def test_a_miss_names_the_known() -> None:
    with pytest.raises(BitgaugeError, match=r"there are: onnxruntime, litert, .*torch, .*fake"):
        registry.runtime("tensorflux", ())
    with pytest.raises(BitgaugeError, match="No device is called 'toaster'"):
        registry.device("toaster", ())


def test_a_missing_library_is_one_line_with_its_hint(tmp_path: Path) -> None:
    add(tmp_path, "gone.py", body='raise RuntimeMissing("No abacus here.")')
    add(tmp_path, "bad.py", name="bad", body="raise KeyError('x')")
    said: list[str] = []
    device = describe("fake", name="n", identity="i", folders=(tmp_path,), say=said.append)
    assert {"onnxruntime", "fake"} <= {one.name for one in device.runtimes}
    assert not {"abacus", "bad"} & {one.name for one in device.runtimes}
    assert "abacus: No abacus here. pip install abacus" in said
    assert any(line.startswith("bad: its probe failed: KeyError") for line in said)


def test_every_runtime_has_its_own_fingerprint() -> None:
    device = describe("fake", name="n", identity="i", folders=())
    prints = [one.fingerprint for one in device.runtimes]
    assert len(set(prints)) == len(prints)
    assert all(len(one) == 64 for one in prints)


def test_a_runtime_for_cards_is_offered_by_no_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And by a device of its class whatever the kind says of what computes on its host."""
    add(tmp_path, "cards.py", name="cards")
    text = (tmp_path / "runtimes/cards.py").read_text()
    (tmp_path / "runtimes/cards.py").write_text(
        text + "\nfrom dataclasses import replace\n"
        "from bitgauge.benchmarks.vocabulary.enums import HardwareClass\n"
        "TRAITS = replace(TRAITS, hardware=(HardwareClass.GPU_NVIDIA,))\n"
    )

    def offered(kind: str) -> set[str]:
        told = describe(kind, name="n", identity="i", folders=(tmp_path,))
        return {one.name for one in told.runtimes}

    assert "onnxruntime" in offered("cpu")
    assert "cards" not in offered("cpu")
    facts = replace(fake.describe(""), hardware_class=HardwareClass.GPU_NVIDIA)
    monkeypatch.setattr(fake, "describe", lambda _unit: facts)
    monkeypatch.setattr(fake, "offers", lambda _unit, _installed: (), raising=False)
    assert offered("fake") == {"cards"}
