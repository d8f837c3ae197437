"""The tree: packages, sizes, names of files, how a module imports its neighbours.

Each test lists every offender at once.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from .tree import MAPPED, PYPROJECT, ROOT, SOURCES, modules, packages, parsed, shown

MOST_LINES = 400
MOST_MODULES = 20
MOST_OF_A_PREFIX = 2
ROLES = ("test_", "bench_")
"""These prefixes say what runs a file, not what it is about."""


def _folders() -> dict[Path, list[Path]]:
    """Modules by folder, `__init__` aside; of the tests too."""
    found: dict[Path, list[Path]] = {}
    for path in (*SOURCES, *modules("tests")):
        if path.name != "__init__.py":
            found.setdefault(path.parent, []).append(path)
    return found


def _prefixes(stems: list[str]) -> list[str]:
    """The prefixes `xxx_` that more of `stems` share than two."""
    counted: Counter[str] = Counter()
    for stem in stems:
        plain = stem.lstrip("_")
        for role in ROLES:
            plain = plain.removeprefix(role)
        first, _, rest = plain.partition("_")
        counted[f"{first}_"] += bool(rest)
    return sorted(prefix for prefix, count in counted.items() if count > MOST_OF_A_PREFIX)


def test_the_list_of_packages_is_the_tree() -> None:
    found = {".".join(("bitgauge", *path.relative_to(ROOT).parts)) for path in packages(*MAPPED)}
    assert set(PYPROJECT["tool"]["setuptools"]["packages"]) == found


def test_every_folder_of_modules_is_a_package() -> None:
    """Without `__init__.py` an installed Bitgauge would lack it.

    Scripts of builder environments are data, named as such: nothing imports them.
    """
    folders = {shown(path.parent) for path in SOURCES} - {shown(p) for p in packages(*MAPPED)}
    assert {one.rpartition("/")[0] for one in folders} <= {"coordinator/builders/environments"}


def test_a_module_has_at_most_400_lines() -> None:
    lines = {shown(path): path.read_text().count("\n") for path in (*SOURCES, *modules("tests"))}
    assert not {path: count for path, count in lines.items() if count > MOST_LINES}


def test_a_folder_holds_at_most_20_modules() -> None:
    counts = {shown(folder): len(paths) for folder, paths in _folders().items()}
    assert not {folder: count for folder, count in counts.items() if count > MOST_MODULES}


def test_no_three_modules_of_a_folder_share_a_prefix() -> None:
    """A prefix that comes a third time is a folder."""
    shared = {
        shown(folder): _prefixes([path.stem for path in paths])
        for folder, paths in _folders().items()
    }
    assert not {folder: found for folder, found in shared.items() if found}


def test_a_shared_prefix_is_noticed() -> None:
    assert _prefixes(["test_raw_a", "test_raw_b", "_raw_c", "raw", "rawness"]) == ["raw_"]
    assert _prefixes(["test_raw_a", "test_raw_b", "test_of_c", "test_a", "test_b"]) == []


def test_a_module_says_what_it_is() -> None:
    assert not [shown(path) for path in SOURCES if not ast.get_docstring(parsed(path))]


def _imported(path: Path) -> Iterator[str]:
    """The modules that a file imports by their whole names."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_imports_are_relative_inside_a_package_and_whole_across() -> None:
    wrong = []
    for path in SOURCES:
        own = f"bitgauge.{path.relative_to(ROOT).parts[0]}."
        for name in _imported(path):
            if name.split(".")[0] in MAPPED:
                wrong.append(f"{shown(path)}: write bitgauge.{name}")
            if f"{name}.".startswith(own):
                wrong.append(f"{shown(path)}: import {name} relatively")
    assert not wrong


def test_no_sources_named_like_a_program() -> None:
    assert not list(ROOT.glob("__main__.py"))


def test_links_lead_to_the_packages() -> None:
    for folder in MAPPED:
        link = ROOT / ".links/bitgauge" / folder
        assert link.is_symlink()
        assert link.resolve() == ROOT / folder
        assert (ROOT / folder / "py.typed").exists()


def test_the_eleven_packages_are_declared_in_the_extra_that_uses_each() -> None:
    project = PYPROJECT["project"]
    declared = {"base": project["dependencies"], **project["optional-dependencies"]}
    wanted = {
        "base": ("grpcio", "protobuf", "psutil"),
        "coordinator": ("ray", "sqlite-utils", "scipy"),
        "torch": ("torch",),
        "tensorrt": ("tensorrt",),
        "onnxruntime": ("onnxruntime",),
        "litert": ("tflite-runtime",),
        "nvidia": ("nvidia-ml-py",),  # the maintained successor of pynvml
    }
    for extra, names in wanted.items():
        there = {_distribution(line) for line in declared[extra]}
        assert there >= set(names), extra
    assert "pynvml" in (ROOT / "pyproject.toml").read_text()


def _distribution(requirement: str) -> str:
    """The name before versions, extras and markers."""
    end = next((i for i, sign in enumerate(requirement) if sign in " <>=!~;["), None)
    return requirement[:end]
