"""The group `numerics` of a record: the overflow ledger, worst first, each null with a reason."""

from __future__ import annotations

from dataclasses import fields

from ..numerics.ledger import Ledger, OperatorRow, TensorRow, worst_operators, worst_tensors
from ..raw.files import RawFiles
from ..raw.numerics import read_ledger
from ..vocabulary.enums import PassName
from ..vocabulary.reasons import NO_RAW_DATA, NOT_APPLICABLE, NOT_RECORDED, UNINSTRUMENTABLE
from .facts import Fact, count_fact, number_fact, text_fact
from .record import Numerics, OperatorEntry, TensorEntry
from .sources import Sources

_TOLD = {field.name for field in fields(Numerics)} - {"metrics", "raw_sha256"}
_OF_CODES = ("clip_hi", "clip_lo", "clip_mass", "rail_rate", "range_util", "underflow", "sqnr_db")


def ledger_of(raw_files: RawFiles) -> Ledger | None:
    """The ledger of a run; None when it has none that can be read."""
    for one in raw_files.of(PassName.NUMERICS):
        if one.raw is not None:
            return read_ledger(one.raw)
    return None


def numerics(sources: Sources) -> Numerics:
    """What the ledger says."""
    raw_files, metrics = sources.raw_files, sources.group("numerics")
    ledger = ledger_of(raw_files)
    why = raw_files.why_none(PassName.NUMERICS, metrics[0].reason or NO_RAW_DATA)
    digests = sources.digests(PassName.NUMERICS, why)
    if ledger is None:
        return Numerics(
            metrics=metrics,
            raw_sha256=digests,
            **{name: Fact(reason=why) for name in _TOLD},
        )
    hidden = UNINSTRUMENTABLE if ledger.why_not else NOT_APPLICABLE
    places = "; ".join(f"{one.tensor} (against {one.against})" for one in ledger.divergences)
    return Numerics(
        metrics=metrics,
        samples=Fact(ledger.samples),
        exposure=text_fact(ledger.exposure, hidden),
        output_sqnr_db=number_fact(ledger.output_sqnr_db, hidden),
        first_divergence=text_fact(places, hidden),
        tensors=Fact(tuple(map(_tensor, worst_tensors(ledger))))
        if ledger.tensors
        else Fact(reason=hidden),
        operators=Fact(tuple(map(_operator, worst_operators(ledger))))
        if ledger.operators
        else Fact(reason=hidden),
        raw_sha256=digests,
        twin_elements=count_fact(ledger.twin_elements or None, hidden),
        twin_differing=count_fact(ledger.twin_differing if ledger.twin_elements else None, hidden),
        twin_steps=number_fact(ledger.twin_steps, hidden),
    )


def _tensor(row: TensorRow) -> TensorEntry:
    quantized = row.scale is not None or row.scale_low is not None
    # A range that is set while running cannot be left; a float tensor has none.
    why = NOT_RECORDED if quantized else NOT_APPLICABLE
    return TensorEntry(
        name=row.name,
        dtype=row.dtype,
        producer=row.producer,
        elements=row.elements,
        nan_count=row.nan,
        inf_count=row.inf,
        **{name: number_fact(getattr(row, name), why) for name in _OF_CODES},
        fp16_headroom_log2=number_fact(row.headroom_log2, NOT_APPLICABLE),
        outlier_ratio=number_fact(row.outlier_ratio, NOT_RECORDED),
        channel_spread=number_fact(row.channel_spread, NOT_RECORDED),
    )


def _operator(row: OperatorRow) -> OperatorEntry:
    compared = row.elements or None
    return OperatorEntry(
        name=row.name,
        op_type=row.op_type,
        compute=row.compute,
        output=row.output,
        macs=row.macs,
        rate16=number_fact(row.rate16 if row.pairs else None, NOT_APPLICABLE),
        kernel_err0=number_fact(compared and row.errors0 / compared, NOT_APPLICABLE),
        kernel_err1=number_fact(compared and row.errors1 / compared, NOT_APPLICABLE),
        fix=text_fact(row.fix, NOT_APPLICABLE),
    )
