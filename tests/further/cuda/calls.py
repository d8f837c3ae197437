"""What the tests beside this have done in a process with onnxruntime-gpu; see `conftest`."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import numpy as np
from bitgauge.agents.registry import described as describe_runtime
from bitgauge.agents.runtimes import ort
from bitgauge.agents.runtimes.base import SessionOptions, TimedByDevice
from bitgauge.agents.runtimes.ort import providers
from bitgauge.agents.runtimes.ort.providers import cards, cuda, tensorrt
from bitgauge.benchmarks.protocol.device_time import time_on_device
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.values.devices import StackItem

STACK = (StackItem("gpu.compute_capability", "9.0"), StackItem("gpu.model", "none"))


def _options(further: dict[str, str], batch: int = 4, *, stack: bool = True) -> SessionOptions:
    items = tuple(StackItem(*one) for one in sorted(further.items()))
    return SessionOptions(further=items, batch=batch, device=STACK if stack else ())


def described() -> dict[str, Any]:
    """The runtime as such a card advertises it."""
    told = describe_runtime(ort, STACK)
    return {
        "providers": told.providers,
        "options": {one.name: one.values for one in told.options},
        "versions": [[one.name, one.value] for one in told.versions],
        "missing": providers.offer({one.name: one.value for one in STACK}).missing,
    }


def told(path: str, further: dict[str, str]) -> dict[str, str]:
    """What a session says that it was made with, or why there is none."""
    try:
        return ort.load(Path(path), _options(further)).options_set()
    except BitgaugeError as error:
        return {"code": error.code.value, "sentence": error.sentence}


def as_reference(path: str) -> dict[str, str]:
    """The same of a session without options and without a stack, as the reference is loaded."""
    return ort.load(Path(path), _options({}, stack=False)).options_set()


def called(path: str, further: dict[str, str]) -> dict[str, Any]:
    """Shapes of what calls of two batches return, the first of them also as it is timed."""
    session = ort.load(Path(path), _options(further))
    (spec,) = session.input_specs
    shapes = []
    is_cold = None
    for batch in (4, 2, 4):
        sizes = [size or batch for size in spec.shape]
        feeds = {spec.name: np.ones(sizes, np.float32)}
        call = session.bind(feeds)
        for _ in range(3):
            call()
        shapes += [list(one.shape) for one in session.run(feeds)]
        assert isinstance(session, TimedByDevice)
        timed = session.on_device(feeds)
        assert timed is not None
        is_cold = timed.is_cold
        took, handing_over = time_on_device(timed, time.perf_counter_ns, 5)
    session.close()
    return {
        "shapes": shapes,
        "took_ns": list(took),
        "handing_over_ns": list(handing_over),
        "is_cold": is_cold,
    }


def probed() -> dict[str, Any]:
    """What is said of the kernels and of the most that they do."""
    return {"kernels": ort.probe_kernels(), "anchors": ort.measure_anchors()}


def echoed(further: dict[str, str]) -> dict[str, Any]:
    """The options of both providers as they are set, and as the provider read them."""
    import onnxruntime

    given = cuda.settings_of(further) | cards.on_stream()
    session = _empty(cuda.EXECUTES, given)
    read = session.get_provider_options()[cuda.EXECUTES]
    accepted = onnxruntime.SessionOptions()
    both = tensorrt.settings_of(further, codes=True, halves=True) | tensorrt.kept(Path("/x.onnx"))
    both |= cards.on_stream()
    for name, value in both.items():
        accepted.add_provider(tensorrt.EXECUTES, {name: value})  # refuses names and values
        accepted = onnxruntime.SessionOptions()
    return {"given": given, "read": {name: read.get(name) for name in given}, "tensorrt": len(both)}


def names() -> dict[str, Any]:
    """Names of every option that the providers of this wheel take.

    CUDA's tells its own; of TensorRT's those texts of its library that are such names and that the
    binding takes with some value.
    """
    import onnxruntime
    from onnxruntime import capi

    read = _empty(cuda.EXECUTES, {}).get_provider_options()[cuda.EXECUTES]
    folder = Path(str(capi.__file__)).parent
    data = (folder / "libonnxruntime_providers_tensorrt.so").read_bytes()
    texts = {one.decode() for one in re.findall(rb"\0(trt_[a-z0-9_]+)(?=\0)", data)}
    taken = [one for one in (*texts, "device_id", "user_compute_stream") if _is_taken(one)]
    version = str(onnxruntime.__version__)
    return {"onnxruntime-gpu": version, "cuda": sorted(read), "tensorrt": sorted(taken)}


def _is_taken(name: str) -> bool:
    import onnxruntime

    for value in ("1", "True"):
        try:
            onnxruntime.SessionOptions().add_provider(tensorrt.EXECUTES, {name: value})
        except Exception as error:
            if "Invalid TensorRT EP option" in str(error):
                return False
            continue
        return True
    return True  # it has another kind of value, and says so


def refused_by_provider(name: str, option: str, value: str) -> str:
    """What a provider says of an option; "" where it takes it."""
    executes = {"cuda": cuda.EXECUTES, "tensorrt": tensorrt.EXECUTES}[name]
    try:
        _empty(executes, {option: value})
    except Exception as error:
        return str(error)
    return ""


def _empty(executes: str, options: dict[str, str]) -> Any:
    import onnxruntime

    wanted = onnxruntime.SessionOptions()
    wanted.log_severity_level = 4
    wanted.add_provider(executes, options)
    return onnxruntime.InferenceSession(ort.empty_artifact(), wanted, enable_fallback=0)
