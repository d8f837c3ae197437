"""What a .pte file says of itself: methods, their inputs and outputs, what executes which part.

After `schema/program.fbs` of ExecuTorch and its extended header: the flatbuffer of the program,
then segments, where weights and what delegates were compiled to lie. What is inside a delegate is
its own: its operators and types are not told here. A program has no names for inputs and outputs;
ours say them in two constant methods.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...vocabulary.errors import BadInput, BitgaugeError, Code, Refused
from .flatbuffer import MAX_PTE_ITEMS, Damaged, Table

IDENTIFIER = b"ET12"
SCHEMA_VERSION = 0
FORWARD = "forward"
INPUT_NAMES, OUTPUT_NAMES = "bitgauge_inputs", "bitgauge_outputs"
"""Constant methods that hold names, separated by line ends."""
MAX_PTE_BYTES = 16 << 30
MAX_PTE_PROGRAM_BYTES = 256 << 20

_EXTENDED = b"eh00"
_HEADER = struct.Struct("<4sIQQ")
_TYPES = {
    **{0: "uint8", 1: "int8", 2: "int16", 3: "int32", 4: "int64", 5: "float16", 6: "float32"},
    **{7: "float64", 11: "bool", 15: "bfloat16", 27: "uint16", 28: "uint32", 29: "uint64"},
}
_TENSOR, _STRING = 5, 6  # places in the union KernelTypes, from 1
_KERNEL_CALL, _DELEGATE_CALL, _JUMP = 1, 2, 4  # the same of InstructionArguments


@dataclass(frozen=True, slots=True)
class PteTensor:
    """An input or output.

    Attributes:
        dtype: numpy's name, or the number of a type that is not known.
        shape: None for a size that a call may choose up to the one that was exported.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class PteStep:
    """One instruction of a method.

    Attributes:
        operator: as ``aten::add.out``; "" for a delegate.
        delegate: name of what executes it; "" for an operator of the library's own.
    """

    operator: str
    delegate: str


@dataclass(frozen=True, slots=True)
class PteProgram:
    """One file.

    Attributes:
        methods: names of all methods.
        steps: of method `forward`, in order; moves and releases left out.
        segment_bytes: of what lies behind the program: weights, and what delegates compiled.
    """

    methods: tuple[str, ...]
    inputs: tuple[PteTensor, ...]
    outputs: tuple[PteTensor, ...]
    steps: tuple[PteStep, ...]
    segment_bytes: int

    @property
    def delegates(self) -> Mapping[str, int]:
        """How many pieces each delegate executes."""
        names = [one.delegate for one in self.steps if one.delegate]
        return {name: names.count(name) for name in sorted(set(names))}

    @property
    def operators(self) -> Mapping[str, int]:
        """How often each operator of the library's own is called."""
        names = [one.operator for one in self.steps if one.operator]
        return {name: names.count(name) for name in sorted(set(names))}


def read(path: Path, label: str) -> PteProgram:
    """What the file at `path` is.

    Args:
        path: of the file.
        label: what it is called in every sentence.

    Raises:
        BitgaugeError: it is no whole program of a version that is known here, or has no method
            `forward` of plain tensors.
    """
    size = path.stat().st_size
    if size > MAX_PTE_BYTES:
        raise BadInput(Code.BAD_MODEL, f"{label} is larger than {MAX_PTE_BYTES >> 30} GiB.")
    with path.open("rb") as file:
        head = file.read(8 + _HEADER.size + 8)
        if len(head) < 8 or head[4:8] != IDENTIFIER:
            raise _no_program(head, label)
        whole, segments = _sizes(head, size, label)
        file.seek(0)
        data = file.read(whole)
    try:
        return _program(data, segments, label)
    except BitgaugeError:
        raise
    except Damaged as error:
        raise BadInput(
            Code.BAD_MODEL, f"{label} is damaged: it should hold {error}; export it again."
        ) from error


def _no_program(head: bytes, label: str) -> BitgaugeError:
    if head[4:6] == IDENTIFIER[:2]:
        other = head[4:8].decode("ascii", "replace")
        return Refused(
            Code.UNSUPPORTED_ARTIFACT,
            f"{label} is a program of ExecuTorch in format {other!r}; {IDENTIFIER.decode()} is"
            " known here: export it again with a version of today.",
        )
    return BadInput(Code.BAD_MODEL, f"{label} is no program of ExecuTorch (.pte).")


def _sizes(head: bytes, size: int, label: str) -> tuple[int, int]:
    """Bytes of the program and of its segments.

    Raises:
        BadInput: they are not in the file.
    """
    if head[8:12] != _EXTENDED:
        if size > MAX_PTE_PROGRAM_BYTES:
            raise BadInput(
                Code.BAD_MODEL,
                f"{label} holds its weights in its program: export it again with segments.",
            )
        return size, 0
    if len(head) < 8 + _HEADER.size:
        raise BadInput(Code.BAD_MODEL, f"{label} ends within its header.")
    _, length, whole, base = _HEADER.unpack_from(head, 8)
    held = struct.unpack_from("<Q", head, 8 + _HEADER.size)[0] if length >= 32 else size - base
    cut = whole > size or (base and base + held > size)
    if cut or whole < 8 + _HEADER.size or whole > MAX_PTE_PROGRAM_BYTES:
        raise BadInput(
            Code.BAD_MODEL,
            f"{label} has {size} bytes and should have {max(whole, base + held)}: it was cut off.",
        )
    return whole, held if base else 0


def _program(data: bytes, segments: int, label: str) -> PteProgram:
    root = Table.root(data)
    version = root.number(0, "<I")
    if version != SCHEMA_VERSION:
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT,
            f"{label} is a program of ExecuTorch in version {version} of its schema; version"
            f" {SCHEMA_VERSION} is known here.",
        )
    for one in root.tables(4):
        if one.number(0, "<Q") + one.number(1, "<Q") > segments:
            raise Damaged("a segment that is not in the file")
    plans = {one.text(0): one for one in root.tables(1)}
    if FORWARD not in plans:
        listed = ", ".join(sorted(plans)) or "none"
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT,
            f"{label} has no method {FORWARD}, which is the one that is measured; it has {listed}.",
        )
    plan = plans[FORWARD]
    values = list(plan.tables(2))
    sides = [
        _tensors(values, plan.numbers(field, "<i"), _names(plans.get(method)), word, label)
        for field, method, word in ((3, INPUT_NAMES, "input"), (4, OUTPUT_NAMES, "output"))
    ]
    return PteProgram(
        methods=tuple(plans),
        inputs=sides[0],
        outputs=sides[1],
        steps=_steps(plan),
        segment_bytes=segments,
    )


def _names(plan: Table | None) -> tuple[str, ...]:
    """What a constant method holds."""
    if plan is None:
        return ()
    values, outputs = list(plan.tables(2)), plan.numbers(4, "<i")
    if len(outputs) != 1 or not 0 <= outputs[0] < len(values):
        return ()
    held = values[outputs[0]]
    inner = held.table(1)
    if held.number(0, "<B") != _STRING or inner is None:
        return ()
    return tuple(inner.text(0).split("\n"))


def _tensors(
    values: list[Table], numbers: tuple[int, ...], names: tuple[str, ...], word: str, label: str
) -> tuple[PteTensor, ...]:
    if len(set(names)) != len(numbers):
        names = tuple(f"{word}_{at}" for at in range(len(numbers)))
    found = []
    for name, number in zip(names, numbers, strict=True):
        if not 0 <= number < len(values):
            raise Damaged(f"value {number}")
        inner = values[number].table(1)
        if values[number].number(0, "<B") != _TENSOR or inner is None:
            raise Refused(Code.UNSUPPORTED_ARTIFACT, f"{label}: {word} {name!r} is no tensor.")
        kind = inner.number(0, "<b")
        sizes = inner.numbers(2, "<i")
        if any(size < 0 for size in sizes) or len(sizes) > 16:
            raise Damaged("sizes of a tensor")
        free = inner.number(8, "<b") != 0
        shape = tuple(None if free and at == 0 else size for at, size in enumerate(sizes))
        found.append(PteTensor(name, _TYPES.get(kind, f"type {kind}"), shape))
    return tuple(found)


def _steps(plan: Table) -> tuple[PteStep, ...]:
    operators = [(one.text(0), one.text(1)) for one in plan.tables(6)]
    delegates = [one.text(0) for one in plan.tables(7)]
    found: list[PteStep] = []
    for chain in plan.tables(5):
        for one in chain.tables(2):
            kind, inner = one.number(0, "<B"), one.table(1)
            if kind not in (_KERNEL_CALL, _DELEGATE_CALL):
                continue
            listed: list[object] = [*operators] if kind == _KERNEL_CALL else [*delegates]
            at = -1 if inner is None else inner.number(0, "<i")
            if not 0 <= at < len(listed):
                raise Damaged("an operator")
            if len(found) >= MAX_PTE_ITEMS:
                raise Damaged("fewer steps")
            if kind == _DELEGATE_CALL:
                found.append(PteStep("", delegates[at]))
            else:
                name, overload = operators[at]
                found.append(PteStep(f"{name}.{overload}" if overload else name, ""))
    return tuple(found)
