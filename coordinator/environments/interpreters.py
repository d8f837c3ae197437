"""Which interpreter an environment is made with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from packaging.specifiers import SpecifierSet

_NEWEST_MINOR = 20
_OLDEST_MINOR = 10
_ASKED_S = 20.0
_ASKS = """
import json, sys
print(json.dumps([sys.executable, sys.base_prefix, "%d.%d.%d" % sys.version_info[:3]]))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python of this machine.

    Attributes:
        path: of the program.
        base: folder of its installation.
        version: in full.
    """

    path: str
    base: str
    version: str

    @property
    def line(self) -> str:
        """Its version without the last number: packages are built for that."""
        return ".".join(self.version.split(".")[:2])


def own() -> Interpreter:
    """The one that runs this."""
    version = ".".join(map(str, sys.version_info[:3]))
    return Interpreter(sys.executable, sys.base_prefix, version)


def interpreter_for(wanted: SpecifierSet) -> Interpreter | None:
    """Our own when it will do, else the newest of this machine's that will; None when none does."""
    found = chain((own(),), _others())  # the others are asked only where ours will not do
    return next((one for one in found if one.version in wanted), None)


def _others() -> Iterator[Interpreter]:
    for minor in range(_NEWEST_MINOR, _OLDEST_MINOR - 1, -1):
        found = next(filter(None, map(_asked, _named(f"python3.{minor}"))), None)
        if found is not None:
            yield found


def _named(program: str, environ: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Where a Python may be: on PATH, else among those of pyenv, whose names on PATH are shims.

    A shim starts nothing until somebody chooses its version for the folder that he is in.
    """
    path = shutil.which(program)
    if path:
        yield path
    root = Path(environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for one in sorted(root.glob(f"versions/*/bin/{program}"), reverse=True):
        yield str(one)


def _asked(path: str) -> Interpreter | None:
    """What an interpreter says of itself; a name on PATH may stand for nothing."""
    try:
        done = subprocess.run(
            [path, "-I", "-c", _ASKS], capture_output=True, timeout=_ASKED_S, check=True
        )
        program, base, version = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Interpreter(str(Path(program)), str(base), str(version))
