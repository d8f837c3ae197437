"""By how much a reader's memory grows on a file, at most: in a child that can take little more.

``python -m tests.labs.hostile.peak READER FILE...`` writes one JSON line for each file.
"""

from __future__ import annotations

import importlib
import json
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.vocabulary.errors import BitgaugeError

ROOT = Path(__file__).parents[3]
SPARE_BYTES = 1 << 30
MAX_GROWTH_BYTES = 256 << 20


@dataclass(frozen=True)
class Reading:
    """How a reader ended.

    Attributes:
        sentence: of its refusal; "" when it took the file, and a name when it broke.
        code: of its refusal.
        grown_bytes: more than before, at most, while it read.
    """

    sentence: str
    code: str
    grown_bytes: int


def readings(reader: str, paths: Sequence[Path]) -> list[Reading]:
    """What a function of one path, named ``module:function``, makes of some files."""
    command = [sys.executable, "-m", __name__, reader, *map(str, paths)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = ended.stdout.splitlines()
    assert len(lines) == len(paths), f"it broke at file {len(lines)}: {ended.stderr[-2000:]}"
    return [Reading(**json.loads(line)) for line in lines]


def _status(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
    assert found is not None
    return int(found.group(1)) << 10


def _read(reader: Callable[[Path], Any], path: Path) -> Reading:
    Path("/proc/self/clear_refs").write_text("5", "ascii")  # forgets the peak until now
    before = _status("VmRSS")
    sentence = code = ""
    try:
        reader(path)
    except BitgaugeError as error:
        sentence, code = error.sentence, error.code.value
    except Exception as error:
        sentence = f"broke: {type(error).__name__}: {error}"
    return Reading(sentence, code, _status("VmHWM") - before)


def main(reader: str, *paths: str) -> None:
    module, _, name = reader.partition(":")
    found = getattr(importlib.import_module(module), name)
    most = _status("VmSize") + SPARE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    for path in paths:
        print(json.dumps(_read(found, Path(path)).__dict__), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
