"""The demo and graphics cards: which are waited for, what is measured there, and what is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.vocabulary.enums import HardwareClass
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView, RuntimeDescription
from bitgauge.coordinator.cli.demo import cards
from bitgauge.coordinator.cli.demo.plan import DemoPlan, plan_of, questions_of, specs_on
from bitgauge.coordinator.cli.demo.processes import all_there

from tests.labs.nvml.cards import Cards
from tests.labs.values import device, view


def card(*runtimes: str, name: str = "here-gpu") -> DeviceView:
    there = tuple(RuntimeDescription(name=one, version="1") for one in runtimes)
    described = device(name, hardware_class=HardwareClass.GPU_NVIDIA, runtimes=there)
    return view(described)


def plan(home: Path) -> DemoPlan:
    return plan_of(
        *(home,), port=0, batches="1,64", models="digits-cnn", recipes="fp16", runtime="litert"
    )


MACHINE = view(device("here"))


def test_on_a_card_torch_has_its_programs_and_onnxruntime_its_provider(tmp_path: Path) -> None:
    mine, (model,) = plan(tmp_path), zoo.models()[:1]
    (program,) = specs_on(mine, model, card("torch"))
    assert program.runtime == "torch"
    assert program.selector.device == card().description.device_id
    assert [one.runtime for one in program.entries] == ["torch"] * len(program.entries)
    assert program.entries[0].artifact == program.baseline
    one, many = specs_on(mine, model, card("torch", "onnxruntime"))
    assert (one.workload.batch, many.workload.batch) == (1, 64)
    (option,) = one.overrides.session_options
    assert (option.name, option.value) == ("onnxruntime:provider", "cuda")
    assert {entry.runtime for entry in one.entries} == {""}, "no files of another runtime"
    assert specs_on(mine, model, card("llamacpp")) == ()
    assert len(specs_on(mine, model, MACHINE)) == 2
    (question,) = questions_of(mine, model, card("torch"))
    assert (question.hardware_class, question.workload.batch) == (HardwareClass.GPU_NVIDIA, 1)


def test_every_file_of_a_job_is_among_those_that_are_sent(tmp_path: Path) -> None:
    from bitgauge.coordinator.cli.demo.demo import _files
    from bitgauge.coordinator.client.upload import local_file

    mine = plan(tmp_path)
    sent = {local_file(path).digest for path in _files(mine, [MACHINE, card("torch")])}
    for one in (MACHINE, card("torch")):
        for spec in specs_on(mine, mine.models[0], one):
            named = {entry.artifact for entry in spec.entries if entry.artifact}
            assert named | {spec.baseline, spec.evaluation} <= sent


@pytest.mark.parametrize(
    ("devices", "driver", "bindings", "said"),
    [
        ([MACHINE, card("torch")], True, True, ""),
        ([MACHINE, card()], True, True, "here-gpu executes nothing yet: install a runtime"),
        (
            [MACHINE],
            False,
            True,
            "no GPU was found; with an NVIDIA GPU, its driver and pip",
        ),
        ([MACHINE], True, False, "no GPU is served: pip install 'bitgauge[nvidia]'"),
        ([MACHINE], True, True, "no GPU is served: bitgauge-agent doctor says why"),
    ],
)
def test_one_line_says_how_a_card_would_be_measured(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    devices: list[DeviceView],
    driver: bool,
    bindings: bool,
    said: str,
) -> None:
    if driver:
        (tmp_path / "proc/driver/nvidia").mkdir(parents=True)
        (tmp_path / "proc/driver/nvidia/version").write_text("NVRM version\n")
    found = (lambda name: object()) if bindings else (lambda name: None)
    monkeypatch.setattr(cards, "find_spec", found)
    line = cards.note(devices, tmp_path)
    assert "\n" not in line
    assert (line == "") == (said == "")
    assert said in line


def test_the_machine_comes_first_and_every_card_is_waited_for() -> None:
    one, two = card(name="a"), card(name="b")
    assert all_there([one], ("a",)) is None
    assert all_there([one, MACHINE], ("a", "b")) is None
    assert all_there([two, one, MACHINE], ("a", "b")) == (MACHINE, one, two)
    assert all_there([one, MACHINE], ()) == (MACHINE,)


def told(home: str, root: str) -> list[list[str]]:
    """What an agent says of itself here, and what is waited for."""
    return [list(cards.names_of_cards(Path(home))), list(cards.expected(Path(home), Path(root)))]


def test_a_machine_is_asked_for_its_cards_and_one_without_a_driver_is_not(tmp_path: Path) -> None:
    """A card of ours is simulated, and an agent serves none of these unless it is told to."""
    there = Cards(tmp_path / "nvml")
    found = there.call(told, home=str(tmp_path / "home"), root=str(tmp_path))
    assert found == [[], []]
