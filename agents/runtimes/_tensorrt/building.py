"""An engine is built of an ONNX file, in the types that the file says and no others.

The network is strongly typed: what is to be computed in integers or halves, the artifact says by
its Q/DQ pairs and casts. TensorRT 11 knows no other way; in 10 it has to be asked for. TF32 is off,
because a float row has to be of float, and NaNs are kept to IEEE's rules where the version can.

Names of variables are those of the library's classes (`builder` is a `Builder`): a test holds every
attribute that is used of them against the published bindings.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, Refused

from ...host import cuda
from . import refusals
from .flavours import EngineLibrary, Flavour
from .progress import BuildProgress, monitor
from .shapes import SizeRange, ranges

Tells = Callable[[float], None]
"""Told the share of a build that is done; what it raises ends the build."""

_NO_CARD = (Code.DRIVER_TOO_OLD, Code.DRIVER_MISSING, Code.DEVICE_HIDDEN, Code.DEVICE_TAKEN)
_ENGINES = (b"ptrt", b"ftrt", b"vtrt")
"""How serialized engines begin."""


@dataclass(frozen=True, slots=True)
class BuildWants:
    """How an engine is to be built.

    Attributes:
        batch: the most samples of a call, for which kernels are chosen.
        capabilities: compute capabilities as ``SM89``, for who compiles ahead of time; empty:
            those of the present card.
        debug: keep tensors that no fusion swallows, to be looked at.
        timings: a timing cache to begin with.
        tells: hears how far it is.
    """

    batch: int = 1
    capabilities: tuple[str, ...] = ()
    debug: bool = False
    timings: bytes = b""
    tells: Tells = field(default=lambda _share: None)

    def options(self) -> dict[str, str]:
        """What of it decides which engine is built."""
        told = {"batch": str(self.batch), "tf32": "off", "strict nans": "on"}
        told["capabilities"] = " ".join(self.capabilities) or "present"
        return told | ({"debug tensors": "on"} if self.debug else {})


@dataclass(frozen=True, slots=True)
class Engine:
    """What a build made.

    Attributes:
        data: as the library serialized it.
        timings: the timing cache; empty where the library keeps none.
        seconds: how long it took.
        inputs: the ranges of sizes of inputs that have one.
    """

    data: bytes
    timings: bytes
    seconds: float
    inputs: Mapping[str, SizeRange]


def logger(trt: Any) -> Any:
    """One that keeps what went wrong, for sentences; see `errors_of`."""

    class Kept(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.kept: list[str] = []

        def log(self, severity: Any, msg: str) -> None:
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                self.kept.append(msg)

    return Kept()


def built(library: EngineLibrary, path: Path, wanted: BuildWants) -> Engine:
    """An engine of the ONNX file at `path`.

    Args:
        library: which one.
        path: the file; what it holds elsewhere lies beside it.
        wanted: how.

    Raises:
        BitgaugeError: `bad_model`, `foreign_engine`, `unsupported_artifact`,
            `out_of_device_memory`, what says that there is no card, and whatever `wanted.tells`
            raises.
    """
    trt, flavour = library.trt, library.flavour
    heard = logger(trt)
    builder = trt.Builder(heard)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    _parse(trt, flavour, path, network, heard)
    if not network.num_outputs:
        raise BadInput(
            Code.BAD_MODEL, f"{flavour.words} reads a model without outputs in the file."
        )
    config = builder.create_builder_config()
    found = ranges(_inputs(network), wanted.batch)
    if found:
        profile = builder.create_optimization_profile()
        for name, one in found.items():
            profile.set_shape(name, one.least, one.best, one.most)
        config.add_optimization_profile(profile)
    _configure(trt, flavour, config, network, wanted)
    progress = BuildProgress(wanted.tells)
    config.progress_monitor = monitor(trt, progress)
    began = time.monotonic()
    host_memory = builder.build_serialized_network(network, config)
    took = time.monotonic() - began
    if progress.raised is not None:
        raise progress.raised
    if host_memory is None:
        raise failed(flavour, heard.kept)
    # TensorRT for RTX times no candidates, and warns whoever asks for its cache.
    timings = b"" if flavour.names_capabilities else _timings(config)
    return Engine(bytes(memoryview(host_memory)), timings, took, found)


def _parse(trt: Any, flavour: Flavour, path: Path, network: Any, heard: Any) -> None:
    if not path.stat().st_size:
        raise BadInput(Code.BAD_MODEL, "The file is empty.")
    with path.open("rb") as file:
        if file.read(4) in _ENGINES:
            raise BadInput(
                Code.FOREIGN_ENGINE,
                "The artifact is an engine, a program that was built elsewhere; such a program is"
                " built on the device that runs it and accepted from nobody.",
            )
    parser = trt.OnnxParser(network, heard)
    if parser.parse_from_file(str(path)):
        return
    errors = []
    for index in range(parser.num_errors):
        parser_error = parser.get_error(index)
        errors.append(
            refusals.ParserError(
                parser_error.code().name,
                parser_error.desc(),
                parser_error.node_name(),
                parser_error.node_operator(),
            )
        )
    raise refusals.refusal(flavour.words, errors)


def _inputs(network: Any) -> dict[str, tuple[int, ...]]:
    found = {}
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        found[str(tensor.name)] = tuple(int(size) for size in tensor.shape)
    return found


def _configure(trt: Any, flavour: Flavour, config: Any, network: Any, wanted: BuildWants) -> None:
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    config.clear_flag(trt.BuilderFlag.TF32)
    strict = getattr(trt.BuilderFlag, "STRICT_NANS", None)
    if strict is not None:  # from 10.4 on
        config.set_flag(strict)
    if flavour.names_capabilities:
        names = wanted.capabilities or ("CURRENT",)
        config.num_compute_capabilities = len(names)
        for index, name in enumerate(names):
            config.set_compute_capability(_capability(trt, flavour, name), index)
    else:
        cache = config.create_timing_cache(wanted.timings)
        config.set_timing_cache(cache, False)
    if wanted.debug and getattr(network, "mark_unfused_tensors_as_debug_tensors", None):
        network.mark_unfused_tensors_as_debug_tensors()


def _capability(trt: Any, flavour: Flavour, name: str) -> Any:
    found = getattr(trt.ComputeCapability, name, None)
    if found is None:
        listed = ", ".join(capabilities(trt))
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT,
            f"{flavour.words} builds no engine for compute capability {name[:20]}; it lists"
            f" {listed}.",
        )
    return found


def capabilities(trt: Any) -> tuple[str, ...]:
    """The compute capabilities that the library lists, as ``SM89``."""
    return tuple(sorted(name for name in dir(trt.ComputeCapability) if name.startswith("SM")))


def _timings(config: Any) -> bytes:
    timing_cache = config.get_timing_cache()
    if timing_cache is None:
        return b""
    host_memory = timing_cache.serialize()
    return b"" if host_memory is None else bytes(memoryview(host_memory))


def failed(flavour: Flavour, heard: list[str]) -> BitgaugeError:
    """Why the library gave nothing back, of what it wrote on its log."""
    code = cuda.code_of(f"{flavour.words}: {' '.join(heard)}")
    if code in _NO_CARD:
        return Refused(
            code,
            f"{flavour.words} needs an NVIDIA GPU with a driver that is new enough, and found none"
            " here.",
        )
    if code is Code.OUT_OF_DEVICE_MEMORY:
        return Refused(code, f"{flavour.words} found too little device memory to build it.")
    why = refusals.telling(heard[0]) if heard else ""
    told = f": {why}" if why else ", and does not say why"
    return Refused(Code.UNSUPPORTED_ARTIFACT, f"{flavour.words} builds no engine of it{told}.")
