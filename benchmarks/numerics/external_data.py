"""ONNX models whose weights lie in further files: which files, which bytes, and the whole model.

A tensor says where its bytes are: a file in the model's folder or below, an offset and a length
(`TensorProto.external_data` in onnx.proto3). Reads protobuf messages of the onnx package, which is
imported inside functions; runs nothing. Onnx's own reader refuses files with several hard links,
which is how an agent gives a child the files of its cache; hence the few lines that read here.
"""

from __future__ import annotations

import posixpath
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from .onnx_operators import messages

MAX_MESSAGE_BYTES = (1 << 31) - 1
"""What protobuf holds in one message, and so the largest model that is one file."""

_ROOM_BYTES = 64 << 20
"""Of a message, for all that is no weight."""

_PACKED_BITS = {"INT4": 4, "UINT4": 4, "FLOAT4E2M1": 4, "INT2": 2, "UINT2": 2}


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where the bytes of a tensor are.

    Attributes:
        name: of the file, relative to the model's folder.
        offset: its first byte there.
        length: how many bytes; None: as many as the tensor needs.
    """

    name: str
    offset: int = 0
    length: int | None = None


def tensors(model: Any) -> Iterator[Any]:
    """Every tensor message of a model, wherever it stands."""
    return messages(model, "TensorProto")


def is_external(tensor: Any) -> bool:
    """Whether a tensor says that its bytes are elsewhere."""
    import onnx

    return bool(tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data)


def place_of(tensor: Any) -> Whereabouts:
    """Where the bytes of an external tensor are said to be.

    Raises:
        ValueError: it does not say that in numbers and a name, or says it twice.
    """
    keys = [entry.key for entry in tensor.external_data]
    if len(keys) > len(set(keys)):
        raise ValueError("it says so twice")
    said = {entry.key: entry.value for entry in tensor.external_data}
    length = said.get("length", "")
    name = said.get("location", "")
    # A path that goes nowhere else may be spelled with dots; one that does keeps them.
    tidy = posixpath.normpath(name) if name.strip() and not name.startswith("/") else name
    return Whereabouts(tidy, int(said.get("offset") or 0), int(length) if length else None)


def bytes_of(tensor: Any) -> int:
    """How many bytes the values of a tensor take.

    Raises:
        KeyError: its type is none of fixed size.
    """
    import onnx

    bits = _PACKED_BITS.get(onnx.TensorProto.DataType.Name(tensor.data_type))
    if bits is None:
        bits = 8 * int(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize)
    return -(-prod(int(size) for size in tensor.dims) * bits // 8)


def inside(tensor: Any, folder: Path) -> Any:
    """The tensor with its bytes in itself; one that is not external as it is.

    Raises:
        OSError: its file cannot be read.
        ValueError: its file is too short.
    """
    if not is_external(tensor):
        return tensor
    import onnx

    place, size = place_of(tensor), bytes_of(tensor)
    with (folder / place.name).open("rb") as file:
        file.seek(place.offset)
        data = file.read(size)
    if len(data) != size:
        raise ValueError(f"{place.name} ends before the values of {tensor.name}")
    held = onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, raw_data=data)
    held.dims.extend(tensor.dims)
    return held


def whole_model(path: Path, folder: Path | None = None) -> bytes:
    """The model at `path` as one file, which may be large.

    Args:
        path: of the model.
        folder: in which the files lie that it names, when they are not beside it.

    Raises:
        OSError: a file of it cannot be read.
        ValueError: it does not fit into one file, a file of it is too short, or the package onnx,
            which reads it, is missing.
    """
    data = path.read_bytes()
    if b"location" not in data:
        return data
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise ValueError("package onnx, which reads it, is not installed") from error
    model = onnx.load_model_from_string(data)
    outside = [one for one in tensors(model) if is_external(one)]
    if len(data) + sum(map(bytes_of, outside)) > MAX_MESSAGE_BYTES:
        raise ValueError("its weights do not fit into one file")
    for tensor in outside:
        tensor.CopyFrom(inside(tensor, folder or path.parent))
    return bytes(model.SerializeToString()) if outside else data


def is_large(path: Path) -> bool:
    """Whether a model with all its files is more than one message holds."""
    return size_of(path) > MAX_MESSAGE_BYTES - _ROOM_BYTES


def size_of(path: Path) -> int:
    """Size in bytes of a model with the files beside it that hold its weights.

    Raises:
        OSError: a file of it is not there.
    """
    return path.stat().st_size + sum((path.parent / one).stat().st_size for one in _names(path))


def save_model(model: Any, path: Path) -> None:
    """Writes a model: one file, or weights in a second one when one file cannot hold it."""
    import onnx

    held = sum(bytes_of(one) for one in tensors(model) if not is_external(one))
    if held <= MAX_MESSAGE_BYTES - _ROOM_BYTES:
        path.write_bytes(model.SerializeToString(deterministic=True))
        return
    onnx.save(model, str(path), save_as_external_data=True, location=f"{path.name}.data")


def copy_model(source: Path, target: Path) -> None:
    """Copies a model with the files that hold its weights; they keep their names.

    Raises:
        OSError: a file of it cannot be read or written.
    """
    shutil.copyfile(source, target)
    for name in _names(source):
        (target.parent / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source.parent / name, target.parent / name)


def _names(path: Path) -> list[str]:
    """The files beside a model in which it keeps weights."""
    data = path.read_bytes() if path.stat().st_size <= MAX_MESSAGE_BYTES else b""
    if b"location" not in data:
        return []
    import onnx

    model = onnx.load_model_from_string(data)
    return sorted({place_of(one).name for one in tensors(model) if is_external(one)})
