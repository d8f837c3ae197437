"""Runs the steps one after the other, each in a process that is ended when its time is over.

What a step wrote until then stays. After each one `capture.json` says what became of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .steps import Step, limit_s

ROOT = Path(__file__).parents[3]
LOG = "said.txt"
_PROGRAM = (
    "import importlib, json, sys; module, folder, asked = sys.argv[1:]\n"
    "from pathlib import Path\n"
    "importlib.import_module(module).main(Path(folder), json.loads(asked))\n"
)


def environment(*, rehearse: bool) -> dict[str, str]:
    """Of a step: ours is found without being installed, and a card is the first one."""
    paths = [str(ROOT / ".links"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    own = {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    if rehearse:
        return {**os.environ, **own, "CUDA_VISIBLE_DEVICES": ""}
    first = {"CUDA_VISIBLE_DEVICES": "0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    return {**first, **os.environ, **own}


def run(
    steps: Sequence[Step],
    out: Path,
    *,
    rehearse: bool,
    minutes: float,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Every step in turn, whatever becomes of the others; gives what `capture.json` holds."""
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    told: dict[str, Any] = {
        "schema": "bitgauge.capture/1",
        "command": ["python", "-m", "tests.gpu.capture", *sys.argv[1:]],
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "rehearsal": rehearse,
        "steps": {},
    }
    for step in steps:
        left_s = 60 * minutes - (time.monotonic() - began)
        told["steps"][step.name] = done = _one(step, out, left_s, rehearse)
        _write(out / "capture.json", told)
        say(f"{step.name}: {done['status']} after {done['seconds']:.1f} s")
    return told


def _one(step: Step, out: Path, left_s: float, rehearse: bool) -> dict[str, Any]:
    """What became of a step: `done`, `failed`, `out_of_time`, or `not_begun`."""
    limit = limit_s(step, left_s, rehearse=rehearse)
    if not limit:
        return {"status": "not_begun", "seconds": 0.0, "limit_s": 0.0, "files": []}
    folder = out / step.name
    folder.mkdir(parents=True, exist_ok=True)
    asked = json.dumps({"rehearse": rehearse, "given": step.given, "limit_s": limit})
    command = [sys.executable, "-c", _PROGRAM, step.module, str(folder), asked]
    began = time.monotonic()
    with (folder / LOG).open("w") as log:
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(rehearse=rehearse),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            ended = child.wait(limit)
            status = "failed" if ended else "done"
        except subprocess.TimeoutExpired:
            ended, status = None, "out_of_time"
        finally:
            _end(child)
    files = sorted(str(one.relative_to(out)) for one in folder.rglob("*") if one.is_file())
    seconds = round(time.monotonic() - began, 2)
    return {
        "status": status,
        "ended": ended,
        "seconds": seconds,
        "limit_s": round(limit, 1),
        "files": files,
    }


def _end(child: subprocess.Popen[bytes]) -> None:
    """Nothing of a step outlives it: what it started is of its own session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _write(path: Path, told: dict[str, Any]) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(told, indent=1) + "\n")
    fresh.replace(path)
