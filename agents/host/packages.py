"""For which machines an installed package was built, by the tags that its wheel came with.

A wheel for another architecture gets here by a copied environment or by a wheelhouse that was made
for another board: pip looks at the name of a file, and nobody at what is installed.
"""

from __future__ import annotations

import importlib.metadata
import platform

_FAMILIES = {
    "x86": ("x86_64", "amd64", "i686", "i386"),
    "ARM": ("aarch64", "arm64", "armv8l", "armv7l", "armv6l"),
    "RISC-V": ("riscv64",),
    "POWER": ("ppc64le",),
    "S/390": ("s390x",),
}
"""Architectures whose processors run each other's programs, at least some do."""


def built_for(distribution: str) -> tuple[str, ...]:
    """The architectures that its wheel names, sorted; empty for any, and where nobody says."""
    try:
        told = importlib.metadata.distribution(distribution).read_text("WHEEL") or ""
    except (importlib.metadata.PackageNotFoundError, ValueError):  # it is no package
        return ()
    tags = [line.partition(":")[2] for line in told.splitlines() if line.startswith("Tag:")]
    platforms = [one for tag in tags for one in tag.strip().rpartition("-")[2].split(".")]
    found = {_architecture(one) for one in platforms}
    return () if "" in found else tuple(sorted(found))


def foreign(distribution: str, machine: str = "") -> str:
    """Why an installed package cannot be loaded here, as a sentence; empty where it may be.

    Args:
        distribution: name of the package.
        machine: name of this machine's architecture; asked from the kernel when not given.
    """
    here = machine or platform.machine()
    wheel = built_for(distribution)
    if not wheel or _family(here) in map(_family, wheel):
        return ""
    version = importlib.metadata.version(distribution)
    return (
        f"The package {distribution} {version} was built for {' and '.join(wheel)}, and this"
        f" machine is {here}."
    )


def _architecture(platform_tag: str) -> str:
    """Of ``manylinux_2_27_aarch64``: aarch64; empty for a tag that names none."""
    known = (one for names in _FAMILIES.values() for one in names)
    return next((one for one in known if platform_tag.endswith(f"_{one}")), "")


def _family(architecture: str) -> str:
    found = (name for name, of in _FAMILIES.items() if architecture in of)
    return next(found, architecture)
