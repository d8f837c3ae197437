"""What a raw file of pass `generation` holds, both directions.

meta   stopped, context_bytes, context_tokens, warm{iteration_ns, iterations, elapsed_ns, steady}
arrays which quad prompt_tokens ttft_ns decode_ns decoded start_ns i8[r] per request, conditions
       f8[r] as in `origin`, token_ns i8[t], warm_block_median_ns f8[w], warm_letter i8[w]
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from ..samples import BASELINE, CANDIDATE, GenerationSamples, Ints
from ..vocabulary.profiles import MAX_LATENCIES_PER_LAUNCH
from .container import RawFile
from .origin import RawOrigin, origin_meta
from .parts import (
    WarmMeta,
    arrays_of,
    bad_raw,
    conditions_arrays,
    conditions_of,
    ints_of,
    meta_of,
    told,
    warm_arrays,
    warm_of,
)

MAX_REQUESTS = 100_000
"""Of one launch."""
OUTSIDE = -1
"""In place of the number of a quad: a request of the sweep, or of a launch of one artifact."""
_REQUEST = ("which", "quad", "prompt_tokens", "ttft_ns", "decode_ns", "decoded", "start_ns")
_PLAIN = ("stopped", "context_bytes", "context_tokens")


class _Meta(msgspec.Struct, frozen=True):
    warm: WarmMeta
    stopped: str = ""
    context_bytes: Annotated[int, Meta(ge=-1)] = -1
    context_tokens: Annotated[int, Meta(ge=0)] = 0


def generation_raw(origin: RawOrigin, samples: GenerationSamples) -> RawFile:
    """The raw file of one launch of pass `generation`."""
    arrays = arrays_of(samples) | conditions_arrays(samples.conditions) | warm_arrays(samples.warm)
    meta = {name: getattr(samples, name) for name in _PLAIN}
    meta["warm"] = told(WarmMeta, samples.warm)
    return RawFile(origin_meta(origin) | meta, arrays)


def generation_samples(raw: RawFile) -> GenerationSamples:
    """The requests of a raw file of pass `generation`; `BadInput` when it does not hold them."""
    requests = ints_of(raw, "which").size
    if not 1 <= requests <= MAX_REQUESTS:
        raise bad_raw(f"it holds {requests} requests, not 1 to {MAX_REQUESTS}")
    columns: dict[str, Any] = {name: ints_of(raw, name, requests) for name in _REQUEST}
    token_ns = ints_of(raw, "token_ns")
    if token_ns.size > MAX_LATENCIES_PER_LAUNCH:
        raise bad_raw(f"it holds more than {MAX_LATENCIES_PER_LAUNCH} single tokens")
    if np.any(columns["ttft_ns"] <= 0) or np.any(columns["prompt_tokens"] < 1):
        raise bad_raw("a request took no time or had no prompt")
    if np.any((columns["decoded"] > 0) != (columns["decode_ns"] > 0)):
        raise bad_raw("tokens took no time, or time was taken by none")
    if np.any(columns["decoded"] < 0) or np.any(token_ns < 0):
        raise bad_raw("a count or a time is negative")
    _require_quads(columns["which"], columns["quad"], columns["prompt_tokens"])
    meta = meta_of(raw, _Meta)
    return GenerationSamples(
        **columns,
        conditions=conditions_of(raw, requests),
        warm=warm_of(raw, meta.warm),
        token_ns=token_ns,
        **{name: getattr(meta, name) for name in _PLAIN},
    )


def _require_quads(which: Ints, quad: Ints, prompt_tokens: Ints) -> None:
    """Refuse requests that are of no known artifact, or whose quads are neither ABBA nor BAAB."""
    if not np.all(np.isin(which, (BASELINE, CANDIDATE))) or np.any(quad < OUTSIDE):
        raise bad_raw("a request is of no artifact or of no quad")
    inside = quad >= 0
    count = int(np.count_nonzero(inside))
    if count % 4 or not np.array_equal(quad[inside], np.arange(count) // 4):
        raise bad_raw("its requests do not form quads")
    orders, prompts = which[inside].reshape(-1, 4), prompt_tokens[inside].reshape(-1, 4)
    mirrored = np.array_equal(orders, orders[:, ::-1])
    if not mirrored or not np.all(orders[:, 0] + orders[:, 1] == BASELINE + CANDIDATE):
        raise bad_raw("a quad is neither ABBA nor BAAB")
    if not np.all(prompts == prompts[:, :1]):
        raise bad_raw("the prompts of a quad have different lengths")
