"""Resolves the agent's requirements for Python 3.10 on x86-64 and aarch64, installing nothing.

Run by ``make resolve``: a board that cannot install the agent is found here, not in the field.
"""

import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

# manylinux tags name exact glibc versions, so each that wheels are published for is listed.
GLIBC = ("2_28", "2_27", "2_17")
EXTRAS = {"": "base", "onnxruntime": "onnxruntime", "litert": "litert", "llamacpp": "llamacpp"}


def applying(lines: list[str], machine: str, extra: str) -> list[str]:
    """The requirement lines whose markers hold there; pip would ask this machine instead."""
    there = {"python_version": "3.10", "platform_machine": machine, "extra": extra}
    found = []
    for line in lines:
        wanted = Requirement(line)
        if wanted.name != "bitgauge" and (wanted.marker is None or wanted.marker.evaluate(there)):
            wanted.marker = None
            found.append(str(wanted))
    return found


def resolve(machine: str, extra: str) -> int:
    """pip's exit status for one machine and extra."""
    platforms = [f"manylinux_{glibc}_{machine}" for glibc in GLIBC] + [f"manylinux2014_{machine}"]
    pins = [line for line in Path("constraints.txt").read_text().splitlines() if line[:1] != "#"]
    with tempfile.TemporaryDirectory() as target:
        constraints = Path(target, "constraints.txt")
        constraints.write_text("\n".join(applying(pins, machine, "")))
        command = [sys.executable, "-m", "pip", "install", "-q", "--dry-run", "--ignore-installed"]
        command += ["--python-version", "3.10", "--only-binary=:all:", "--target", target]
        command += ["-c", str(constraints)]
        command += [word for one in platforms for word in ("--platform", one)]
        wanted = applying(metadata.requires("bitgauge") or [], machine, extra)
        return subprocess.run(command + wanted, check=False).returncode


def main() -> int:
    """Print one line per machine and extra; exit 1 when one does not resolve."""
    failed = 0
    for machine in ("x86_64", "aarch64"):
        for extra, label in EXTRAS.items():
            status = resolve(machine, extra)
            print(f"Python 3.10 {machine} {label}: {'resolves' if status == 0 else 'FAILS'}")
            failed |= status
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
