"""Which level confines the steps of a nursery, found out by raising one that tries."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bitgauge.benchmarks.common.files import remove_tree
from bitgauge.benchmarks.common.plugins import plugin_folders
from bitgauge.benchmarks.sandbox.base import RLIMITS, Box, Level, levels, runtime_trees
from bitgauge.benchmarks.sandbox.found import Survey, considered, none_works
from bitgauge.benchmarks.sandbox.trial import fault

from ...decisions.steps import StepLimit
from .order import LOG, Order, Raised, Site
from .said import NoAnswer, said_in

_OUR_CODE = Path(__file__).parents[2]
_TRIAL = StepLimit(30.0, 1 << 30)
_GIVEN = "for steps"
_LONGEST_WORDS = 200

Raise = Callable[[Order, Level], Raised]


@dataclass(frozen=True, slots=True)
class Boxes:
    """What every step of a nursery may reach, besides its own.

    Attributes:
        folder: for their folders.
        trees: folders of programs and libraries.
        hidden: what none may see even when a tree holds it.
    """

    folder: Path
    trees: tuple[Path, ...]
    hidden: tuple[Path, ...]

    def box(self, folder: Path, inputs: Sequence[Path]) -> Box:
        """The box of a step with this folder and these inputs."""
        return Box(folder, tuple(inputs), self.trees, (), self.hidden)


def boxes_of(place: Site) -> Boxes:
    """The boxes of a nursery that works there."""
    folder = place.folder.resolve()
    hidden = tuple(one.resolve() for one in place.hidden)
    return Boxes(folder, runtime_trees((_OUR_CODE,), plugin_folders()), hidden)


def settled(place: Site, boxes: Boxes, raised: Raise) -> Survey:
    """The strongest level that works, or the wanted one.

    Args:
        place: says which is wanted.
        boxes: of the steps.
        raised: raises a step at a level.

    Raises:
        Refused: the wanted level does not work here.
    """
    refused: list[tuple[str, str]] = []
    for name, level in considered(place.sandbox, levels()).items():
        why = level.missing(boxes.box(boxes.folder, ())) or _tried(level, boxes, raised)
        if why is None:
            return Survey(level, tuple(refused))
        refused.append((name, why))
    raise none_works(place.sandbox, refused[0][1])


def _tried(level: Level, boxes: Boxes, raised: Raise) -> str | None:
    """Why a level does not work."""
    if level.NAME == RLIMITS:
        return None
    with tempfile.TemporaryDirectory(prefix="trial-", dir=boxes.folder) as name:
        place = Path(name)
        given, secret = place / "given", place / "secret"
        given.write_text(_GIVEN, "ascii")
        secret.write_text("not for steps", "ascii")
        network = os.stat("/proc/self/ns/net").st_ino
        after = raised(Order(_fault, (given, secret, network), _TRIAL, (given,)), level)
        try:
            if (place / "beside").exists() or given.read_text("ascii") != _GIVEN:
                return "a step under it could write outside its folder."
            wrong = said_in(after.folder, str | None) or _missing(after.folder)
        except NoAnswer:
            wrong = _last_words(after.folder)
        finally:
            remove_tree(after.folder)
        return f"a step under it said: {wrong}." if wrong else None


def _missing(folder: Path) -> str:
    return "" if (folder / "proof").exists() else "nothing"


def _fault(given: Path, secret: Path, network: int) -> str | None:
    return fault(Path.cwd(), given, secret, network)


def _last_words(folder: Path) -> str:
    lines = (folder / LOG).read_text("utf-8", "replace").strip().splitlines()
    return lines[-1][:_LONGEST_WORDS].rstrip(".") if lines else "nothing"
