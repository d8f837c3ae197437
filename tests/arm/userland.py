"""A real aarch64 Debian with the published wheels, and this package, emulated by QEMU.

Made on first use in `.cache/arm`: a few packages of the distribution that this machine runs,
unpacked by mmdebstrap (nothing of them is run while it is made), and the wheels that
`deploy/wheelhouse.py` gathers for such a board, unpacked beside them. QEMU's bare `max` is never
asked for: that of version 7.2 computes wrong integers.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CACHE = ROOT / ".cache/arm"
WHEELHOUSE = ROOT / "deploy/wheelhouse.py"
PACKAGES = "python3,libstdc++6,libc-bin,coreutils,dash"
EXTRAS = ("onnxruntime", "litert")
PYTHON = "3.11"
WHEELS = "opt/wheelhouse"
CODENAME = "bookworm"
PROGRAMS = ("qemu-aarch64-static", "mmdebstrap", "unshare")
MAKE_S = 400

# Part numbers of the cores' technical reference manuals; features as Linux lists them.
_BASE = "fp asimd evtstrm aes pmull sha1 sha2 crc32"
CORES = {
    "cortex-a72": ("0xd08", f"{_BASE} cpuid"),
    "cortex-a76": (
        "0xd0b",
        f"{_BASE} atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp ssbs",
    ),
}


@dataclass(frozen=True, slots=True)
class Userland:
    """An aarch64 root."""

    folder: Path

    def command(self, cpu: str, *arguments: str, offline: bool = False) -> list[str]:
        """Words that run a command in it on an emulated processor.

        Args:
            cpu: as QEMU names it; one of `CORES`.
            arguments: the command, as it is called inside.
            offline: whether it has no network at all.
        """
        part, features = CORES[cpu]
        cpuinfo = self.folder.parent / f"cpuinfo-{cpu}"
        core = (
            f"Features\t: {features}\nCPU implementer\t: 0x41\nCPU architecture: 8\n"
            f"CPU variant\t: 0x1\nCPU part\t: {part}\nCPU revision\t: 0\n\n"
        )
        cpuinfo.write_text("".join(f"processor\t: {n}\n{core}" for n in range(2)))
        enter = (str(HERE / "enter.sh"), str(self.folder), cpu, str(cpuinfo))
        spaces = ["--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child"]
        spaces += ["--net"] * offline
        return ["unshare", *spaces, "sh", *enter, *arguments]

    def run(self, cpu: str, *arguments: str, timeout_s: float = 120, offline: bool = False) -> str:
        """What a command prints there."""
        done = subprocess.run(
            self.command(cpu, *arguments, offline=offline),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert done.returncode == 0, f"{done.returncode}: {done.stderr[-2000:]}"
        return done.stdout

    def file(self, inside: str) -> Path:
        """A file of the root, as this machine calls it."""
        return self.folder / inside.lstrip("/")


def userland() -> Userland:
    """The root with today's package in it; skips where it cannot be had."""
    require()
    folder = CACHE / _key()
    root, wheels = folder / "root", folder / "root" / WHEELS
    made = (folder / "made").exists()
    if not made:
        shutil.rmtree(folder, ignore_errors=True)
        _make(root)
    wheelhouse(wheels, "aarch64", PYTHON, EXTRAS)  # today's package takes the place of an older one
    own = list(wheels.glob("bitgauge-*.whl"))
    _unpack(root / "opt/own", own)
    if not made:
        _unpack(root / "opt/site", [one for one in wheels.glob("*.whl") if one not in own])
        (folder / "made").touch()
    userland = Userland(root)
    _require_binfmt(userland)
    return userland


def wheelhouse(folder: Path, machine: str, python: str, extras: Sequence[str]) -> list[str]:
    """Gather an agent as wheels.

    Returns:
        The lines that it says to type on the device, beside the folder.
    """
    command = [sys.executable, str(WHEELHOUSE), "--machine", machine, "--python", python]
    told = [word for one in extras for word in ("--extra", one)]
    done = subprocess.run(
        [*command, *told, str(folder)],
        capture_output=True,
        text=True,
        timeout=MAKE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [line.strip() for line in done.stdout.splitlines() if line.startswith("  ")]


def require() -> None:
    """Skips where a program is missing."""
    for program in PROGRAMS:
        if shutil.which(program) is None:
            pytest.skip(
                f"NOT RUN: {program} (Debian packages qemu-user-static, mmdebstrap) is missing"
            )


def _require_binfmt(made: Userland) -> None:
    done = subprocess.run(
        made.command("cortex-a76", "/bin/true"), capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(
            "NOT RUN: missing hardware, this kernel lets no user namespace have its own"
            f" translators (Linux 6.7): {done.stderr.strip()[-200:]}"
        )


def _make(root: Path) -> None:
    unpack(root, PACKAGES, CODENAME)


def unpack(root: Path, packages: str, codename: str) -> None:
    """Unpacks packages of a release of Debian for aarch64; nothing of them is run."""
    root.parent.mkdir(parents=True, exist_ok=True)
    sources = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*.sources")]
    listed = "\n\n".join(one.read_text() for one in sources if one.exists())
    command = ["mmdebstrap", "--variant=extract", "--architectures=arm64", f"--include={packages}"]
    done = subprocess.run(
        [*command, codename, str(root), "-"],
        input=listed.replace(CODENAME, codename),
        capture_output=True,
        text=True,
        timeout=MAKE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def _unpack(folder: Path, wheels: Iterable[Path]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)


def _key() -> str:
    digest = hashlib.sha256()
    for one in (Path(__file__), WHEELHOUSE, ROOT / "constraints.txt", ROOT / "pyproject.toml"):
        digest.update(one.read_bytes())
    return digest.hexdigest()[:16]
