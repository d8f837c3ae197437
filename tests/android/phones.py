"""Phones without a phone: Debian's adbd in an emulated aarch64 root, each with its own disk.

Made on first use in `.cache/arm`, like the userland of `tests/arm`, from Debian's next release,
which has adbd. What stays unreal: no Android (no getprop, no dumpsys), no USB, no speed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from bitgauge.agents.devices.android import listing
from bitgauge.agents.registry import FAKES

from tests.arm.userland import CACHE, MAKE_S, ROOT, Userland, require, unpack

CODENAME = "trixie"
PACKAGES = "base-files,adbd,python3,libstdc++6,libc-bin,coreutils,dash,grep,sed,tar,util-linux"
WANTED = ("numpy", "msgspec", "onnxruntime", "onnx")
PYTHON, TAG = "313", "cp313-aarch64"
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux2014_aarch64")
CPU = "cortex-a76"
PORTS = (5655, 5657)
"""Above those that adb's server looks at by itself."""
START_S = 60.0


@dataclass
class Adb:
    """A server of adb that is the tests' own."""

    port: int
    home: Path

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            (listing.ADB, "-P", str(self.port), *words),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=self.environment(),
        )

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "HOME": str(self.home),
            listing.PORT_VARIABLE: str(self.port),
        }

    def states(self) -> dict[str, str]:
        return {one.serial: one.state for one in listing.ask(self.port)}


@dataclass
class Plugged:
    """One phone, which can be unplugged."""

    adb: Adb
    root: Userland
    port: int
    _daemon: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def serial(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def name(self) -> str:
        """Of its device, where its agent is called `host`."""
        return f"host-127.0.0.1-{self.port}"

    def plug(self) -> None:
        """Starts its daemon where it does not run, and connects."""
        if self._daemon is None:
            self._daemon = subprocess.Popen(
                self.root.command(CPU, "env", f"ADBD_PORT={self.port}", "adbd"),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={name: told for name, told in os.environ.items() if name != FAKES},
                start_new_session=True,
            )
        until = time.monotonic() + START_S
        while self.adb.states().get(self.serial) != listing.READY:
            assert time.monotonic() < until, self.adb.states()
            self.adb("connect", self.serial)
            time.sleep(0.5)

    def disconnect(self) -> None:
        """Takes the cable away; the phone goes on."""
        self.adb("disconnect", self.serial)

    def kill(self) -> None:
        """Ends the phone with all that runs on it."""
        if self._daemon is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._daemon.pid, signal.SIGKILL)
            self._daemon.wait()
            self._daemon = None

    @property
    def folder(self) -> Path:
        """What the agent keeps on it."""
        return self.root.file("/data/local/tmp/bitgauge")


@contextlib.contextmanager
def phones(folder: Path) -> Iterator[tuple[Adb, tuple[Plugged, ...], Path]]:
    """Two phones that are plugged in, and packages for their Python."""
    if shutil.which(listing.ADB) is None:
        pytest.skip("NOT RUN: adb (Debian package adb) is missing")
    require()
    made = _made()
    home = folder / "adb"
    home.mkdir()
    adb = Adb(_free_port(), home)
    both = []
    for port in PORTS:
        root = Userland(made / f"phone-{port}")
        shutil.rmtree(root.file("/data"), ignore_errors=True)
        both.append(Plugged(adb, root, port))
    try:
        adb("start-server")
        for one in both:
            one.plug()
        yield adb, tuple(both), made / "packages"
    finally:
        for one in both:
            one.kill()
        adb("kill-server")


def _made() -> Path:
    text = Path(__file__).read_bytes() + (CACHE.parents[1] / "constraints.txt").read_bytes()
    made = CACHE / f"phones-{hashlib.sha256(text).hexdigest()[:16]}"
    if not (made / "made").exists():
        shutil.rmtree(made, ignore_errors=True)
        unpack(made / "root", PACKAGES, CODENAME)
        _packages(made / "packages" / TAG)
        for port in PORTS:
            place = made / f"phone-{port}"
            subprocess.run(("cp", "-al", made / "root", place), check=True)
        (made / "made").touch()
    return made


def _packages(folder: Path) -> None:
    """Puts packages for the phones' Python into a folder, as deploy/android says."""
    platforms = [word for one in PLATFORMS for word in ("--platform", one)]
    command = (sys.executable, "-m", "pip", "install", "-q", "--target", str(folder))
    binary = ("--only-binary=:all:", "--implementation", "cp", "--python-version", PYTHON)
    told = (*command, *binary, *platforms, "-c", str(ROOT / "constraints.txt"), *WANTED)
    subprocess.run(told, check=True, timeout=MAKE_S)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
