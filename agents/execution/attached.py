"""Which devices an agent serves: what it was told to, else every real one that is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.vocabulary.devices import as_name
from bitgauge.benchmarks.vocabulary.enums import Realness
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, NotFound
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription

from .. import registry
from ..devices.base import DeviceModule, Hindered, Unit
from ..storage.identity import device_folder, device_id


@dataclass(frozen=True, slots=True)
class Attached:
    """One unit, and the module of its kind."""

    kind: str
    unit: Unit
    module: DeviceModule

    @property
    def key(self) -> str:
        """What names it for ever on this machine, such as ``cpu`` or ``android:R58M``."""
        return f"{self.kind}:{self.unit.key}" if self.unit.key else self.kind


def attached(
    wanted: Sequence[str], folders: Sequence[Path], say: Callable[[str], None]
) -> tuple[Attached, ...]:
    """The units to serve, the best kind first.

    A kind that fails, or a unit that is not here, costs itself alone as long as another is left.

    Args:
        wanted: ``KIND`` for every unit of a kind, ``KIND:KEY`` for one; nothing for every unit
            that is found and not simulated.
        folders: further folders of plug-ins.
        say: prints one line for each module and unit that cannot be used.

    Raises:
        NotFound: there is no such kind, or none of what was wanted is here.
    """
    found = registry.find("devices", folders)
    for line in found.problems:
        say(line)
    modules = {name: cast(DeviceModule, found.get(name)) for name in found.modules}
    chosen: dict[str, Attached] = {}
    for text in wanted or modules:
        kind, _, key = text.partition(":")
        module = cast(DeviceModule, found.get(kind))
        units = list(_units(kind, module, say))
        if wanted:
            known = [one.key for one in units]
            units = [one for one in units if key in ("", one.unit.key)]
            if not units:
                say(f"No {text} is here: {', '.join(known) or module.HINT}.")
        else:
            units = [one for one in units if _is_real(one, say)]
        chosen |= {one.key: one for one in units}
    if not chosen:
        raise NotFound(
            Code.DEVICE_MISSING,
            f"This machine has no {' or '.join(wanted) or 'device that can be measured'}.",
        )
    return tuple(chosen.values())


def come_since(
    wanted: Sequence[str],
    folders: Sequence[Path],
    known: Sequence[Attached],
    say: Callable[[str], None],
) -> tuple[Attached, ...]:
    """The units to serve that are here now and were not: of kinds whose units come and go.

    Args:
        wanted: as for `attached`.
        folders: as above.
        known: those that are served.
        say: as above.
    """
    found, served = registry.find("devices", folders), {one.key for one in known}
    come: dict[str, Attached] = {}
    for text in wanted or found.modules:
        kind, _, key = text.partition(":")
        module = cast(DeviceModule, found.get(kind))
        if not isinstance(module, Hindered):
            continue
        for one in _units(kind, module, say):
            asked = key in ("", one.unit.key) and one.key not in served
            if asked and (wanted or _is_real(one, say)):
                come[one.key] = one
    return tuple(come.values())


def names_of(devices: Sequence[Attached], name: str) -> tuple[str, ...]:
    """A label for each device: the agent's own for the machine itself, which others follow.

    Of several that are the machine itself, the kind of the highest rank is: the real one.
    """
    whole = [one for one in devices if not one.unit.label]
    machine = max(whole, key=lambda one: one.module.RANK, default=None)
    names: list[str] = []
    for one in devices:
        label = name if one is machine else as_name(f"{name}-{one.unit.label or one.kind}")
        names.append(as_name(f"{label}-{one.kind}") if label in names else label)
    return tuple(names)


def introduced(
    one: Attached, name: str, folder: Path, plugins: Sequence[Path], say: Callable[[str], None]
) -> tuple[Path, DeviceDescription]:
    """Where a device has its own files, and the device as it introduces itself."""
    own = device_folder(folder, one.key, is_machine=not one.unit.key)
    identity = device_id(own)
    return own, registry.describe(
        one.kind, name=name, identity=identity, unit=one.unit.key, folders=plugins, say=say
    )


def _units(kind: str, module: DeviceModule, say: Callable[[str], None]) -> Iterator[Attached]:
    try:
        yield from (Attached(kind, unit, module) for unit in module.probe())
    except BitgaugeError as error:
        say(f"{kind}: {error}")
    except Exception as error:  # a plug-in is another's code and may fail in any way
        say(f"{kind}: its probe failed: {_in_a_line(error)}")


def _is_real(one: Attached, say: Callable[[str], None]) -> bool:
    """What is simulated is served only when somebody asks for it."""
    try:
        return one.module.describe(one.unit.key).realness is not Realness.SIMULATED
    except Exception as error:  # as above
        say(f"{one.key}: it cannot be described: {_in_a_line(error)}")
        return False


def _in_a_line(error: Exception) -> str:
    return f"{type(error).__name__}: {said(error)}"
