"""A session that a provider executes, and a look at it: its outputs alone are to be seen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..opening import inference, session_options
from ..session import OrtSession
from .base import Provider
from .placing import PlacedModel, counted, elsewhere, placed, words_of

if TYPE_CHECKING:
    from bitgauge.benchmarks.numerics.graph import GraphFacts
    from bitgauge.benchmarks.numerics.shown import Arrays, Observes

    from ...base import Feeds, SessionOptions

_PATHS = ("backend_path",)
"""What a provider tells that names files of this device, and nothing else."""


class PlacedSession(OrtSession):
    """One session of onnxruntime whose every node a provider executes.

    Args:
        made: it, and where its nodes went.
        provider: what executes them.
        path: of its model.
    """

    def __init__(self, made: PlacedModel, provider: Provider, path: Path) -> None:
        super().__init__(made.session, path)
        there = [one for one in made.nodes if one.executes == provider.EXECUTES]
        self._told = {
            "placed": f"{len(there)} of {len(made.nodes)} nodes on {provider.NAME}",
            "placed work": made.work.words(provider.NAME),
            "executes": counted(made.nodes),
        }
        if provider.FIXES_BATCH:
            self._told["program built"] = made.built
        if fallen := elsewhere(made.nodes, provider.EXECUTES):
            self._told["on the processor"] = words_of(fallen)

    def options_set(self) -> dict[str, str]:
        """What it was made with, and where its nodes went; see `base.Session`."""
        told = super().options_set()
        return {
            name: value for name, value in told.items() if not name.endswith(_PATHS)
        } | self._told


@dataclass(frozen=True, slots=True)
class PlacedGraph:
    """A session on an accelerator, which shows no inner tensor; see `base.OpenGraph`."""

    session: PlacedSession
    provider: Provider
    options: SessionOptions

    def look(self, feeds: Feeds) -> OutputsOfPlaced:
        """Its outputs."""
        return OutputsOfPlaced(self.session, self.provider.NAME)

    def in_reference_kernels(self) -> None:
        """An accelerator has one kernel for each operator."""

    def reference(self, path: Path) -> Observes:
        """The outputs of the float model, on the processor."""
        from bitgauge.benchmarks.numerics.shown import OutputsAlone
        from bitgauge.benchmarks.vocabulary.session_options import of_reference

        from ...base import SessionOptions

        plain = SessionOptions(
            threads=self.options.threads, further=of_reference(self.options.further)
        )
        made = OrtSession(inference(path, session_options(plain)), path)
        return OutputsAlone(made.run, made.output_names)


class OutputsOfPlaced:
    """The outputs of a session, and why nothing else; see `shown.Shown`."""

    exposure = ""

    def __init__(self, session: PlacedSession, provider: str) -> None:
        from bitgauge.benchmarks.numerics.graph import GraphFacts

        self._session = session
        self.why_not = f"Provider {provider} shows no inner tensor, only outputs."
        self.facts: GraphFacts = GraphFacts.of_outputs(session.output_names)

    def observe(self, feeds: Arrays) -> Arrays:
        """Feeds and outputs of one call by name."""
        made = self._session.run(feeds)
        return {**feeds, **dict(zip(self._session.output_names, made, strict=True))}


def session_on(path: Path, options: SessionOptions, provider: Provider) -> PlacedSession:
    """A session on an ONNX file that a provider executes.

    Raises:
        BitgaugeError: it does not take all of it, or is not there.
    """
    made = placed(path, options, provider)
    binding = provider.binding({one.name: one.value for one in options.further})
    if binding is None:
        return PlacedSession(made, provider, path)
    from .bound import BoundSession

    return BoundSession(made, provider, path, binding)
