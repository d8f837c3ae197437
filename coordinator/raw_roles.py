"""The part that a raw file plays in a run."""

from __future__ import annotations

from dataclasses import replace

from bitgauge.benchmarks.model import RawRef
from bitgauge.benchmarks.raw import RawFile


def in_role(raw: RawFile, ref: RawRef) -> RawFile:
    """`raw` in the role that its run gives it.

    A launch of the baseline is a candidate's launch in the run of entry 0, which made it, and
    the baseline's in every other run of the job that compares with it. The file says the
    former; the analysis checks by digest that it speaks of the right artifact.
    """
    return replace(raw, meta={**raw.meta, "role": ref.role.value, "launch": ref.launch})
