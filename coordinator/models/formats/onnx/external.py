"""External data of an ONNX model: the files beside it that hold weights, found and checked.

Only files in the model's own folder or below count, each a plain file: what a location says else
is refused in one sentence, before anything reads it.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.common.manifest import what_is_wrong
from bitgauge.benchmarks.numerics.external_data import Whereabouts, bytes_of, is_external, place_of
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

MAX_SHARED = 4
"""Tensors, on average, that may have the same bytes of a file: tied weights are two."""
FREE_BYTES = 64 << 20
"""Of all tensors together, that may be shared as one likes."""
_SHOWN = 100


def names_files(path: Path) -> bool:
    """Whether the file at `path` may be a model that names others; False is certain."""
    if path.stat().st_size == 0:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(b"location") >= 0


def named_files(tensors: Iterable[Any], label: str) -> tuple[str, ...]:
    """The relative names of the files that hold the bytes of `tensors`.

    Raises:
        BadInput: `EXTERNAL_DATA`, a tensor names no file inside the model's folder.
    """
    return tuple(sorted({_placed(one, label).name for one in tensors if is_external(one)}))


def check_files(tensors: Iterable[Any], folder: Path | None, label: str) -> int:
    """Looks at every file that holds the bytes of `tensors`; all of them together, in bytes.

    Args:
        tensors: of a model.
        folder: in which the model lies with its files; None when it is alone.
        label: what the model is called.

    Raises:
        BadInput: `EXTERNAL_DATA`, a file is not there, is a link, or is too short for a tensor.
    """
    outside = [(one, _placed(one, label)) for one in tensors if is_external(one)]
    names = sorted({place.name for _, place in outside})
    sizes = {name: _size(folder, name, label) for name in names}
    _require_few_sharers(sum(bytes_of(one) for one, _ in outside), sum(sizes.values()), label)
    for tensor, place in outside:
        needed = bytes_of(tensor)
        if place.length not in (None, needed):
            raise _bad(
                f"{label} gives {place.length} bytes to tensor {tensor.name[:_SHOWN]!r}, whose type"
                f" and shape take {needed}."
            )
        if place.offset < 0 or place.offset + needed > sizes[place.name]:
            raise _bad(
                f"{label} wants bytes {place.offset} to {place.offset + needed} of"
                f" {place.name[:_SHOWN]!r} for tensor {tensor.name[:_SHOWN]!r}; that file has"
                f" {sizes[place.name]}."
            )
    return sum(sizes.values())


def _require_few_sharers(claimed: int, there: int, label: str) -> None:
    """Refuse a small file of which many large tensors are made."""
    if claimed > FREE_BYTES + MAX_SHARED * there:
        raise _bad(
            f"{label} takes {claimed} bytes of tensors from files of {there}: more than"
            f" {MAX_SHARED} tensors have the same bytes."
        )


def without_files(model: Any) -> Any:
    """A copy of a model whose external tensors are empty ones, for onnx's own checker.

    The checker looks for the files itself, and not where ours are; what it would find is checked
    here. It compares no shapes.
    """
    import onnx
    from bitgauge.benchmarks.numerics.external_data import tensors

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for tensor in tensors(copy):
        if is_external(tensor):
            tensor.ClearField("external_data")
            tensor.ClearField("data_location")
            tensor.dims[:] = [0]
    return copy


def _placed(tensor: Any, label: str) -> Whereabouts:
    what = f"{label} keeps tensor {tensor.name[:_SHOWN]!r} outside"
    try:
        place = place_of(tensor)
    except ValueError:
        raise _bad(f"{what}, at an offset or of a length that is no number.") from None
    if not place.name:
        raise _bad(f"{what} and names no file.")
    if why := what_is_wrong(place.name):
        raise _bad(f"{what}, in {place.name[:_SHOWN]!r}, which {why}.")
    return place


def _size(folder: Path | None, name: str, label: str) -> int:
    path = folder / name if folder is not None else None
    if path is None or not path.exists():
        raise _bad(f"{label} keeps weights in {name[:_SHOWN]!r}, which is not beside it.")
    steps = [path, *path.parents[: len(Path(name).parts) - 1]]
    if any(step.is_symlink() for step in steps) or not path.is_file():
        raise _bad(f"{label} keeps weights in {name[:_SHOWN]!r}, which is a link or no plain file.")
    return path.stat().st_size


def _bad(sentence: str) -> BadInput:
    return BadInput(Code.EXTERNAL_DATA, sentence)
