"""A real aarch64 Debian with the published wheels, and this package, emulated by QEMU.

Made on first use in `.cache/arm`: a few packages of the distribution that this machine runs,
unpacked by mmdebstrap (nothing of them is run while it is made), and by pip the wheels that
`bitgauge[onnxruntime,litert]` asks for on aarch64. QEMU's bare `max` is never asked for: that of
version 7.2 computes wrong integers.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CACHE = ROOT / ".cache/arm"
PACKAGES = "python3,libstdc++6,libc-bin,coreutils,dash"
EXTRAS = "onnxruntime,litert"
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux2014_aarch64")
PYTHON = "311"
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

    def command(self, cpu: str, *arguments: str) -> list[str]:
        """Words that run a command in it on an emulated processor.

        Args:
            cpu: as QEMU names it; one of `CORES`.
            arguments: the command, as it is called inside.
        """
        part, features = CORES[cpu]
        cpuinfo = self.folder.parent / f"cpuinfo-{cpu}"
        core = (
            f"Features\t: {features}\nCPU implementer\t: 0x41\nCPU architecture: 8\n"
            f"CPU variant\t: 0x1\nCPU part\t: {part}\nCPU revision\t: 0\n\n"
        )
        cpuinfo.write_text("".join(f"processor\t: {n}\n{core}" for n in range(2)))
        enter = (str(HERE / "enter.sh"), str(self.folder), cpu, str(cpuinfo))
        spaces = ("--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child")
        return ["unshare", *spaces, "sh", *enter, *arguments]

    def run(self, cpu: str, *arguments: str, timeout_s: float = 120) -> str:
        """What a command prints there."""
        done = subprocess.run(
            self.command(cpu, *arguments),
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
    for program in PROGRAMS:
        if shutil.which(program) is None:
            pytest.skip(
                f"NOT RUN: {program} (Debian packages qemu-user-static, mmdebstrap) is missing"
            )
    wheel = _wheel()
    folder = CACHE / _key()
    if not (folder / "made").exists():
        shutil.rmtree(folder, ignore_errors=True)
        _make(folder, wheel)
    root = folder / "root"
    own = root / "opt/own"
    shutil.rmtree(own, ignore_errors=True)
    _pip("install", "--no-deps", "--target", str(own), str(wheel))
    made = Userland(root)
    _require_binfmt(made)
    return made


def _require_binfmt(made: Userland) -> None:
    done = subprocess.run(
        made.command("cortex-a76", "/bin/true"), capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(
            "NOT RUN: missing hardware, this kernel lets no user namespace have its own"
            f" translators (Linux 6.7): {done.stderr.strip()[-200:]}"
        )


def _make(folder: Path, wheel: Path) -> None:
    folder.mkdir(parents=True)
    sources = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*.sources")]
    listed = "\n\n".join(one.read_text() for one in sources if one.exists())
    command = ["mmdebstrap", "--variant=extract", "--architectures=arm64", f"--include={PACKAGES}"]
    done = subprocess.run(
        [*command, CODENAME, str(folder / "root"), "-"],
        input=listed,
        capture_output=True,
        text=True,
        timeout=MAKE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    platforms = [word for one in PLATFORMS for word in ("--platform", one)]
    _pip(
        *("install", "--only-binary=:all:", "--implementation", "cp", "--python-version", PYTHON),
        *platforms,
        *("-c", str(ROOT / "constraints.txt"), "--target", str(folder / "root/opt/site")),
        f"bitgauge[{EXTRAS}] @ {wheel.as_uri()}",
    )
    shutil.rmtree(folder / "root/opt/site/bitgauge")  # today's comes beside it
    (folder / "made").touch()


def _wheel() -> Path:
    """This package as it would be published."""
    place = CACHE / "wheel"
    shutil.rmtree(place, ignore_errors=True)
    source = place / "source"
    ignored = shutil.ignore_patterns(".*", "tests", "docs", "__pycache__", "*.egg-info", "build")
    shutil.copytree(ROOT, source, ignore=ignored)
    _pip("wheel", "--no-deps", "-w", str(place), str(source))
    (wheel,) = place.glob("*.whl")
    return wheel


def _key() -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for name in ("constraints.txt", "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()[:16]


def _pip(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", arguments[0], "-q", *arguments[1:]],
        capture_output=True,
        text=True,
        timeout=MAKE_S,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
