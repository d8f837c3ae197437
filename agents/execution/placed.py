"""A candidate placed elsewhere than on the processor: what its launch is told, and leaves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

from bitgauge.benchmarks.vocabulary.session_options import options_for, provider_of
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import AssignedEntry, Assignment

from ..spec import ChildSpec
from .bench import Bench
from .plan import PassPlan, references


@dataclass(frozen=True, slots=True)
class Placed:
    """The candidate of one launch.

    Attributes:
        provider: what it is placed with.
        options: all that its session is made with, and the size of its calls.
        fingerprint: of the stack that it runs on.
    """

    bench: Bench
    artifact: Digest
    provider: str
    options: tuple[StackItem, ...]
    fingerprint: str

    async def told(self, spec: ChildSpec) -> ChildSpec:
        """The launch, told of the device and of what was built on it before.

        What the processor does at most bounds nothing here.
        """
        built, before = self.bench.built, None
        if built is not None:
            before = await asyncio.to_thread(
                built.find, self.artifact, self.fingerprint, self.options
            )
        return replace(
            spec, stack=self.bench.device.stack, built_before=str(before or ""), anchors=()
        )

    async def keep(self, spec: ChildSpec) -> None:
        """Keeps what a launch that went well has built; without room it is built again."""
        made, built = Path(spec.built_now), self.bench.built
        if built is None:
            return
        try:
            await asyncio.to_thread(built.keep, made, self.artifact, self.fingerprint, self.options)
        except FileNotFoundError:
            return  # it ran what was built before
        except OSError as error:
            self.bench.say(f"What {self.provider} built is not kept: {error}.")


def placed(bench: Bench, job: Assignment, entry: AssignedEntry, plan: PassPlan) -> Placed | None:
    """The candidate of a launch where something is built of it; None where nothing is.

    A provider builds for an accelerator, or a runtime whose programs are its own.
    """
    options = options_for(job.overrides.session_options, entry.runtime)
    provider, runtime = provider_of(options), bench.runtime(entry.runtime)
    if not provider and runtime is not None and bench.builds(entry.runtime):
        provider = entry.runtime
    if not provider or runtime is None or references(plan, entry.index) >= len(plan.artifacts):
        return None
    made_with = (*options, StackItem("batch", str(job.workload.batch)))
    return Placed(bench, entry.artifact, provider, made_with, runtime.fingerprint)
