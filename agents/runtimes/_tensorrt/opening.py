"""From an ONNX file to a session: an engine found or built, proved by a canary, then executed.

What is built in one launch the agent keeps for the next, under the artifact's digest and the whole
stack of device and runtime, sealed with its own key (`storage.built`). Here it is taken only where
the key inside is that of this launch.
"""

from __future__ import annotations

import importlib.util
import statistics
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused
from bitgauge.benchmarks.vocabulary.session_options import TWO_BUILDS

from ..base import Session, SessionOptions
from . import building, engines, twins
from .cuda import CudaStream
from .engines import EngineKey, KeptEngine
from .flavours import EngineLibrary
from .layers import EngineLayer, layers_of
from .session import EngineSession

CUDA_GRAPH = "cuda_graph"
"""Option: `ON` makes a call one graph of CUDA; without it each part is handed over by itself."""
ON = "on"

_CALLS = 20
_SEED = 11


def chosen(library: EngineLibrary, options: SessionOptions) -> dict[str, str]:
    """The runtime's own options by name.

    Raises:
        Refused: `unsupported_artifact`, one is none that it has, or has no such value.
    """
    found = {one.name: one.value for one in options.further}
    for name, value in found.items():
        if (name, value) != (CUDA_GRAPH, ON):
            raise Refused(
                Code.UNSUPPORTED_ARTIFACT,
                f"{library.words} has no option {name[:80]}={value[:80]}; it has"
                f" {CUDA_GRAPH}={ON}.",
            )
    return found


def opened(
    library: EngineLibrary, path: Path, options: SessionOptions, *, debug: bool = False
) -> EngineSession:
    """A session on the engine of an ONNX file.

    Args:
        library: which one.
        path: the file.
        options: of the session.
        debug: build an engine whose tensors can be looked at, for no clock.

    Raises:
        BitgaugeError: there is no card, the library refuses the file, or its engine answers
            wrongly.
    """
    given = chosen(library, options)
    stream = CudaStream()
    wanted = building.BuildWants(
        batch=options.batch,
        capabilities=capability_of(library, options),
        debug=debug,
        tells=options.building or (lambda _share: None),
    )
    key = engines.key_of(path, library.version, options.device, wanted.options())
    found = None if debug else _kept(options, key)
    where = "before" if found is not None else "now"
    built = found or _built(library, path, wanted, key)
    graph = given.get(CUDA_GRAPH) == ON
    try:
        told = _told(built, key, where) | given
        session = EngineSession(library, built.engine, stream, told, cuda_graph=graph)
    except Refused:
        if found is None:
            raise
        found, where = None, "now"  # another card or driver than it says: nobody runs it
        built = _built(library, path, wanted, key)
        told = _told(built, key, where) | given
        session = EngineSession(library, built.engine, stream, told, cuda_graph=graph)
    if found is None:
        _prove(session, path)
        if not debug:
            built = replace(built, twin=_twin(path, wanted, session, built))
            session = EngineSession(
                *(library, built.engine, stream, _told(built, key, where) | given),
                cuda_graph=graph,
            )
        if options.build_into is not None and not debug:
            options.build_into.write_bytes(engines.packed(built))
    return session


def capability_of(library: EngineLibrary, options: SessionOptions) -> tuple[str, ...]:
    """What the library is told of the card: its compute capability where it lists that."""
    if not library.flavour.names_capabilities:
        return ()
    told = {one.name: one.value for one in options.device}
    name = "SM" + told.get("gpu.compute_capability", "").replace(".", "")
    return (name,) if name in building.capabilities(library.trt) else ()


def _kept(options: SessionOptions, key: EngineKey) -> KeptEngine | None:
    for path in (options.built_before, options.build_into):
        if path is not None and path.is_file():
            found = engines.unpacked(path.read_bytes(), key)
            if found is not None:
                return found
    return None


def _built(
    library: EngineLibrary, path: Path, wanted: building.BuildWants, key: EngineKey
) -> KeptEngine:
    made = building.built(library, path, wanted)
    return KeptEngine(key.digest, made.data, made.timings, made.seconds)


def _told(built: KeptEngine, key: EngineKey, where: str) -> dict[str, str]:
    """What a session says that it was made with."""
    told = {
        "library": key.library,
        "engine key": key.digest[:16],
        "engine built": where,
        "engine build seconds": f"{built.seconds:.1f}",
        **{f"build {name}": value for name, value in key.options},
    }
    return told | ({TWO_BUILDS: built.twin} if built.twin else {})


def canary(session: Session) -> dict[str, Any]:
    """Inputs that are always the same: normal numbers, zeros for integers, one sample."""
    import numpy as np

    rng = np.random.default_rng(_SEED)
    feeds = {}
    for one in session.input_specs:
        shape = tuple(1 if size is None else size for size in one.shape)
        kind = np.dtype(one.dtype)
        values = rng.standard_normal(shape) if kind.kind == "f" else np.zeros(shape)
        feeds[one.name] = values.astype(kind)
    return feeds


def _prove(session: EngineSession, path: Path) -> None:
    feeds = canary(session)
    answers = session.run(feeds)
    names = session.output_names
    twins.require_sane(session.library.words, names, answers, _reference(path, feeds))


def _reference(path: Path, feeds: Mapping[str, Any]) -> dict[str, Any]:
    """What the same file answers on the processor; nothing where no runtime there takes it."""
    if importlib.util.find_spec("onnxruntime") is None:
        return {}
    from .. import ort

    try:
        session = ort.load(path, SessionOptions())
        made = session.run(dict(feeds))
    except BitgaugeError:
        return {}
    found = dict(zip(session.output_names, made, strict=True))
    session.close()
    return found


def _twin(
    path: Path, wanted: building.BuildWants, session: EngineSession, built: KeptEngine
) -> str:
    """How another build of the same differs; the session is closed by it."""
    library = session.library
    again = building.built(library, path, wanted)
    if again.data == built.engine:
        session.close()
        return twins.SAME_BYTES
    one = _tried(built.engine, session)
    other = EngineSession(library, again.data, session.stream, {})
    return twins.spread(one, _tried(again.data, other))


def _tried(engine: bytes, session: EngineSession) -> twins.Trial:
    feeds = canary(session)
    answers = session.run(feeds)
    call, stream = session.resident(feeds), session.stream
    took = []
    for _ in range(_CALLS):
        first = stream.mark()
        call()
        second = stream.mark()
        stream.wait()
        took.append(stream.between_ns(first, second))
    layers = inspected(session)
    session.close()
    return twins.Trial(engine, layers, answers, statistics.median(took))


def inspected(session: EngineSession) -> tuple[EngineLayer, ...]:
    """The layers of a session's engine, with the sizes that its context has now."""
    trt, engine = session.library.trt, session.engine
    inspector = engine.create_engine_inspector()
    inspector.execution_context = session.context
    return layers_of(inspector.get_engine_information(trt.LayerInformationFormat.JSON))
