"""What products of each type do with large sums on the card, and the most that it does at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bitgauge.agents.runtimes.torch import accumulators, anchors

from .place import device_of


def main(folder: Path, asked: dict[str, Any]) -> None:
    """Writes `modes.json`, then `anchors.json`."""
    device = device_of(asked)
    (folder / "modes.json").write_text(json.dumps(accumulators.modes(device), indent=1))
    size = {"side": 256, "size": 1 << 20} if asked["rehearse"] else {}
    (folder / "anchors.json").write_text(json.dumps(anchors.of_card(device, **size), indent=1))
