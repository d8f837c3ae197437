"""Finds runtimes, meters and devices by file name; no list is edited to add one.

Modules live in `agents/runtimes`, `agents/meters` and `agents/devices`, and in folders of the
same names below each folder of ``BITGAUGE_PLUGIN_PATH``: a file, or a folder that is a package.
What begins with an underscore, and `base`, is no plug-in.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from bitgauge.benchmarks.vocabulary.errors import Code, NotFound, Refused
from bitgauge.benchmarks.vocabulary.fingerprint import fingerprint, stack_of
from bitgauge.benchmarks.vocabulary.meters import meters_of
from bitgauge.benchmarks.vocabulary.values.devices import (
    DeviceDescription,
    MeterDescription,
    RuntimeDescription,
    StackItem,
)

from .devices.base import DeviceModule
from .meters.base import MeterModule
from .runtimes.base import RuntimeMissing, RuntimeModule

PLUGIN_PATH = "BITGAUGE_PLUGIN_PATH"

_SHAPE = {
    "runtimes": ("NAME", "RANK", "HINT", "probe", "prepare", "load", "empty_artifact"),
    "meters": ("NAME", "RANK", "HINT", "describe"),
    "devices": ("NAME", "RANK", "HINT", "probe", "describe"),
}


@dataclass(frozen=True, slots=True)
class Found:
    """Every plug-in of one kind.

    Attributes:
        kind: ``runtimes``, ``meters`` or ``devices``.
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


def find(kind: str, folders: Sequence[Path] | None = None) -> Found:
    """Loads every plug-in of `kind`.

    Args:
        kind: ``runtimes``, ``meters`` or ``devices``.
        folders: where to look besides the agent's own; the environment's when not given.

    Raises:
        Refused: two files claim one name.
    """
    own = Path(__file__).parent / kind
    extra = plugin_folders() if folders is None else folders
    found: dict[str, ModuleType] = {}
    origin: dict[str, Path] = {}
    problems: list[str] = []
    for folder in (own, *(place / kind for place in extra)):
        for path in _modules(folder):
            try:
                module = _load(kind, path, builtin=folder == own)
            except Exception as error:  # a plug-in is another's code and may fail in any way
                first = (str(error).splitlines() or [""])[0]
                problems.append(f"{path} was skipped: {type(error).__name__}: {first}")
                continue
            name = str(module.NAME)
            if name in found:
                raise Refused(
                    Code.PLUGIN_CONFLICT,
                    f"Both {origin[name]} and {path} are a {kind[:-1]} called {name!r}.",
                )
            found[name], origin[name] = module, path
    ranked = sorted(found.items(), key=lambda item: (-int(item[1].RANK), item[0]))
    return Found(kind, dict(ranked), tuple(problems))


def runtime(name: str, folders: Sequence[Path] | None = None) -> RuntimeModule:
    """The runtime called `name`; NotFound names those there are."""
    return cast(RuntimeModule, find("runtimes", folders).get(name))


def device(name: str, folders: Sequence[Path] | None = None) -> DeviceModule:
    """The device kind called `name`; NotFound names those there are."""
    return cast(DeviceModule, find("devices", folders).get(name))


def probe_runtimes(found: Found) -> tuple[tuple[RuntimeDescription, ...], tuple[str, ...]]:
    """What the runtimes say of themselves, and one line for each that is not usable."""
    there: list[RuntimeDescription] = []
    missing: list[str] = []
    for name, module in found.modules.items():
        try:
            there.append(cast(RuntimeModule, module).probe())
        except RuntimeMissing as error:
            missing.append(f"{name}: {error.sentence} {module.HINT}")
        except Exception as error:  # as in `find`
            missing.append(f"{name}: its probe failed: {type(error).__name__}: {error}")
    return tuple(there), tuple(missing)


def describe_meters(found: Found) -> tuple[tuple[MeterDescription, ...], tuple[str, ...]]:
    """The meters that this machine has, and one line for each that failed to say."""
    there: list[MeterDescription] = []
    failed: list[str] = []
    for name, module in found.modules.items():
        try:
            described = cast(MeterModule, module).describe()
        except Exception as error:  # as in `find`
            first = (str(error).splitlines() or [""])[0]
            failed.append(f"{name}: it failed: {type(error).__name__}: {first}")
            continue
        if described is not None:
            there.append(described)
    return tuple(there), tuple(failed)


def _modules(folder: Path) -> list[Path]:
    """Files, and folders that are packages; neither `base` nor what begins with an underscore."""
    found = [*folder.glob("*.py"), *(one.parent for one in folder.glob("*/__init__.py"))]
    return sorted(one for one in found if one.stem != "base" and not one.stem.startswith("_"))


def _load(kind: str, path: Path, *, builtin: bool) -> ModuleType:
    if builtin:
        module = importlib.import_module(f"{__package__}.{kind}.{path.stem}")
    else:
        module = _load_file(f"bitgauge_plugins.{kind}.{path.stem}_{abs(hash(path))}", path)
    lacking = [name for name in _SHAPE[kind] if not hasattr(module, name)]
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


def describe(
    device: str,
    *,
    name: str,
    identity: str,
    folders: Sequence[Path] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> DeviceDescription:
    """This device as it introduces itself.

    Args:
        device: name of the device module.
        name: label.
        identity: its id.
        folders: further folders of plug-ins; the environment's when not given.
        say: prints one line for each plug-in that cannot be used.

    Raises:
        BitgaugeError: no such device module, or two plug-ins of one name.
    """
    facts = cast(DeviceModule, find("devices", folders).get(device)).describe()
    found = find("runtimes", folders)
    meters = find("meters", folders)
    runtimes, missing = probe_runtimes(found)
    metered, failed = describe_meters(meters)
    for line in (*found.problems, *meters.problems, *missing, *failed):
        say(line)
    return DeviceDescription(
        device_id=identity,
        name=name,
        hardware_class=facts.hardware_class,
        realness=facts.realness,
        architecture=facts.architecture,
        processor_model=facts.processor_model,
        isa_flags=facts.isa_flags,
        core_count=facts.core_count,
        memory_bytes=facts.memory_bytes,
        kernel_release=facts.kernel_release,
        virtualisation=facts.virtualisation,
        governor=facts.governor,
        stack=facts.stack,
        runtimes=tuple(_with_fingerprint(facts.stack, runtime) for runtime in runtimes),
        meters=meters_of(metered, facts.hardware_class),
        evidence=facts.evidence,
    )


def _with_fingerprint(
    stack: tuple[StackItem, ...], runtime: RuntimeDescription
) -> RuntimeDescription:
    return replace(runtime, fingerprint=fingerprint(stack_of(stack, runtime)))
