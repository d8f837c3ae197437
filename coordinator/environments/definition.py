"""What an environment is to hold: its lock, the scripts that run in it, what it takes to make it.

``builders/environments/NAME/`` holds ``lock.txt``, the scripts (``*.py``) and ``cost.json``; ours,
and those below each folder of ``BITGAUGE_PLUGIN_PATH``.

A lock is a file of requirements for pip, each pinned with ``==``, as nothing else is resolved. Two
kinds of comment say what pip is not told:

    # python >=3.11,<3.14      which interpreters its packages are for
    # index https://...        where else they are when the machine's own pip does not find them
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec
from bitgauge.benchmarks.common.files import bounded_bytes
from bitgauge.benchmarks.common.plugins import plugin_folders
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, NotFound, Refused
from packaging.specifiers import InvalidSpecifier, SpecifierSet

LOCK = "lock.txt"
COST = "cost.json"
MAX_LOCK_BYTES = 1 << 20
"""Of a lock, and of each file beside it."""
DIGEST_LENGTH = 12
"""Characters of a digest that stand for it in the name of a folder and in a lineage."""
_OURS = Path(__file__).parents[1] / "builders/environments"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SAID = re.compile(rb"^#\s*(python|index)\s+(.+?)\s*$", re.MULTILINE)
_PINNED = re.compile(
    rb"(?i)^[a-z0-9][a-z0-9._-]*(\[[a-z0-9,._-]+\])?\s*==\s*[a-z0-9.+!-]+\s*(;.*)?$"
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What making it took, once, on a machine with two processors.

    Attributes:
        size_bytes: of the whole environment.
        seconds: from start to end, with the packages fetched from a registry nearby.
    """

    size_bytes: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Definition:
    """One environment as it is defined.

    Attributes:
        name: of its folder, and what a builder calls it.
        folder: with the lock and the scripts.
    """

    name: str
    folder: Path

    @property
    def lock_path(self) -> Path:
        """The requirements."""
        return self.folder / LOCK

    @cached_property
    def lock(self) -> bytes:
        """The bytes of the lock."""
        return bounded_bytes(self.lock_path, MAX_LOCK_BYTES)

    @cached_property
    def digest(self) -> str:
        """Of lock and scripts: whatever of them changes, another artifact may come of it."""
        total = hashlib.sha256()
        for path in (self.lock_path, *self.scripts):
            own = hashlib.sha256(bounded_bytes(path, MAX_LOCK_BYTES)).hexdigest()
            total.update(f"{path.name}\0{own}\n".encode())
        return total.hexdigest()[:DIGEST_LENGTH]

    @property
    def scripts(self) -> tuple[Path, ...]:
        """What runs in it, by name."""
        return tuple(sorted(self.folder.glob("*.py")))

    def made_with(self, python: str) -> str:
        """Of the lock and the version (``3.11``) of the interpreter: what a made one holds."""
        total = hashlib.sha256(b"%s\0%s" % (python.encode(), self.lock))
        return total.hexdigest()[:DIGEST_LENGTH]

    @property
    def packages(self) -> int:
        """How many it holds."""
        return sum(_PINNED.match(line) is not None for line in self.lock.splitlines())

    @cached_property
    def pythons(self) -> SpecifierSet:
        """Versions of the interpreters that its packages are for."""
        return SpecifierSet(",".join(self._said("python")))

    @property
    def indexes(self) -> tuple[str, ...]:
        """Where else its packages are."""
        return self._said("index")

    @cached_property
    def cost(self) -> Cost | None:
        """What it took to make it, where somebody has measured that."""
        path = self.folder / COST
        if not path.exists():
            return None
        return msgspec.json.decode(bounded_bytes(path, MAX_LOCK_BYTES), type=Cost)

    @property
    def toolchain(self) -> str:
        """As it stands in the lineage of an artifact."""
        return f"{self.name}@{self.digest}"

    def script(self, name: str) -> Path:
        """The script of this name.

        Raises:
            NotFound: `UNKNOWN_ENVIRONMENT`, it has none.
        """
        for path in self.scripts:
            if path.name == name:
                return path
        there = ", ".join(path.name for path in self.scripts) or "none"
        raise NotFound(
            Code.UNKNOWN_ENVIRONMENT,
            f"The builder environment {self.name} has no script {name!r}; there are: {there}.",
        )

    def require_sound(self) -> None:
        """Refuse a lock that leaves anything open.

        Raises:
            BadInput: `BAD_ENVIRONMENT`, with the first line that does.
        """
        try:
            self.pythons  # noqa: B018 (asked so that it is read)
        except InvalidSpecifier as error:
            raise _bad(self.lock_path, f"says of Python what is no version: {error}") from error
        for line in self.lock.splitlines():
            wanted = line.partition(b" #")[0].strip()
            if wanted and not wanted.startswith((b"#", b"--")) and not _PINNED.match(wanted):
                text = wanted.decode("utf-8", "replace")[:80]
                raise _bad(self.lock_path, f"holds {text!r}, which names no one version with ==")

    def _said(self, what: str) -> tuple[str, ...]:
        found = (match for match in _SAID.finditer(self.lock) if match[1] == what.encode())
        return tuple(match[2].decode("utf-8", "replace") for match in found)


def _bad(path: Path, why: str) -> BadInput:
    return BadInput(Code.BAD_ENVIRONMENT, f"The lock {path} {why}.")


def definitions(folders: Sequence[Path] | None = None) -> dict[str, Definition]:
    """Every environment by its name, in alphabetical order.

    Args:
        folders: where to look besides ours; the environment's when not given.

    Raises:
        Refused: two folders claim one name.
    """
    extra = plugin_folders() if folders is None else folders
    found: dict[str, Definition] = {}
    for place in (_OURS, *(one / "builders/environments" for one in extra)):
        for path in sorted(place.glob(f"*/{LOCK}")):
            one = Definition(path.parent.name, path.parent)
            if not _NAME.fullmatch(one.name):
                continue
            if one.name in found:
                raise Refused(
                    Code.PLUGIN_CONFLICT,
                    f"Both {found[one.name].folder} and {one.folder} define the builder"
                    f" environment {one.name}.",
                )
            found[one.name] = one
    return dict(sorted(found.items()))


def definition(name: str) -> Definition:
    """The environment called `name`.

    Raises:
        NotFound: `UNKNOWN_ENVIRONMENT`, there is none; the sentence names those there are.
    """
    known = definitions()
    if name not in known:
        there = ", ".join(known) or "none"
        raise NotFound(
            Code.UNKNOWN_ENVIRONMENT,
            f"No builder environment is called {name!r}; there are: {there}.",
        )
    return known[name]
