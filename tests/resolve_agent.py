"""Resolves the agent's requirements for Python 3.10 on x86-64 and aarch64, installing nothing.

Run by ``make resolve``: a board that cannot install the agent is found here, not in the field.
"""

import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from deploy.wheelhouse import Target

GLIBC_MINOR = 28
EXTRAS = {"": "base", "onnxruntime": "onnxruntime", "litert": "litert", "llamacpp": "llamacpp"}


def resolve(target: Target, extra: str) -> int:
    """pip's exit status for one machine and extra."""
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder, "constraints.txt")
        constraints.write_text("\n".join(target.constraints()))
        command = [sys.executable, "-m", "pip", "install", "-q", "--dry-run", "--ignore-installed"]
        command += ["--target", folder, "-c", str(constraints), *target.pip_options()]
        wanted = target.applying(metadata.requires("bitgauge") or [], (extra,))
        return subprocess.run(command + wanted, check=False).returncode


def main() -> int:
    """Print one line per machine and extra; exit 1 when one does not resolve."""
    failed = 0
    for machine in ("x86_64", "aarch64"):
        for extra, label in EXTRAS.items():
            status = resolve(Target(machine, "3.10", GLIBC_MINOR), extra)
            print(f"Python 3.10 {machine} {label}: {'resolves' if status == 0 else 'FAILS'}")
            failed |= status
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
