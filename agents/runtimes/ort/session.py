"""A session of onnxruntime, what it tells of itself, and a look at the graph that it executes."""

from __future__ import annotations

import contextlib
import functools
import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitgauge.benchmarks.numerics import fp8
from bitgauge.benchmarks.vocabulary.errors import Code, Refused

from .opening import explain

if TYPE_CHECKING:
    from bitgauge.benchmarks.numerics.shown import Observes, Run, Shown
    from bitgauge.benchmarks.quality.sets import InputSpec
    from bitgauge.benchmarks.raw.operators import OperatorProfile

    from ..base import Feeds, Outputs, Session

PRECISION = "session.x64quantprecision"
"""Rewrites constant s8 weights to u8 where their kernels might saturate, so that products are
exact (onnxruntime_session_options_config_keys.h)."""

_CONFIG_ENTRIES = ("session.force_spinning_stop", PRECISION, fp8.UNFUSED[0])
"""Entries that a session may have been given; it tells their values, but not which it has."""
_NO_OPTIONS = {"logid", "optimized_model_filepath", "profile_file_prefix"}
"""Attributes of a session's options that name files, and change nothing else."""
_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(int16)": "int16",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}


class OrtSession:
    """One onnxruntime session; see `base.Session`.

    Args:
        session: the binding's.
        path: of its model, which names in failures what the runtime does not.
    """

    def __init__(self, session: Any, path: Path | None = None) -> None:
        self._session = session
        self._path = path
        self._outputs = [output.name for output in session.get_outputs()]

    @property
    def input_specs(self) -> tuple[InputSpec, ...]:
        """What a call needs."""
        from bitgauge.benchmarks.quality.sets import InputSpec

        return tuple(
            InputSpec(
                name=one.name,
                dtype=_TYPES.get(one.type, one.type),
                shape=tuple(size if isinstance(size, int) else None for size in one.shape),
            )
            for one in self._session.get_inputs()
        )

    @property
    def output_names(self) -> tuple[str, ...]:
        """The artifact's outputs, in its order."""
        return tuple(self._outputs)

    def options_set(self) -> dict[str, str]:
        """What the session was really made with, read back from it; see `base.Session`."""
        found: dict[str, str] = {}
        for provider, given in self._session.get_provider_options().items():
            found["provider"] = " ".join(filter(None, (found.get("provider"), provider)))
            found |= {f"{provider}.{name}": str(value) for name, value in given.items()}
        options = self._session.get_session_options()
        for name in sorted(set(dir(type(options))) - _NO_OPTIONS):
            if name.startswith("_"):
                continue
            value = getattr(options, name)
            if isinstance(value, bool | int | str) and value != "":
                found[name] = str(value)
            elif hasattr(value, "name"):  # an enumeration of the binding
                found[name] = str(value.name)
        for name in _CONFIG_ENTRIES:
            with contextlib.suppress(RuntimeError):  # it was not given that one
                found[name] = str(options.get_session_config_entry(name))
        if fp8.is_unfused(self._session):
            found["disabled_optimizers"] = " ".join(fp8.LEFT_OUT)
        return found

    def bind(self, feeds: Feeds) -> Callable[[], None]:
        """The bound method itself, so that the clock sees nothing of ours."""
        return functools.partial(self._session.run, self._outputs, feeds)

    def run(self, feeds: Feeds) -> Outputs:
        """One call."""
        try:
            outputs: Outputs = self._session.run(self._outputs, feeds)
        except Exception as error:  # as in `load`
            raise explain(error, loading=False, path=self._path) from error
        return outputs

    def close(self) -> None:
        """Drops the session; its memory goes back as far as the allocator lets it."""
        self._session = None


@dataclass(frozen=True, slots=True)
class OrtGraph:
    """A production session and the graph that it executes; see `base.OpenGraph`.

    Attributes:
        session: of production.
        graph: an ONNX model of what it executes after all optimisation, encoded.
        plain: a session, of the same kernels and options, that executes a graph as it stands.
    """

    session: Session
    graph: bytes
    plain: Callable[[bytes], Session]

    def look(self, feeds: Feeds) -> Shown:
        """The executed graph with further outputs."""
        from bitgauge.benchmarks.numerics.instrument import Instrumented

        return Instrumented(self.graph, self.session.run, self._runner, feeds)

    def in_reference_kernels(self) -> None:
        """It has one kernel for each operator."""

    def reference(self, path: Path) -> Observes:
        """The float model's graph as it was written."""
        from bitgauge.benchmarks.numerics.external_data import whole_model
        from bitgauge.benchmarks.numerics.instrument import FloatModel
        from bitgauge.benchmarks.numerics.shown import Uninstrumentable

        try:
            return FloatModel(whole_model(path), self._runner)
        except ValueError as error:
            raise Uninstrumentable(f"The baseline is no single file: {error}.") from error

    def _runner(self, model: bytes) -> Run:
        return self.plain(model).run


class ProfiledOrtSession(OrtSession):
    """A session that notes how long each operator takes; see `base.ProfiledSession`."""

    def profile(
        self, feeds: Sequence[Feeds], *, warm: int, most: int, budget_ns: int
    ) -> OperatorProfile:
        """Where the time of these calls went."""
        from bitgauge.benchmarks.raw.operators import OperatorProfile

        from . import profile as _ort_profile

        following = itertools.cycle(feeds).__next__
        for _ in range(warm):
            self.run(following())
        latencies: list[int] = []
        started = time.perf_counter_ns()
        while len(latencies) < most and time.perf_counter_ns() - started < budget_ns:
            before = time.perf_counter_ns()
            self.run(following())
            latencies.append(time.perf_counter_ns() - before)
        written = Path(self._session.end_profiling())
        try:
            operators = _ort_profile.read(written, len(latencies), warm)
        except (_ort_profile.Unreadable, OSError) as error:
            raise Refused(Code.RUN_FAILED, f"Its profile cannot be read: {error}.") from error
        finally:
            written.unlink(missing_ok=True)
            self.close()
        return OperatorProfile(
            operators,
            calls=len(latencies),
            call_ns=float(statistics.median(latencies)),
            resolution_ns=_ort_profile.RESOLUTION_NS,
        )
