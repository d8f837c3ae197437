"""Where Bitgauge keeps its state on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

DEFAULT_PORT = 50950


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """The state folder: ``$BITGAUGE_HOME``, else ``$XDG_DATA_HOME/bitgauge``, else the XDG default.

    The folder need not exist yet.
    """
    if own := environ.get("BITGAUGE_HOME"):
        return Path(own).expanduser().absolute()
    if data := environ.get("XDG_DATA_HOME"):
        return Path(data).expanduser().absolute() / "bitgauge"
    return Path("~/.local/share/bitgauge").expanduser()
