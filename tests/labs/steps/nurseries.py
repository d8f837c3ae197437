"""A nursery at each level of confinement that a machine has the means for."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from bitgauge.benchmarks.sandbox import landlock, seccomp
from bitgauge.benchmarks.vocabulary.errors import Refused
from bitgauge.coordinator.tasks.nursery.nursery import Nursery
from bitgauge.coordinator.tasks.nursery.order import Site

LEVELS = ("bwrap", "userns", "rlimits")
_ASKS = {
    "bwrap": ("bwrap", "--unshare-all", "--unshare-user", "--ro-bind", "/", "/", "true"),
    "userns": ("unshare", "--user", "--pid", "--net", "--fork", "true"),
}


def settled(site: Site) -> Nursery:
    """A nursery that works there; skips where the machine lacks the means for its level."""
    nursery = Nursery(site)
    try:
        nursery.settle()
    except Refused as error:
        if has_means(site.sandbox):
            raise
        pytest.skip(f"NOT RUN: {error.sentence}")
    return nursery


def has_means(level: str) -> bool:
    """Whether what a level is made of works here, asked without it."""
    if level == "userns" and not (landlock.version() and seccomp.known()):
        return False
    command = _ASKS.get(level, ("true",))
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
