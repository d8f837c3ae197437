"""How a child is confined: levels found by file name, and what one child may reach.

A level is one file ``levels/NAME.py``, see `Level`. Model files are programs: the strongest level
that really works on a machine is taken, by whatever there opens them.
"""

from __future__ import annotations

import importlib
import os
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol, cast

import bitgauge.protos

from .forked import Told

AUTO = "auto"
"""In place of a level: the strongest that works."""
RLIMITS = "rlimits"

# Programs and libraries of the system; a child may read them and nothing else outside.
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/nix/store")
SYSTEM_FILES = tuple(map(Path, ("/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives")))


@dataclass(frozen=True, slots=True)
class Box:
    """What one child may reach; everything else is out of its reach where the level can do that.

    Attributes:
        folder: its own folder, the only one it may write to.
        files: further files that it may read, and folders of them.
        trees: folders of programs and libraries that it may read.
        devices: device nodes that it may use.
        hidden: folders that it must not see even when a tree holds them.
    """

    folder: Path
    files: tuple[Path, ...]
    trees: tuple[Path, ...]
    devices: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()


class Level(Protocol):
    """The shape of a level's module.

    Attributes:
        NAME: as it is recorded with the run.
        RANK: the highest that works is taken.
        OWN_PROCESS_IDS: whether the child lives in a process id namespace, where its parent is
            process 1, its end takes all descendants along, and a death by signal n is told as
            exit status 128 + n.
    """

    NAME: str
    RANK: int
    OWN_PROCESS_IDS: bool

    def missing(self, box: Box) -> str | None:
        """A sentence saying what this machine lacks for the level; None when nothing is known."""
        ...

    def wrap(self, box: Box, command: Sequence[str]) -> tuple[str, ...]:
        """The command that runs `command` inside the box; descriptors are inherited."""
        ...

    def enter(self, box: Box, told: Told) -> None:
        """Go on inside the box: for a step, which was forked and has one thread.

        Who goes on may be another process than the caller, which then ends as that one does; see
        `forked`.

        Args:
            box: of the step.
            told: is told, in the caller, which process goes on.

        Raises:
            OSError: something of the level does not work; nobody may go on.
        """
        ...


@cache
def levels() -> dict[str, Level]:
    """Every level by name, the strongest first."""
    found = []
    for path in Path(__file__).with_name("levels").glob("[!_]*.py"):
        found.append(cast(Level, importlib.import_module(f"{__package__}.levels.{path.stem}")))
    return {one.NAME: one for one in sorted(found, key=lambda one: -one.RANK)}


_LIBRARIES = ("LD_LIBRARY_PATH", "LLAMA_CPP_LIB_PATH")  # name folders with libraries of one's own


def runtime_trees(code: Sequence[Path], plugins: Sequence[Path] = ()) -> tuple[Path, ...]:
    """Folders that a child's interpreter, libraries and our own code are read from.

    Folders that hold a whole home are left out even when the search path names them: what a
    child needs lies deeper, and what it must not see lies beside.

    Args:
        code: folders of our own code besides that of this package.
        plugins: folders of plug-ins.
    """
    own = (
        *code,
        Path(__file__).parents[1],
        *(Path(part) for part in bitgauge.protos.__path__),
    )
    named: list[str] = [
        *_SYSTEM,
        *(sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix),
        *sysconfig.get_paths().values(),
        *(one for name in _LIBRARIES for one in os.environ.get(name, "").split(os.pathsep)),
        *sys.path,
    ]
    named += map(str, plugins)
    wanted = {Path(os.path.abspath(part)) for part in named if part} | set(own)
    wanted |= {one.resolve() for one in wanted}
    homes = (Path.home(), Path.home().resolve())
    kept = {
        one
        for one in wanted - {Path.cwd()}
        if one.exists() and not any(home.is_relative_to(one) for home in homes)
    }
    kept |= {one for one in own if one.exists()}
    return tuple(sorted(one for one in kept if not kept.intersection(one.parents)))
