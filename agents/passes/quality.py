"""Pass `quality`: outputs of the whole evaluation set, one artifact after the other."""

from __future__ import annotations

import numpy as np
from bitgauge.benchmarks.quality import accuracy as quality
from bitgauge.benchmarks.quality.sets import EvaluationSet
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.quality import quality_raw
from bitgauge.benchmarks.vocabulary.enums import PassName

from .base import Child

NAME = PassName.QUALITY


def measure(child: Child) -> RawFile:
    """One launch of the pass; see `base.PassModule`."""
    evaluation = child.evaluation()
    outputs = [_outputs(child, path, evaluation) for path in child.spec.paths]
    values = min(rows.size // len(rows) for rows in outputs)
    if not values:  # an output that holds nothing; nothing is what can be compared
        outputs = [np.empty((len(rows), 0)) for rows in outputs]
    candidate = outputs[1] if len(outputs) > 1 else None
    samples = quality.score(outputs[0], candidate, evaluation.labels, evaluation.ids)
    raw = quality_raw(child.origin, samples)
    return RawFile({**raw.meta, "output_values": values}, raw.arrays)


def _outputs(child: Child, path: str, evaluation: EvaluationSet) -> np.ndarray:
    session = child.load(path)
    child.channel.phase("measure")
    batches = child.batches(evaluation, session, fit=True)
    rows = []
    for count, feeds in batches.all():
        rows.append(batches.rows(session.run(feeds), count))
        child.channel.gap()
    session.close()
    return np.concatenate(rows)
