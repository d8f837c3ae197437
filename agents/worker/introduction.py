"""What a device says of itself where its agent runs on another machine: ``introduction KIND``.

Prints one line of JSON: what it is, its runtimes and its meters, as they are found where it runs.
"""

from __future__ import annotations

import sys


def main(arguments: list[str]) -> None:
    """Prints a `spec.Introduced`, and nothing else."""
    import msgspec

    from .. import registry
    from ..spec import Introduced

    said: list[str] = []
    described = registry.describe(arguments[0], name="", identity="", folders=(), say=said.append)
    line = msgspec.json.encode(Introduced(described, tuple(said)))
    sys.stdout.write(f"{line.decode()}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
