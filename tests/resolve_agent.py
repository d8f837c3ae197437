"""Resolves the agent's requirements for Python 3.10 on x86-64 and aarch64, installing nothing.

Run by ``make resolve``: a board that cannot install the agent is found here, not in the field.
"""

import re
import subprocess
import sys
import tempfile
from importlib import metadata

# manylinux tags name exact glibc versions, so each that wheels are published for is listed.
GLIBC = ("2_28", "2_27", "2_17")
EXTRAS = {"": "base", "onnxruntime": "onnxruntime", "litert": "litert"}


def requirements(extra: str) -> list[str]:
    """The base requirements and those of one extra, without their extra markers."""
    found = []
    for line in metadata.requires("bitgauge") or ():
        if line.startswith("bitgauge["):
            continue
        of_extra = re.search(r"extra == ['\"](.+?)['\"]", line)
        if of_extra is None or of_extra.group(1) == extra:
            found.append(re.sub(r"\s*(and|;)\s*extra == ['\"].+?['\"]", "", line))
    return found


def resolve(machine: str, extra: str) -> int:
    """pip's exit status for one machine and extra."""
    platforms = [f"manylinux_{glibc}_{machine}" for glibc in GLIBC] + [f"manylinux2014_{machine}"]
    with tempfile.TemporaryDirectory() as target:
        command = [sys.executable, "-m", "pip", "install", "-q", "--dry-run", "--ignore-installed"]
        command += ["--python-version", "3.10", "--only-binary=:all:", "--target", target]
        command += ["-c", "constraints.txt"]
        command += [word for one in platforms for word in ("--platform", one)]
        return subprocess.run(command + requirements(extra), check=False).returncode


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
