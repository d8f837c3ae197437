"""Tokens per second by the agent against each library's own loop; one file against itself.

The own loop of llama.cpp is that of its example `simple`: its greedy sampler, and a batch of one
token that it makes itself, on the same context. That of onnxruntime-genai is its examples': prompt
appended, then one step after another, by its own greedy search. Both take turns in quads.
"""

from __future__ import annotations

import ctypes
import importlib.util
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from bitgauge.agents.devices.cpu._conditions import CpuConditions
from bitgauge.agents.passes.base import quiet
from bitgauge.agents.runtimes import genai, llamacpp
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.agents.runtimes.genai import tiny
from bitgauge.agents.runtimes.genai.decoder import GenaiDecoder
from bitgauge.agents.runtimes.llamacpp import declarations as api
from bitgauge.agents.runtimes.llamacpp.decoder import LlamaDecoder
from bitgauge.agents.runtimes.llamacpp.library import loaded_library
from bitgauge.benchmarks.protocol import generation
from bitgauge.benchmarks.protocol.latency import warm_up
from bitgauge.benchmarks.samples import Ints
from bitgauge.benchmarks.stats.paired import request_log_ratios
from bitgauge.benchmarks.vocabulary.enums import Profile
from bitgauge.benchmarks.vocabulary.profiles import PLANS

from .pairs import ZOO, abba, of_logs, show

MODEL = ZOO / "tiny-llama.gguf"
PROMPT, GENERATED = 64, 32
QUADS = 20
CONTEXT = 512


def main() -> None:
    """Prints each comparison for prefill and decode."""
    if importlib.util.find_spec("xllamacpp") is None:
        print("NOT RUN: pip install 'bitgauge[llamacpp]'")
    else:
        against_own_loop("llama.cpp", opened(MODEL), OwnLoop)
        for words, ratio in zip(("first token", "further tokens"), itself(), strict=True):
            print(f"llama.cpp, {words}, one file against itself: {ratio}")
    if importlib.util.find_spec("onnxruntime_genai") is None:
        print("NOT RUN: pip install 'bitgauge[genai]'")
        return
    with tempfile.TemporaryDirectory() as folder:
        against_own_loop("onnxruntime-genai", decoder_of_genai(Path(folder)), GenaiLoop)


def against_own_loop(
    name: str, decoder: Any, own_loop: Callable[[Any, Ints, int], Callable[[], None]]
) -> None:
    """Prints how many of the library's own tokens per second a decoder of ours has."""
    prompt = generation.prompts(decoder, PROMPT, np.random.default_rng(3))[0]
    for words, tokens, generated in (
        ("prefill", PROMPT, 1),
        ("prefill and decode", PROMPT, GENERATED),
    ):

        def ours(prompt: Ints = prompt[:tokens], generated: int = generated) -> None:
            generation.request(decoder, prompt, generated)

        took = abba(own_loop(decoder, prompt[:tokens], generated), ours, quads=QUADS)
        low, high = 1 / took.high, 1 / took.low
        print(
            f"{name}, {words}: {1 / took.point:.3f} [{low:.3f}, {high:.3f}] of the library's own"
            " tokens/s"
        )


def opened(path: Path) -> LlamaDecoder:
    """A decoder on one thread."""
    return llamacpp.open_decoder(path, SessionOptions(threads=1, context=CONTEXT))


def decoder_of_genai(folder: Path) -> GenaiDecoder:
    """A model of a millisecond a token, as small as decoders are that somebody uses."""
    genai.prepare()
    for name, data in tiny.files_of(tiny.Widths(layers=6, width=512, vocabulary=4096)).items():
        (folder / name).write_bytes(data)
    options = SessionOptions(threads=1, context=CONTEXT)
    return genai.open_decoder(folder / "genai_config.json", options)


class GenaiLoop:
    """A request as the library's examples make it, on the model of a decoder."""

    def __init__(self, decoder: GenaiDecoder, prompt: Ints, generated: int) -> None:
        self._generator = decoder._made()
        self._prompt = prompt.astype(np.int32)
        self._generated = generated
        self()
        assert len(self._generator.get_sequence(0)) == len(prompt) + generated, "it ended earlier"

    def __call__(self) -> None:
        generator = self._generator
        generator.rewind_to(0)
        generator.append_tokens(self._prompt)
        for _ in range(self._generated):
            generator.generate_next_token()


class OwnLoop:
    """A request as the library's example makes it, on the context of a decoder."""

    def __init__(self, decoder: LlamaDecoder, prompt: Ints, generated: int) -> None:
        decoder.feed(prompt[:1])  # it has its context now
        self._api, self._context = loaded_library(), decoder._context
        self._prompt = (ctypes.c_int32 * len(prompt))(*prompt.tolist())
        self._token = (ctypes.c_int32 * 1)()
        self._generated = generated
        pointer = ctypes.POINTER(ctypes.c_int32)
        for name, result, arguments in (
            ("llama_sampler_init_greedy", ctypes.c_void_p, ()),
            (
                "llama_sampler_sample",
                ctypes.c_int32,
                (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int32),
            ),
            (
                "llama_batch_get_one",
                api.Batch,
                (pointer, ctypes.c_int32),
            ),
        ):
            function = getattr(self._api, name)
            function.restype, function.argtypes = result, arguments
        self._sampler = self._api.llama_sampler_init_greedy()

    def __call__(self) -> None:
        library, context = self._api, self._context
        library.llama_memory_clear(library.llama_get_memory(context), False)
        prompt = library.llama_batch_get_one(self._prompt, len(self._prompt))
        library.llama_decode(context, prompt)
        self._token[0] = library.llama_sampler_sample(self._sampler, context, -1)
        for _ in range(self._generated - 1):
            library.llama_decode(context, library.llama_batch_get_one(self._token, 1))
            self._token[0] = library.llama_sampler_sample(self._sampler, context, -1)
        library.llama_synchronize(context)


def itself() -> list[str]:
    """Ratios of the time to the first token and of that for each further one."""
    decoders = [opened(MODEL), opened(MODEL)]
    own = generation.prompts(decoders[0], PROMPT, np.random.default_rng(3))
    plan = replace(
        PLANS[Profile.QUICK],
        quads=QUADS,
        max_quads=QUADS,
        pair_budget_ns=600_000_000_000,
        warmup_cap_ns=500_000_000,
    )
    calls = generation.warm_calls(decoders, own, GENERATED)
    conditions = CpuConditions()
    with quiet():
        samples = generation.measure_request_pairs(
            decoders,
            own,
            GENERATED,
            warm=warm_up(calls, time.perf_counter_ns, plan),
            clock=time.perf_counter_ns,
            plan=plan,
            rng=np.random.default_rng(1),
            gap=lambda: None,
            conditions=conditions.read,
        )
    conditions.close()
    return [show(of_logs(one)) for one in request_log_ratios(samples) if one is not None]


if __name__ == "__main__":
    main()
