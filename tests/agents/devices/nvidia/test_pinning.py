"""Clocks that an owner has pinned: by real agents on a card of ours, which keeps what is locked."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bitgauge.agents.devices import nvidia
from bitgauge.agents.devices.base import Unit
from bitgauge.agents.execution.attached import Attached
from bitgauge.agents.execution.pinned import Pins
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused

from tests.labs.nvml.cards import ROOT, Cards

UNIT = "GPU-5f3a0000-0000-4000-8000-000000000000"
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Cards:
    return Cards(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def cards(built: Cards) -> Cards:
    built.say({})
    (built.folder / "locked.0").unlink(missing_ok=True)
    return built


def pinned(mhz: int | None) -> list[str]:
    """What pinning says, and what the stack of the unit says of it before, meanwhile and after."""

    def told() -> str:
        stack = {item.name: item.value for item in nvidia.describe(UNIT).stack}
        return stack.get("gpu.clocks_pinned", "")

    found = [told()]
    try:
        found += [nvidia.pin(UNIT, mhz), told()]
        nvidia.unpin(UNIT)
    except BitgaugeError as error:
        return [*found, f"{error.code.value}: {error.sentence}"]
    return [*found, told()]


@pytest.mark.parametrize(
    ("mhz", "state", "wanted"),
    [
        (1305, {}, ["", "1305 MHz", "1305 MHz", ""]),
        (None, {}, ["", "base clock", "base clock", ""]),
        (1, {"0.fail.nvmlDeviceSetGpuLockedClocks": 2}, "the card has no such clock."),
        (1305, {"0.fail.nvmlDeviceSetGpuLockedClocks": 4}, "this user may not; root may."),
        (1305, {"0.fail.nvmlDeviceSetGpuLockedClocks": 3}, "the card does not let them be set."),
        (1305, {"0.fail.nvmlDeviceResetGpuLockedClocks": 4}, "stay pinned: this user may not"),
    ],
)
def test_what_is_pinned_is_part_of_what_the_unit_is(
    cards: Cards, mhz: int | None, state: dict[str, object], wanted: list[str] | str
) -> None:
    cards.say(state)
    found = cards.call(pinned, mhz=mhz)
    if isinstance(wanted, list):
        assert found == wanted
        assert not (cards.folder / "locked.0").exists()
    else:
        assert found[-1].startswith("clocks_not_pinned: ")
        assert wanted in found[-1]


class NotingKind:
    """A kind of device that notes what is asked of it."""

    def __init__(self, seen: Callable[[], Any]) -> None:
        self.seen: list[Any] = []
        self._look = seen
        self.refuses: tuple[str, ...] = ()

    def pin(self, unit: str, mhz: int | None) -> str:
        self.seen.append((unit, mhz, self._look()))
        if unit in self.refuses:
            raise Refused(Code.CLOCKS_NOT_PINNED, "No.")
        return "so"

    def unpin(self, unit: str) -> None:
        self.seen.append(unit)
        if unit in self.refuses:
            raise Refused(Code.CLOCKS_NOT_PINNED, "No.")


def pins(folder: Path, said: list[str]) -> tuple[Pins, NotingKind]:
    path = folder / "pinned.json"
    kind = NotingKind(lambda: path.read_text() if path.exists() else "")
    return Pins(folder, {"kind": kind}.__getitem__, said.append), kind


def device(kind: NotingKind, unit: str) -> Attached:
    return Attached("kind", Unit(unit), kind)  # type: ignore[arg-type]


def test_the_intent_is_on_the_disk_before_anything_is_changed(tmp_path: Path) -> None:
    said: list[str] = []
    mine, kind = pins(tmp_path, said)
    mine.pin([device(kind, "a"), device(kind, "b")], "1305")
    assert [(unit, mhz) for unit, mhz, _ in kind.seen] == [("a", 1305), ("b", 1305)]
    assert all(f'"unit":"{unit}"' in there for unit, _, there in kind.seen)
    later, other = pins(tmp_path, said)
    later.restore()
    assert other.seen == ["a", "b"]
    assert not (tmp_path / "pinned.json").exists()
    later.restore()
    assert other.seen == ["a", "b"], "what is let go is forgotten"


def test_one_that_refuses_frees_all_and_one_that_stays_is_tried_again(tmp_path: Path) -> None:
    said: list[str] = []
    mine, kind = pins(tmp_path, said)
    kind.refuses = ("b",)
    with pytest.raises(Refused):
        mine.pin([device(kind, "a"), device(kind, "b")], "base")
    assert kind.seen[-2:] == ["a", "b"]
    assert any("kind:b is not restored" in line for line in said)
    again, healed = pins(tmp_path, said)
    again.restore()
    assert healed.seen == ["b"]
    with pytest.raises(Refused, match="No device here"):
        again.pin([Attached("cpu", Unit(""), object())], "base")  # type: ignore[arg-type]


class PinningAgent:
    """A real agent on the card, whose coordinator is not there."""

    def __init__(self, cards: Cards, home: Path, *options: str) -> None:
        token = home / "token"
        token.write_text("aaaa\n")
        command = [sys.executable, "-m", "bitgauge.agents.cli", "run", "--home", str(home)]
        command += ["--coordinator", "127.0.0.1:9", "--token-file", str(token)]
        command += ["--device", "nvidia", "--name", "here", *options]
        self.log = home / "log"
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=cards.environment, stdout=log, stderr=log
            )

    def until(self, holds: Callable[[], bool]) -> None:
        """Waits until something holds."""
        end = time.monotonic() + PATIENCE_S
        while not holds():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)

    def end(self, number: signal.Signals) -> None:
        """Ends it by a signal."""
        self.process.send_signal(number)
        self.process.wait(PATIENCE_S)


@pytest.mark.child
def test_clocks_are_let_go_at_the_end_and_after_a_kill_by_the_next_start(
    cards: Cards, tmp_path: Path
) -> None:
    locked, intent = cards.folder / "locked.0", tmp_path / "agent" / "pinned.json"
    first = PinningAgent(cards, tmp_path, "--pin-clocks", "1305")
    first.until(lambda: locked.exists() and locked.read_text() == "1305 1305")
    first.end(signal.SIGTERM)
    assert not locked.exists()
    assert not intent.exists()

    killed = PinningAgent(cards, tmp_path, "--pin-clocks")
    killed.until(lambda: locked.exists() and locked.read_text() == "4294967041 4294967041")
    killed.end(signal.SIGKILL)
    assert locked.exists()
    assert UNIT in intent.read_text()

    following = PinningAgent(cards, tmp_path)
    following.until(lambda: not locked.exists() and not intent.exists())
    following.end(signal.SIGTERM)
    assert "is what it was before" in following.log.read_text()
