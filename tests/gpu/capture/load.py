"""A minute of nothing but matrix products: does the card slow down, and do its counters say so?"""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import torch

from .place import device_of

_MINUTE_S, _REHEARSED_S = 60.0, 1.0
_SIDE, _SMALL = 8192, 256
_EVERY_S = 0.25


def main(folder: Path, asked: dict[str, Any]) -> None:
    """Writes `products.json` (how fast each second was) and `readings.json`, every few seconds."""
    device, rehearse = device_of(asked), asked["rehearse"]
    seconds, side = (_REHEARSED_S, _SMALL) if rehearse else (_MINUTE_S, _SIDE)
    watched = Watched(folder / "readings.jsonl")
    watched.start()
    a = torch.randn(side, side, device=device).to(torch.bfloat16)
    done: list[dict[str, float]] = []
    ends = time.monotonic() + seconds
    try:
        while time.monotonic() < ends:
            began, products = time.monotonic(), 0
            while time.monotonic() - began < min(1.0, seconds / 2):
                for _ in range(8):
                    torch.mm(a, a)
                wait(device)
                products += 8
            took = time.monotonic() - began
            done.append({"began_s": began, "tflops": 2e-12 * side**3 * products / took})
            (folder / "products.json").write_text(json.dumps(done))
    finally:
        watched.stop()


def wait(device: str) -> None:
    """Back when a card has done all."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()


class Watched(threading.Thread):
    """Readings of the first card beside a load, where NVML can be asked; a line each.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self._path, self._over = path, threading.Event()

    def run(self) -> None:
        from bitgauge.agents.host.nvml import Nvml
        from bitgauge.benchmarks.vocabulary.errors import BitgaugeError

        from .management import reading

        try:
            with Nvml() as library, self._path.open("w") as out:
                gpu = next(iter(library.gpus()))
                while not self._over.wait(_EVERY_S):
                    out.write(json.dumps(reading(gpu)) + "\n")
                    out.flush()
        except (BitgaugeError, StopIteration) as error:
            self._path.write_text(json.dumps({"absent": str(error)}) + "\n")

    def stop(self) -> None:
        """Ends reading."""
        self._over.set()
        self.join(5)
