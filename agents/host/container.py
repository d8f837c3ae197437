"""Whether this process lives in a container, and whose.

A container is no other device: the processor and its kernel are the host's. Its limits are its
own, though, and what sets clocks and frees sensors is out of its reach.

Sources: systemd's container interface (`/run/host/container-manager`, `/run/systemd/container`);
Podman makes `/run/.containerenv`, Docker `/.dockerenv` and mounts of its own over `/etc/hosts`;
Kubernetes mounts a service account.
"""

from __future__ import annotations

from pathlib import Path

from .files import text

_NAMED = ("run/host/container-manager", "run/systemd/container")
_KUBERNETES = "run/secrets/kubernetes.io"
_MARKS = {
    _KUBERNETES: "kubernetes",
    f"var/{_KUBERNETES}": "kubernetes",
    "run/.containerenv": "podman",
}


def container(root: Path) -> str | None:
    """What holds the container that a process below `root` lives in; None outside of one."""
    for place in _NAMED:
        if name := text(root / place):
            return name.split()[0]
    found = next((name for place, name in _MARKS.items() if (root / place).exists()), None)
    # The file alone may have come with a disk that was made of an image.
    docker = (root / ".dockerenv").exists() and _is_mounted(root, "/etc/hosts")
    return found or ("docker" if docker else None)


def _is_mounted(root: Path, place: str) -> bool:
    lines = text(root / "proc/self/mountinfo").splitlines()
    return any(line.split()[4:5] == [place] for line in lines)
