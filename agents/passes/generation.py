"""Pass `generation`: requests to one decoder and how fast it answers, or to two in quads.

In a launch of two, decoders are made anew between quads as sessions are in pass `pair`. In a launch
of one the context is filled once before anything is timed, and how much memory that took is noted:
a decoder makes what it holds for its context when it is first fed.
"""

from __future__ import annotations

import gc
import time
from dataclasses import replace

import numpy as np
from bitgauge.benchmarks.protocol import generation as protocol
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.generation import generation_raw
from bitgauge.benchmarks.samples import GenerationSamples
from bitgauge.benchmarks.vocabulary.enums import PassName

from ..meters.high_water import MemoryMeter
from ..runtimes.base import Decoder, Session
from ._batches import Feeds
from ._generation import Prompts, Requests
from ._placements import Placements
from .base import Child, quiet, with_facts

NAME = PassName.GENERATION


def measure(child: Child) -> RawFile:
    """One launch of the pass; see `base.PassModule`."""
    before = child.preflight()
    samples, placements = (_one if len(child.spec.paths) == 1 else _both)(child)
    raw = generation_raw(child.origin, samples)
    return with_facts(raw, placements=placements, preflight=before)


def _one(child: Child) -> tuple[GenerationSamples, int]:
    texts = child.texts()
    child.channel.phase("load")
    decoder = child.decoder(child.spec.paths[0])
    prompts = child.prompts(texts, decoder)
    gc.collect()
    took = _context_bytes(decoder, prompts)
    own, generated = prompts.own, child.spec.workload.generated_tokens
    conditions = child.conditions()
    with quiet():
        warm = child.warm_up(protocol.warm_calls([decoder], own, generated))
        samples = protocol.measure_requests(
            decoder,
            own,
            generated,
            warm=warm,
            clock=time.perf_counter_ns,
            plan=child.plan,
            rng=np.random.default_rng(child.spec.seed),
            gap=child.channel.gap,
            conditions=conditions.read,
        )
    return replace(samples, context_bytes=took, context_tokens=decoder.context_tokens), 1


def _context_bytes(decoder: Decoder, prompts: Prompts) -> int:
    """Resident memory that a full context added, with what computing it needs; at least 0."""
    meter = MemoryMeter()
    held = meter.checkpoint("m1").rss_bytes
    decoder.feed(prompts.of_length(decoder.context_tokens))
    decoder.greedy()
    return max(0, meter.checkpoint("m2").rss_bytes - held)


def _both(child: Child) -> tuple[GenerationSamples, int]:
    texts = child.texts()
    conditions = child.conditions()
    decoders: list[Decoder] = []
    drawn: list[Prompts] = []

    def load(letter: int) -> Session:
        made = child.decoder(child.spec.paths[letter])
        decoders[letter : letter + 1] = [made]
        return Requests(made, child.spec.workload.generated_tokens)

    def feeds(session: Session) -> list[Feeds]:
        assert isinstance(session, Requests)
        if not drawn:
            drawn.append(child.prompts(texts, session.decoder))
        child.note_made(session)
        return drawn[0].for_timing()

    def gap() -> None:
        child.channel.gap()
        placements.between_quads()

    child.channel.phase("load")
    rng = np.random.default_rng([child.spec.seed, 1])
    placements = Placements(load, feeds, len(child.spec.paths), rng)
    own, generated = drawn[0].own, child.spec.workload.generated_tokens
    with quiet():
        warm = child.warm_up(protocol.warm_calls(decoders, own, generated))
        samples = protocol.measure_request_pairs(
            decoders,
            own,
            generated,
            warm=warm,
            clock=time.perf_counter_ns,
            plan=child.plan,
            rng=np.random.default_rng(child.spec.seed),
            gap=gap,
            conditions=conditions.read,
        )
    return samples, placements.count
