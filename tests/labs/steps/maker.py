"""Makes one environment in a process of its own: ``python maker.py SHELF``."""

from __future__ import annotations

import sys
from pathlib import Path

from bitgauge.coordinator.environments.definition import definition
from bitgauge.coordinator.environments.making import MakingTerms, made
from bitgauge.coordinator.environments.shelf import Shelf

if __name__ == "__main__":
    ready = made(
        definition("copies"),
        Shelf(Path(sys.argv[1])),
        MakingTerms(),
        lambda words: print(words, flush=True),
    )
    print(ready.note.made_unix_ns)
