"""Finds plug-ins by file name; no list is edited to add one.

The plug-ins of a kind live in a folder of ours, and in folders of that name below each folder of
``BITGAUGE_PLUGIN_PATH``: a file, or a folder that is a package. `base` and `registry`, and what
begins with an underscore, is no plug-in.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from ..vocabulary.errors import Code, NotFound, Refused

PLUGIN_PATH = "BITGAUGE_PLUGIN_PATH"
_NONE = ("base", "registry")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of plug-in.

    Attributes:
        name: of its folders, in the plural: ``runtimes``.
        asks: what each of its modules must have.
        package: ours of that kind; empty when there are none but in the folders.
    """

    name: str
    asks: tuple[str, ...]
    package: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """Every plug-in of one kind.

    Attributes:
        modules: by name, best rank first.
        problems: one line for each file that was skipped.
    """

    kind: str
    modules: dict[str, ModuleType] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def get(self, name: str) -> ModuleType:
        """The plug-in called `name`.

        Raises:
            NotFound: there is none; the sentence names those there are.
        """
        if name not in self.modules:
            known = ", ".join(self.modules) or "none"
            raise NotFound(
                Code.UNKNOWN_PLUGIN, f"No {self.kind[:-1]} is called {name!r}; there are: {known}."
            )
        return self.modules[name]


def plugin_folders(environ: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """The folders of ``BITGAUGE_PLUGIN_PATH``, in order."""
    return tuple(Path(part) for part in environ.get(PLUGIN_PATH, "").split(os.pathsep) if part)


def find(kind: Kind, folders: Sequence[Path] | None = None) -> Found:
    """Loads every plug-in of `kind`.

    A module's name is its `NAME`, else that of its file; its `RANK` may put it before others.

    Args:
        kind: which.
        folders: where to look besides ours; the environment's when not given.

    Raises:
        Refused: two files claim one name.
    """
    extra = plugin_folders() if folders is None else folders
    found: dict[str, ModuleType] = {}
    origin: dict[str, Path] = {}
    problems: list[str] = []
    for folder, package in (*_own(kind), *((place / kind.name, "") for place in extra)):
        for path in _modules(folder):
            try:
                module = _load(kind, path, package)
            except Exception as error:  # a plug-in is another's code and may fail in any way
                first = (str(error).splitlines() or [""])[0]
                problems.append(f"{path} was skipped: {type(error).__name__}: {first}")
                continue
            name = str(getattr(module, "NAME", path.stem))
            if name in found:
                raise Refused(
                    Code.PLUGIN_CONFLICT,
                    f"Both {origin[name]} and {path} are called {name!r} among the {kind.name}.",
                )
            found[name], origin[name] = module, path
    ranked = sorted(found.items(), key=lambda item: (-int(getattr(item[1], "RANK", 0)), item[0]))
    return Found(kind.name, dict(ranked), tuple(problems))


def _own(kind: Kind) -> tuple[tuple[Path, str], ...]:
    """The folder of our plug-ins, and its package."""
    if not kind.package:
        return ()
    (folder,) = importlib.import_module(kind.package).__path__
    return ((Path(folder), kind.package),)


def _modules(folder: Path) -> list[Path]:
    """Files, and folders that are packages, that may be plug-ins."""
    found = [*folder.glob("*.py"), *(one.parent for one in folder.glob("*/__init__.py"))]
    return sorted(one for one in found if one.stem not in _NONE and not one.stem.startswith("_"))


def _load(kind: Kind, path: Path, package: str) -> ModuleType:
    if package:
        module = importlib.import_module(f"{package}.{path.stem}")
    else:
        module = _load_file(f"bitgauge_plugins.{kind.name}.{path.stem}_{abs(hash(path))}", path)
    lacking = [name for name in kind.asks if name not in vars(module)]
    if lacking:
        raise AttributeError(f"it lacks {', '.join(lacking)}")
    return module


def _load_file(name: str, path: Path) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    inside = [str(path)] if path.is_dir() else None
    file = path / "__init__.py" if inside else path
    spec: Any = importlib.util.spec_from_file_location(
        name, file, submodule_search_locations=inside
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
