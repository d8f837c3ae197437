"""An engine as it is kept: what it was built of and for, and the bytes.

An engine is a program for one card, driver and version of the library, and the library's own
checks are none against an altered file. So it is never taken from outside (DESIGN 11.11): what is
kept was built on this device, the agent seals it with a key of its own (`storage.built`), and a
child runs one only where its key is that of this very launch. Whatever differs, it is built again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from bitgauge.benchmarks.vocabulary.values.devices import StackItem

_MAGIC = b"bitgauge.engine/1\n"
_LENGTH_BYTES = 8
_MOST_HEADER = 64 << 20
OF_CARD = (
    *("driver", "cuda_driver", "gpu.model", "gpu.compute_capability", "gpu.memory_bytes"),
    *("gpu.mig", "gpu.clocks", "power_mode"),
)
"""What of a device decides which kernels are fastest there, and so which engine is built."""

NO_TIMES = "none"
"""Digest of the timing cache of a build that begins without one."""


@dataclass(frozen=True, slots=True)
class EngineKey:
    """Everything that decides which engine is built.

    Attributes:
        artifact: SHA-256 of the ONNX file; what lies beside it is in the digest by which the agent
            finds what was built.
        library: the library and its version.
        card: of `OF_CARD`, what the device tells.
        options: of the session and the build, such as the batch.
        timings: SHA-256 of the timing cache that the build begins with, or `NO_TIMES`.
    """

    artifact: str
    library: str
    card: tuple[tuple[str, str], ...]
    options: tuple[tuple[str, str], ...]
    timings: str = NO_TIMES

    @property
    def digest(self) -> str:
        """One digest of all of it."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()


@dataclass(frozen=True, slots=True)
class KeptEngine:
    """An engine, and what is known of its build.

    Attributes:
        key: digest of its `EngineKey`.
        engine: as the library serialized it.
        timings: the timing cache that the build left; empty where there is none.
        seconds: how long it took.
        twin: how another build of the same differs, in words; "" where none was made.
    """

    key: str
    engine: bytes
    timings: bytes = b""
    seconds: float = 0.0
    twin: str = ""


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    engine_bytes: int
    timings_bytes: int
    seconds: float
    twin: str


def key_of(
    artifact: Path, library: str, stack: Iterable[StackItem], options: Mapping[str, str]
) -> EngineKey:
    """The key of one launch.

    Args:
        artifact: its file.
        library: name and version.
        stack: of the device.
        options: all that the build is told.
    """
    told = {one.name: one.value for one in stack}
    return EngineKey(
        artifact=_digest(artifact),
        library=library,
        card=tuple((name, told[name]) for name in OF_CARD if name in told),
        options=tuple(sorted(options.items())),
    )


def _digest(artifact: Path) -> str:
    with artifact.open("rb") as file:
        total = hashlib.sha256()
        while block := file.read(1 << 20):
            total.update(block)
    return total.hexdigest()


def packed(built: KeptEngine) -> bytes:
    """As it is kept."""
    header = msgspec.json.encode(
        _Header(built.key, len(built.engine), len(built.timings), built.seconds, built.twin)
    )
    length = len(header).to_bytes(_LENGTH_BYTES, "big")
    return b"".join((_MAGIC, length, header, built.engine, built.timings))


def unpacked(data: bytes, key: EngineKey) -> KeptEngine | None:
    """What was kept, where it was built for this key; None for anything else."""
    start = len(_MAGIC) + _LENGTH_BYTES
    length = int.from_bytes(data[len(_MAGIC) : start], "big")
    if not data.startswith(_MAGIC) or length > min(len(data), _MOST_HEADER):
        return None
    try:
        header = msgspec.json.decode(data[start : start + length], type=_Header)
    except msgspec.DecodeError:
        return None
    engine_at = start + length
    timings_at = engine_at + header.engine_bytes
    sizes = (header.engine_bytes, header.timings_bytes)
    whole = min(sizes) >= 0 and timings_at + header.timings_bytes == len(data)
    if header.key != key.digest or not whole or not header.engine_bytes:
        return None
    return KeptEngine(
        header.key, data[engine_at:timings_at], data[timings_at:], header.seconds, header.twin
    )
