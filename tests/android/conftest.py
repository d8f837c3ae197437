"""Two phones, an agent that serves both, and a real coordinator."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from bitgauge.agents.devices.android import _parts

from tests.arm.conftest import UNHURRIED
from tests.processes.conftest import Up, environment

from .phones import Adb, Plugged, phones

AGENT = str(Path(sys.executable).with_name("bitgauge-agent"))
REGISTER_S = 400.0


@dataclass
class Lab:
    """A coordinator, two phones, and what an agent for them is started with."""

    up: Up
    adb: Adb
    phones: tuple[Plugged, ...]
    packages: Path
    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / "agent.log"

    def environment(self) -> dict[str, str]:
        return {
            **environment(self.folder),
            **self.adb.environment(),
            _parts.SITE_VARIABLE: str(self.packages),
        }

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of the agent that ends."""
        return subprocess.run(
            [AGENT, *words],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    @contextlib.contextmanager
    def agent(self, expected: int = 2) -> Iterator[None]:
        """Serves the phones that are plugged in; waits until so many have registered."""
        token = self.up.home / "tokens/agent"
        told = ("--coordinator", self.up.address, "--token-file", str(token), "--name", "host")
        home = ("--home", str(self.folder / "agent-home"), "--device", "android")
        before = self.said("Registered")
        with self.log.open("ab") as out:
            process = subprocess.Popen(
                [AGENT, "run", *told, *home], stdout=out, stderr=out, env=self.environment()
            )
        try:
            self.wait(lambda: self.said("Registered") >= before + expected, REGISTER_S)
            yield
        finally:
            process.terminate()
            process.wait(30)

    def said(self, words: str) -> int:
        return self.log.read_text().count(words) if self.log.exists() else 0

    def wait(self, is_true, timeout_s: float) -> None:  # type: ignore[no-untyped-def]
        until = time.monotonic() + timeout_s
        while not is_true():
            assert time.monotonic() < until, self.log.read_text()[-3000:]
            time.sleep(0.5)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    with phones(folder) as (adb, both, packages):
        up = Up.start(tmp_path_factory.mktemp("home"), *UNHURRIED)
        yield Lab(up, adb, both, packages, folder)
        assert up.stop() == []
