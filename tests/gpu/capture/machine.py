"""What is there: the first thing that is looked at, and said whether it suffices or not."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

NEEDED = ("numpy", "msgspec", "psutil", "torch")
WELCOME = ("nvidia-ml-py", "torchao", "onnx", "onnxruntime-gpu", "tensorrt", "triton")


def main(folder: Path, asked: dict[str, Any]) -> None:
    """Writes `machine.json`, at first without what the libraries say.

    Raises:
        SystemExit: something is missing without which hardly a step can be done.
    """
    told: dict[str, Any] = {
        "python": sys.version,
        "system": platform.platform(),
        "processors": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "disk_free_bytes": shutil.disk_usage(folder).free,
        "compiler": shutil.which("g++") or shutil.which("cc"),
        "packages": {name: _version(name) for name in (*NEEDED, *WELCOME)},
        "nvidia_smi": _said(["nvidia-smi"]),
        "nodes": sorted(str(one) for one in Path("/dev").glob("nvidia*")),
        "driver": _text(Path("/proc/driver/nvidia/version")),
    }
    path = folder / "machine.json"
    path.write_text(json.dumps(told, indent=1))
    missing = [name for name in NEEDED if told["packages"][name] is None]
    if missing:
        raise SystemExit(f"not here, and most steps need it: {', '.join(missing)}")
    told["torch"] = _torch()
    told["described"] = _described()
    path.write_text(json.dumps(told, indent=1))
    if not asked["rehearse"] and not told["torch"]["cuda_available"]:
        raise SystemExit("torch sees no card here")


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _said(command: list[str]) -> str | None:
    if shutil.which(command[0]) is None:
        return None
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return done.stdout


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None


def _torch() -> dict[str, Any]:
    import torch

    there = torch.cuda.is_available()
    found: dict[str, Any] = {
        "version": torch.__version__,
        "built_for": torch.version.cuda,
        "cuda_available": there,
        "architectures": torch.cuda.get_arch_list(),
    }
    if there:
        found["name"] = torch.cuda.get_device_name()
        found["capability"] = list(torch.cuda.get_device_capability())
        found["properties"] = str(torch.cuda.get_device_properties(torch.cuda.current_device()))
        found["memory_free_total"] = list(torch.cuda.mem_get_info())
    return found


def _described() -> Any:
    """The machine and its cards as an agent describes them; what cannot be said is a sentence."""
    import msgspec
    from bitgauge.agents import registry

    found: dict[str, Any] = {}
    for kind in ("cpu", "nvidia"):
        try:
            module = registry.device(kind, ())
            units = module.probe()
            facts = [msgspec.to_builtins(module.describe(one.key)) for one in units]
            found[kind] = [{**one, "evidence": []} for one in facts]  # it names the machine
        except Exception as error:  # of a machine that nobody has seen
            found[kind] = f"{type(error).__name__}: {error}"
    return found
