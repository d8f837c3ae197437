"""Pass `perplexity`: how well decoders predict the texts, window by window, in one child."""

from __future__ import annotations

import numpy as np
from bitgauge.benchmarks.quality.perplexity import measure_perplexity
from bitgauge.benchmarks.quality.texts import require_tokenizer
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.perplexity import perplexity_raw
from bitgauge.benchmarks.vocabulary.enums import PassName

from .base import Child

NAME = PassName.PERPLEXITY


def measure(child: Child) -> RawFile:
    """One launch of the pass; see `base.PassModule`."""
    texts = child.texts()
    child.channel.phase("load")
    decoders = [child.decoder(path) for path in child.spec.paths]
    for decoder in decoders:
        require_tokenizer(texts, decoder.tokenizer_sha256)
        child.note_made(decoder)
    child.channel.phase("measure")
    reference, candidate = decoders[0], decoders[-1]
    samples = measure_perplexity(
        texts.documents,
        reference.scores,
        candidate.scores if len(decoders) > 1 else None,
        bos=reference.bos,
        context=min(one.context_tokens for one in decoders),
        vocabulary=reference.vocabulary,
        rng=np.random.default_rng(child.spec.seed),
        gap=child.channel.gap,
    )
    for decoder in decoders:
        decoder.close()
    return perplexity_raw(child.origin, samples)
