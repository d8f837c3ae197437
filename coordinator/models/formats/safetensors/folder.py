"""The files of a folder that hold weights: those that its index names, else the one there is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bitgauge.benchmarks.common.folders.objects import object_in, section, wrong
from bitgauge.benchmarks.common.manifest import MAX_FILES, what_is_wrong
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

from .header import MAX_TENSORS, TensorHeader, tensors_in

INDEX = "model.safetensors.index.json"
ALONE = "model.safetensors"
MAX_INDEX_BYTES = 16 << 20
_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json", "model.pt", "pytorch_model.pt")
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class WeightFiles:
    """What holds the weights of a folder.

    Attributes:
        names: of the files, relative to the folder, in alphabetical order.
        index: name of the file that says which tensor is in which; empty for one file.
        placed: that file of each tensor; empty without an index.
    """

    names: tuple[str, ...]
    index: str
    placed: dict[str, str]


def weight_files(folder: Path, label: str) -> WeightFiles:
    """Which files of `folder` hold the weights of `label`.

    Raises:
        BadInput: REFUSED_FORMAT, they are pickles; BAD_MODEL, there are none; EXTERNAL_DATA, one
            lies outside the folder.
    """
    if not (folder / INDEX).exists():
        if (folder / ALONE).exists():
            return WeightFiles((ALONE,), "", {})
        raise _without(folder, label)
    what = f"The index of {label}"
    placed = section(object_in(folder / INDEX, what, MAX_INDEX_BYTES), "weight_map", what)
    for name in placed.values():
        if not isinstance(name, str) or not name.endswith(".safetensors"):
            raise wrong(what, f"keeps a tensor in {str(name)[:_SHOWN]!r}, which is no .safetensors")
        if why := what_is_wrong(name):
            raise BadInput(Code.EXTERNAL_DATA, f"{what} names {name[:_SHOWN]!r}, which {why}.")
    names = tuple(sorted(set(placed.values())))
    if not 0 < len(names) < MAX_FILES:
        raise wrong(what, f"names {len(names)} files")
    return WeightFiles(names, INDEX, placed)


def tensors_of(files: WeightFiles, folder: Path, label: str) -> dict[str, TensorHeader]:
    """Every tensor of a folder by name, as the headers of its files have them.

    Raises:
        BadInput: BAD_MODEL or EXTERNAL_DATA, a file is not there, a link, or not as it says.
    """
    found: dict[str, TensorHeader] = {}
    for name in files.names:
        held = tensors_in(within(folder, name, label), f"{name[:_SHOWN]} of {label}")
        if files.index and any(files.placed.get(one) != name for one in held):
            raise wrong(
                label, f"has tensors in {name[:_SHOWN]} that its index does not place there"
            )
        found |= held
    if len(found) > MAX_TENSORS:
        raise wrong(label, f"has {len(found)} tensors; {MAX_TENSORS} are taken")
    if missing := sorted(set(files.placed) - set(found)):
        raise wrong(label, f"lacks tensor {missing[0][:_SHOWN]!r}, which its index places")
    if not found:
        raise wrong(label, "holds no tensor")
    return found


def within(folder: Path, name: str, label: str) -> Path:
    """A plain file of a folder.

    Raises:
        BadInput: EXTERNAL_DATA, it is not there, or is a link or no plain file.
    """
    path = folder / name
    if not path.exists():
        raise BadInput(
            Code.EXTERNAL_DATA, f"{label} needs {name[:_SHOWN]!r}, which is not beside it."
        )
    steps = [path, *path.parents[: len(Path(name).parts) - 1]]
    if any(step.is_symlink() for step in steps) or not path.is_file():
        raise BadInput(
            Code.EXTERNAL_DATA,
            f"{label} needs {name[:_SHOWN]!r}, which is a link or no plain file.",
        )
    return path


def _without(folder: Path, label: str) -> BadInput:
    """Why a folder has no weights that are taken."""
    pickled = next((name for name in _PICKLES if (folder / name).exists()), "")
    if pickled:
        return BadInput(
            Code.REFUSED_FORMAT,
            f"{label} keeps its weights in {pickled}, a pickle, which is a program; save the model"
            " with safe_serialization=True.",
        )
    return wrong(label, f"has no weights beside it: neither {ALONE} nor {INDEX} is there")
