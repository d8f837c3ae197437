"""Which of the long targets have to run again, and the stamp that a green run leaves.

python tests/house/stamps.py due                          # one line for each: run, later or fresh
python tests/house/stamps.py run long-protocol COMMAND    # what `make long-protocol` does

A stamp in `.ci/stamps.json` is the digest of the files that a target tests, and the day of its last
green run. It is committed, so that the next run of CI, anywhere, knows. The standard library alone:
`.ci/run` asks before anything is installed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).parents[2]
STAMPS = ROOT / ".ci/stamps.json"
MOST_A_RUN = 2

WIRE = ("protos/v1", "benchmarks/common", "benchmarks/vocabulary")
LONG: Mapping[str, tuple[str, ...]] = {
    "long-protocol": (
        *WIRE,
        "agents/config.py",
        "agents/connection",
        "agents/execution",
        "agents/host",
        "agents/launcher",
        "agents/spec.py",
        "agents/storage",
        "benchmarks/analysis/facts.py",
        "coordinator/decisions",
        "coordinator/lab",
        "coordinator/models/chains.py",
        "coordinator/store",
        "tests/protocol",
    ),
    "long-campaigns": (
        *WIRE,
        "agents",
        "benchmarks/gates",
        "benchmarks/ladder",
        "benchmarks/refresh",
        "benchmarks/table",
        "benchmarks/zoo",
        "coordinator/cli/shipping",
        "coordinator/client",
        "coordinator/cluster",
        "coordinator/decisions",
        "coordinator/lab",
        "coordinator/services",
        "coordinator/store",
        "coordinator/tasks",
        "tests/bad_days/campaigns",
    ),
    "long-architectures": (
        "benchmarks/common/tflite",
        "benchmarks/numerics",
        "benchmarks/quality",
        "benchmarks/vocabulary",
        "constraints.txt",
        "coordinator/builders",
        "coordinator/models",
        "coordinator/tasks/order.py",
        "tests/architectures",
        "tests/labs/graphs/architectures.py",
    ),
    "long-models": (
        *WIRE,
        "agents/execution",
        "agents/passes",
        "agents/runtimes",
        "benchmarks/analysis",
        "benchmarks/numerics",
        "benchmarks/quality",
        "benchmarks/record",
        "constraints.txt",
        "coordinator/builders",
        "coordinator/exports",
        "coordinator/models",
        "coordinator/tasks",
        "tests/real_models",
    ),
    "long-builders": (
        "agents/runtimes/base.py",
        "agents/runtimes/genai",
        "agents/runtimes/ort",
        "benchmarks/common/exported",
        "benchmarks/common/folders",
        "benchmarks/common/gguf",
        "benchmarks/common/tflite",
        "benchmarks/quality",
        "benchmarks/vocabulary",
        "benchmarks/zoo",
        "coordinator/builders",
        "coordinator/client/factories.py",
        "coordinator/decisions/submission.py",
        "coordinator/environments",
        "coordinator/models",
        "coordinator/store/values.py",
        "coordinator/tasks",
        "tests/builder_environments",
        "tests/labs/graphs/built_lite.py",
        "tests/labs/graphs/built_modelopt.py",
        "tests/labs/rooms/hf_folders.py",
    ),
    "long-openvino": (
        "agents/runtimes",
        "benchmarks/numerics",
        "benchmarks/quality",
        "benchmarks/raw",
        "benchmarks/vocabulary",
        "benchmarks/zoo",
        "constraints.txt",
        "coordinator/builders",
        "tests/contracts/test_runtime.py",
        "tests/further/openvino",
    ),
    "long-executorch": (
        "agents/runtimes",
        "benchmarks/common",
        "benchmarks/vocabulary",
        "benchmarks/zoo",
        "constraints.txt",
        "coordinator/builders",
        "coordinator/environments",
        "coordinator/models",
        "tests/contracts/test_runtime.py",
        "tests/further/executorch",
    ),
    "long-qnn": (
        "agents/devices",
        "agents/execution",
        "agents/host/qualcomm.py",
        "agents/passes",
        "agents/registry.py",
        "agents/runtimes",
        "agents/spec.py",
        "agents/storage/built.py",
        "benchmarks/quality",
        "benchmarks/raw",
        "benchmarks/vocabulary",
        "benchmarks/zoo",
        "constraints.txt",
        "coordinator/builders",
        "coordinator/client",
        "tests/contracts/test_device.py",
        "tests/contracts/test_runtime.py",
        "tests/further/qnn",
    ),
    "long-rtx": (
        "agents/runtimes/_tensorrt",
        "agents/runtimes/base.py",
        "agents/runtimes/ort/encode.py",
        "agents/runtimes/ort/sentinel.py",
        "agents/runtimes/tensorrt.py",
        "agents/runtimes/tensorrt_rtx.py",
        "benchmarks/common/said.py",
        "benchmarks/vocabulary",
        "benchmarks/zoo",
        "constraints.txt",
        "coordinator/builders",
        "tests/agents/runtimes/tensorrt",
        "tests/coordinator/builders/modelopt/built",
        "tests/further/tensorrt",
    ),
    "long-cuda": (
        "agents/host/cuda.py",
        "agents/registry.py",
        "agents/runtimes",
        "benchmarks/numerics",
        "benchmarks/protocol/device_time.py",
        "benchmarks/vocabulary",
        "benchmarks/zoo",
        "tests/agents/runtimes/ort/constructed",
        "tests/coordinator/builders/modelopt/built",
        "tests/further/cuda",
        "tests/labs/cuda",
    ),
    "long-experiments": (
        "agents/passes",
        "agents/runtimes",
        "benchmarks/common/tflite",
        "benchmarks/numerics",
        "benchmarks/vocabulary",
        "constraints.txt",
        "tests/bench",
        "tests/labs",
    ),
}
"""What each long target tests: the files below these paths."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a green run leaves.

    Attributes:
        digest: of the files that it tested.
        day: when it ended, as an ISO date in UTC.
    """

    digest: str
    day: str


def digest_of(files: Mapping[str, bytes]) -> str:
    """One digest of named files, whatever their order."""
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(f"{name}\0{hashlib.sha256(files[name]).hexdigest()}\n".encode())
    return total.hexdigest()


def due(
    now: Mapping[str, str], stamps: Mapping[str, Stamp], most: int = MOST_A_RUN
) -> dict[str, str]:
    """What to do with each target: ``run``, ``later`` or ``fresh``.

    Those without a stamp come first, then those whose last green run is longest ago.

    Args:
        now: digest of what each target tests, as it is.
        stamps: of the last green runs.
        most: how many may run.
    """
    stale = [name for name, digest in now.items() if _digest(stamps.get(name)) != digest]
    stale.sort(key=lambda name: (stamps[name].day if name in stamps else "", name))
    words = {name: "run" if place < most else "later" for place, name in enumerate(stale)}
    return {name: words.get(name, "fresh") for name in now}


def _digest(stamp: Stamp | None) -> str | None:
    return stamp.digest if stamp else None


def read(path: Path) -> dict[str, Stamp]:
    """The committed stamps; none when there is no file yet."""
    if not path.exists():
        return {}
    return {name: Stamp(**stamp) for name, stamp in json.loads(path.read_text()).items()}


def write(path: Path, stamps: Mapping[str, Stamp]) -> None:
    """All of them, in the order of their names."""
    plain = {name: {"digest": one.digest, "day": one.day} for name, one in sorted(stamps.items())}
    path.write_text(json.dumps(plain, indent=2) + "\n")


def digest_now(target: str, root: Path = ROOT) -> str:
    """Of the files below a target's paths that git knows or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"]
    listed = subprocess.run(
        [*command, *LONG[target]], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    paths = {name: root / name for name in listed.split("\0") if name}
    return digest_of({name: path.read_bytes() for name, path in paths.items() if path.is_file()})


def run(target: str, command: Sequence[str], *, path: Path = STAMPS, root: Path = ROOT) -> int:
    """Runs a target and stamps it when it was green, in whole, and its files stayed as they were.

    Args:
        target: its name.
        command: what it runs, in `root`.
        path: the file of stamps.
        root: the tree.

    Returns:
        The command's exit status.
    """
    before = digest_now(target, root)
    missing = False
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            print(line, end="", flush=True)
            missing |= "NOT RUN" in line
    if running.returncode:
        return running.returncode
    if missing:
        print(f"{target}: no stamp, a part of it did not run")
        return 0
    if digest_now(target, root) != before:
        print(f"{target}: no stamp, its files changed meanwhile")
        return 0
    today = datetime.now(timezone.utc).date().isoformat()
    write(path, {**read(path), target: Stamp(before, today)})
    print(f"{target}: green; commit {path.name}")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("due")
    running = verbs.add_parser("run")
    running.add_argument("--stamps", type=Path, default=STAMPS, help="the file of stamps")
    running.add_argument("target", choices=LONG)
    running.add_argument("command", nargs=argparse.REMAINDER)
    said = parser.parse_args(arguments)
    if said.verb == "run":
        return run(said.target, said.command, path=said.stamps)
    for name, word in due({name: digest_now(name) for name in LONG}, read(STAMPS)).items():
        print(word, name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
