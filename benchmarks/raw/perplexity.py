"""What a raw file of pass `perplexity` holds, both directions.

meta   nonfinite_ref, nonfinite_cand, vocabulary
arrays ids U[d], document tokens i8[w], ref_nll f8[w]; with a candidate: cand_nll f8[w],
       same_top1 i8[w], kl_nats f8[w], kl f4[k]
"""

from __future__ import annotations

import msgspec
import numpy as np

from ..common.fits import Whole
from ..quality.perplexity import KEPT_DIVERGENCES
from ..samples import Floats32, PerplexitySamples
from .container import RawFile
from .origin import RawOrigin, origin_meta
from .parts import arrays_of, bad_raw, floats_of, ints_of, meta_of, texts_of, told

MAX_WINDOWS = 100_000
"""Of one launch."""
MAX_DOCUMENTS = 10_000
MAX_DIVERGENCES = KEPT_DIVERGENCES
"""Single tokens whose divergence is kept."""
_LEAST_KL = -1e-9
"""A divergence is never negative; what rounding in float64 leaves below zero is this much."""
_MOST_PER_TOKEN = 7e38
"""Nats: scores are float32, and two of them lie no further apart."""


class _Meta(msgspec.Struct, frozen=True):
    nonfinite_ref: Whole = 0
    nonfinite_cand: Whole = 0
    vocabulary: Whole = 0


def perplexity_raw(origin: RawOrigin, samples: PerplexitySamples) -> RawFile:
    """The raw file of pass `perplexity`."""
    return RawFile(origin_meta(origin) | told(_Meta, samples), arrays_of(samples))


def perplexity_samples(raw: RawFile) -> PerplexitySamples:
    """The windows of a raw file of pass `perplexity`; `BadInput` when it does not hold them."""
    ids, document = texts_of(raw, "ids"), ints_of(raw, "document")
    windows = document.size
    if not 1 <= ids.size <= MAX_DOCUMENTS or np.unique(ids).size != ids.size:
        raise bad_raw(f"its documents are not 1 to {MAX_DOCUMENTS} of different names")
    if not 1 <= windows <= MAX_WINDOWS:
        raise bad_raw(f"it holds {windows} windows, not 1 to {MAX_WINDOWS}")
    if document[0] < 0 or document[-1] >= ids.size or np.any(np.diff(document) < 0):
        raise bad_raw("its windows do not belong to its documents")
    tokens = ints_of(raw, "tokens", windows)
    if np.any(tokens < 1):
        raise bad_raw("a window predicts no token")
    both = "cand_nll" in raw.arrays
    same = ints_of(raw, "same_top1", windows) if both else None
    if same is not None and (np.any(same < 0) or np.any(same > tokens)):
        raise bad_raw("a window has more tokens that are the same than tokens")
    meta = meta_of(raw, _Meta)
    found = PerplexitySamples(
        document=document,
        ids=ids,
        tokens=tokens,
        ref_nll=floats_of(raw, "ref_nll", windows),
        cand_nll=floats_of(raw, "cand_nll", windows) if both else None,
        same_top1=same,
        kl_nats=floats_of(raw, "kl_nats", windows) if both else None,
        kl=_divergences(raw, int(tokens.sum())) if both else None,
        **told(_Meta, meta),
    )
    _require_possible(found)
    return found


def _require_possible(samples: PerplexitySamples) -> None:
    """Refuse sums that no scores give: no probability is above 1, no divergence below 0."""
    most = _MOST_PER_TOKEN * samples.tokens
    for name, least in (("ref_nll", 0.0), ("cand_nll", 0.0), ("kl_nats", _LEAST_KL)):
        values = getattr(samples, name)
        if values is not None and (np.any(values > most) or np.any(values < least)):
            raise bad_raw(f"array {name} holds what no probability gives")


def _divergences(raw: RawFile, tokens: int) -> Floats32:
    found = raw.arrays.get("kl")
    if found is None or found.dtype != np.float32 or found.ndim != 1:
        raise bad_raw("array kl is missing or of another type")
    if found.size > min(tokens, MAX_DIVERGENCES) or np.any(np.isinf(found)) or np.any(found < 0):
        raise bad_raw("array kl holds more values than tokens, or what is no divergence")
    return found
