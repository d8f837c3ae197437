"""From a ``.pt2`` file to its program, without unpickling anything that is not a plain tensor.

`torch.export.load` unpickles weights, constants and sample inputs, and without restraint where the
restrained way fails. So a file is looked at first (`benchmarks.common.exported`), then each pickled
record by the names that it calls, then by the library's own restrained unpickler; and while the
library loads, every other way to unpickle is taken from it. Lines of code that a file brings to
guard its inputs are dropped: the session checks inputs itself.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.common.exported import program as exported
from bitgauge.benchmarks.common.exported.archive import damaged, refused
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused

from ...host.cuda import as_error
from . import place

LABEL = "The artifact"

MAX_PICKLED_BYTES = 256 << 20
"""One pickled weight; a tensor made of several is written as one."""
MAX_PICKLE_STEPS = 1_000_000
"""Steps of the pickle of one weight: a few dozen, and as many as it has inner tensors."""

_IMPORTS = ("STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4")
_PLAIN = frozenset(
    (
        *("torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter"),
        "torch._utils _rebuild_tensor_v3",  # of types without a storage of their own: float8
        *("torch._utils _rebuild_wrapper_subclass", "torch._tensor _rebuild_from_type_v2"),
        *("torch.serialization _get_layout", "torch device", "torch Size", "torch Tensor"),
        *("torch.nn.parameter Parameter", "collections OrderedDict"),
    )
)
_STORAGES = ("Float", "Half", "BFloat16", "Double", "Char", "Byte", "Short", "Int", "Long", "Bool")
_TYPES = (
    *("float32", "float16", "bfloat16", "float64", "int8", "uint8", "int16", "int32", "int64"),
    *("bool", "int4", "uint4", "float8_e4m3fn", "float8_e5m2", "strided", "int1", "int2", "int3"),
    *("int5", "int6", "int7", "uint1", "uint2", "uint3", "uint5", "uint6", "uint7"),
)
_ALLOWED = (
    _PLAIN
    | {f"torch {one}Storage" for one in _STORAGES}
    | {f"torch.storage {one}" for one in ("UntypedStorage", "_load_from_bytes")[:1]}
    | {f"torch {one}" for one in _TYPES}
)
_TENSORS_OF_TORCHAO = frozenset(
    (
        *(
            "Int8Tensor",
            "QuantizeTensorToInt8Kwargs",
            "Float8Tensor",
            "QuantizeTensorToFloat8Kwargs",
        ),
        *("IntxUnpackedToInt8Tensor", "IntxUnpackedToInt8TensorActivationQuantization"),
        *("Int4Tensor", "Int4TilePackedTo4dTensor", "IntxOpaqueTensor", "IntxPackingFormat"),
        *("AffineQuantizedTensor", "LinearActivationQuantizedTensor", "PlainLayout"),
        *("PlainAQTTensorImpl", "PerRow", "PerTensor", "PerBlock", "PerGroup", "PerAxis"),
        *("MappingType", "ZeroPointDomain", "KernelPreference", "Float8MMConfig"),
        *("Float8PackingFormat", "Int4PackingFormat", "Int8PackingFormat"),
    )
)
"""Tensors of torchao that hold plain ones, and the words that they are described with."""
_NOTES = ("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn", "custom", "from_node")


def described(path: Path) -> exported.Program:
    """What the file says that it is; nothing of it is loaded.

    Raises:
        BadInput: it may not be loaded, or is damaged.
    """
    found = exported.read(path, LABEL)
    for one in found.pickled:
        _check_pickled(path, one)
    return found


def load(path: Path, found: exported.Program) -> Any:
    """The library's `ExportedProgram`; see `described`, which comes first.

    Raises:
        BitgaugeError: it cannot be loaded here.
    """
    import torch

    _register(found)
    _agree(path)
    with _restrained():
        for one in found.pickled:
            record = torch._C.PyTorchFileReader(str(path)).get_record(one.record)
            torch.load(io.BytesIO(record), weights_only=True, map_location="cpu")
        made = torch.export.load(str(path))
    made._guards_code = []
    _check_graphs(made)
    return made


def _register(found: exported.Program) -> None:
    """Imports who knows the operators and tensors of the file."""
    kinds = {one.kind.partition(".")[0] for one in found.operators}
    if kinds & {"quantized_decomposed"}:
        importlib.import_module("torch.ao.quantization.fx._decomposed")
    if "torchvision" in kinds and importlib.util.find_spec("torchvision") is None:
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT,
            "The artifact has operators of torchvision, which is missing.",
        )
    if found.pickled or "torchao" in kinds:
        if importlib.util.find_spec("torchao") is None:
            raise Refused(
                Code.UNSUPPORTED_ARTIFACT,
                "The artifact holds tensors of torchao, which is not installed on this device;"
                " install it with: pip install torchao.",
            )
        importlib.import_module("torchao.quantization")


def _check_pickled(path: Path, one: exported.Pickled) -> None:
    """Refuses a pickle that calls anything beside the makers of tensors."""
    with zipfile.ZipFile(path) as archive:
        root = archive.namelist()[0].split("/", 1)[0]
        if archive.getinfo(f"{root}/{one.record}").file_size > MAX_PICKLED_BYTES:
            raise damaged(LABEL, f"its pickled record {one.name[:80]!r} is larger than 256 MiB")
        record = archive.read(f"{root}/{one.record}")
    if record[:4] != b"PK\x03\x04":
        raise refused(LABEL, f"a raw pickle where weight {one.name[:80]!r} should be")
    try:
        with zipfile.ZipFile(io.BytesIO(record)) as inner:
            if sum(info.file_size for info in inner.infolist()) > 2 * MAX_PICKLED_BYTES:
                raise damaged(LABEL, f"weight {one.name[:80]!r} unpacks to more than 512 MiB")
            names = [info for info in inner.namelist() if info.endswith("/data.pkl")]
            called = {name for at in names for name in _called(inner.read(at))}
    except (zipfile.BadZipFile, NotImplementedError, ValueError, RuntimeError) as error:
        raise damaged(LABEL, f"its pickled weight {one.name[:80]!r} is cut or damaged") from error
    if len(names) != 1:
        raise damaged(LABEL, f"its pickled weight {one.name[:80]!r} is none")
    if foreign := sorted(name for name in called if not _allowed(name)):
        raise refused(LABEL, f"a pickle that calls {foreign[0][:80]!r}, which no tensor needs")


def _called(pickled: bytes) -> Iterator[str]:
    """What a pickle names to call, as ``module name``."""
    for step, (opcode, argument, _) in enumerate(pickletools.genops(pickled)):
        if step > MAX_PICKLE_STEPS:
            raise ValueError("too many steps")
        if opcode.name == "GLOBAL":
            yield str(argument)
        elif opcode.name in _IMPORTS:
            yield f"{opcode.name} {argument}"


def _allowed(name: str) -> bool:
    module, _, attribute = name.partition(" ")
    of_torchao = module == "torchao" or module.startswith("torchao.")
    return name in _ALLOWED or (of_torchao and attribute in _TENSORS_OF_TORCHAO)


def _agree(path: Path) -> None:
    """The library's reader sees the records that were looked at, and no others."""
    import torch

    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
    root = infos[0].filename.split("/", 1)[0]
    looked_at = {info.filename.removeprefix(f"{root}/"): info.file_size for info in infos}
    reader = torch._C.PyTorchFileReader(str(path))
    seen = {name: reader.get_record_size(name) for name in reader.get_all_records()}
    if seen != looked_at:
        raise damaged(LABEL, "its zip directory can be read in two ways")


class _NoPickle:
    """Stands where the library keeps the module `pickle`."""

    def __getattr__(self, name: str) -> Any:
        raise refused(LABEL, "a pickle where none belongs")


@contextlib.contextmanager
def _restrained() -> Iterator[None]:
    """No pickle but through the library's restrained unpickler, whatever it falls back to."""
    import torch
    from torch.export.pt2_archive import _package as package

    def refuse(*_: object, **__: object) -> Any:
        raise refused(LABEL, "an object of a class, which only a pickle makes")

    unpickle = torch.load

    def restrained(*given: Any, **named: Any) -> Any:
        return unpickle(*given, **{**named, "weights_only": True})

    replaced = (
        (torch, "load", restrained),
        (package, "pickle", _NoPickle()),
        (torch._C, "_pickle_load_obj", refuse),
    )
    kept = [(owner, name, getattr(owner, name)) for owner, name, _ in replaced]
    try:
        for owner, name, value in replaced:
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in kept:
            setattr(owner, name, value)


def _check_graphs(made: Any) -> None:
    """Operators are operators, also once their names have become objects; notes are dropped."""
    import torch

    operators = (torch._ops.OpOverload, torch._ops.HigherOrderOperator)
    for module in made.graph_module.modules():
        for node in getattr(getattr(module, "graph", None), "nodes", ()):
            modules = (getattr(node.target, "__module__", None) or "").split(".")[0]
            known = isinstance(node.target, operators) or modules in ("_operator", "math", "torch")
            if node.op == "call_function" and not known:
                raise refused(LABEL, f"operator {str(node.target)[:80]!r}, which is none")
            for note in _NOTES:
                node.meta.pop(note, None)


def explained(error: Exception, *, loading: bool, written_by: str = "") -> BitgaugeError:
    """One sentence of what the library said, under the code of who must act.

    Args:
        error: what it raised.
        loading: while the session was made; else while it ran.
        written_by: the version that wrote the file, where that is known.
    """
    import torch
    from bitgauge.benchmarks.common.said import said
    from bitgauge.benchmarks.vocabulary.errors import BadInput

    if isinstance(error, BitgaugeError):
        return error
    if (of_card := as_error(error)) is not None:
        whose = place.no_memory() if of_card.code is Code.OUT_OF_DEVICE_MEMORY else ""
        return Refused(of_card.code, f"{of_card.sentence[:-1]}: {whose}.") if whose else of_card
    sentence = f"PyTorch says: {said(error)}."
    ours = str(torch.__version__).partition("+")[0]
    if loading and written_by and written_by.partition("+")[0] != ours:
        sentence += f" Version {written_by[:20]} wrote the file, and {ours} is on this device."
    text = f"{type(error).__name__} {error}".lower()
    if any(word in text for word in _NO_MEMORY):
        return Refused(Code.OUT_OF_MEMORY, sentence)
    if any(word in text for word in _NOT_HERE):
        return Refused(Code.UNSUPPORTED_ARTIFACT, sentence)
    if loading:
        return BadInput(Code.BAD_MODEL, sentence)
    return Refused(Code.RUN_FAILED, sentence)


_NO_MEMORY = ("bad_alloc", "not enough memory", "out of memory", "can't allocate memory")
_NOT_HERE = (
    *("notimplementederror", "failed to resolve", "not implemented for", "could not run"),
    *("no kernel", "not compiled with", "didn't find engine"),
)
