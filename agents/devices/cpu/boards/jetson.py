"""NVIDIA Jetson: its power mode, its release, and whether its clocks are held.

Sources: NVIDIA's Jetson Linux developer guide: `nvpmodel` keeps the mode in
/var/lib/nvpmodel/status and names the modes in /etc/nvpmodel.conf; /etc/nv_tegra_release says the
release; `jetson_clocks` sets the lowest frequency of each processor to the highest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ....host.files import text
from . import Hindrance, Run

_MODE = re.compile(r"pmode:\s*(\d+)")
_NAMED = re.compile(r"<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=(\S+?)\s*>")
_RELEASE = re.compile(r"R(\d+) \(release\), REVISION: ([\d.]+)")


def is_here(root: Path) -> bool:
    """By the device tree: every Jetson carries a Tegra."""
    return "nvidia,tegra" in text(root / "proc/device-tree/compatible")


def stack(root: Path) -> dict[str, str]:
    """Power mode and release of the system."""
    release = _RELEASE.search(text(root / "etc/nv_tegra_release"))
    found = {
        "power_mode": _mode(root) or "",
        "firmware": f"L4T {release[1]}.{release[2]}" if release else "",
    }
    return {name: value for name, value in found.items() if value}


def preflight(root: Path) -> dict[str, str | None]:
    """Whether the clocks are held at their highest."""
    return {"clocks_held": _held(root)}


def hindrances(root: Path, run: Run) -> Iterator[Hindrance]:
    """Clocks that follow the load."""
    if _held(root) == "no":
        yield Hindrance(
            "the clocks follow the load",
            "A short block runs slower than a long one.",
            "as root: jetson_clocks",
        )


def _mode(root: Path) -> str | None:
    """The power mode by name, else by number."""
    number = _MODE.search(text(root / "var/lib/nvpmodel/status"))
    if number is None:
        return None
    names = dict(_NAMED.findall(text(root / "etc/nvpmodel.conf")))
    return str(names.get(str(int(number[1])), f"mode {int(number[1])}"))


def _held(root: Path) -> str | None:
    policies = sorted((root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq"))
    ends = [(text(one / "scaling_min_freq"), text(one / "scaling_max_freq")) for one in policies]
    if not ends or any("" in pair for pair in ends):
        return None
    return "yes" if all(low == high for low, high in ends) else "no"
