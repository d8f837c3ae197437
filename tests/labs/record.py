"""A run with raw files of every pass, made here: the same each time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from bitgauge.benchmarks.analysis.analyse import ANALYSIS_VERSION, analyse
from bitgauge.benchmarks.numerics.ledger import BINS, Histogram, Ledger, OperatorRow, TensorRow
from bitgauge.benchmarks.raw.absolute import ColdStart, absolute_raw
from bitgauge.benchmarks.raw.container import RawFile, write_raw
from bitgauge.benchmarks.raw.files import collect
from bitgauge.benchmarks.raw.given import given_meta
from bitgauge.benchmarks.raw.memory import memory_raw
from bitgauge.benchmarks.raw.numerics import numerics_raw
from bitgauge.benchmarks.raw.operators import OperatorProfile, OperatorTime, operators_raw
from bitgauge.benchmarks.raw.origin import RawOrigin
from bitgauge.benchmarks.raw.pair import pair_raw
from bitgauge.benchmarks.raw.quality import quality_raw
from bitgauge.benchmarks.record.sources import PARSERS, Sources
from bitgauge.benchmarks.samples import (
    AbsoluteSamples,
    BlockConditions,
    MemoryCheckpoint,
    MemorySamples,
    PairSamples,
    QualitySamples,
    WarmUp,
)
from bitgauge.benchmarks.vocabulary.enums import (
    Disposition,
    EntryState,
    ModelClass,
    PassName,
    RawRole,
    RunStatus,
)
from bitgauge.benchmarks.vocabulary.errors import Code, NotFound
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView, StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import EntryView
from bitgauge.benchmarks.vocabulary.values.runs import RawRef, RunView

from . import values
from .conditions import conditions as told
from .values import BASELINE, CANDIDATE

RUN_ID, JOB_ID = values.facts().run_id, "99999999-2222-3333-4444-555555555555"
RECIPE = "int8-static-u8s8-pc"
NAME = "<script>alert('x')</script> & co"
EVALUATION, CALIBRATION = "e" * 64, Digest("c" * 64, 2000)
FED, OPTIONS = {"x": "float32[1,8]"}, {"provider": "CPU", "intra_op_num_threads": "1"}
SEED = (1 << 64) - 1
MIB = 1 << 20
NONE = np.empty(0)


def origin(pass_name: PassName, role: RawRole, launch: int = 0) -> RawOrigin:
    return values.origin(pass_name, role, launch, recipe=RECIPE, runtime="fake")


def warm(letters: int) -> WarmUp:
    blocks = 12 * letters
    values = 1e6 * (1 + 0.5 * np.exp(-np.arange(blocks) / 6))
    return WarmUp(values, np.arange(blocks) % letters, (10**6,) * letters, 300, 10**9, True)


def conditions(blocks: int) -> BlockConditions:
    at = np.arange(blocks)
    return told(
        blocks,
        clock_mhz=2400 + 10 * np.sin(at.astype(np.float64)),
        steal_ticks=0.0,
        psi_some_avg10=0.01 * at.astype(np.float64),
        load_1m=1.5,
    )


def raw_files() -> dict[RawRef, RawFile]:
    """One raw file per launch, by what the run would say of it (the digest is made up)."""
    rng = np.random.default_rng(5)
    found = []
    for launch in range(3):
        n = 1200
        latency = (1e6 * np.exp(rng.normal(0, 0.02, n)) * (1 + 5 * (rng.random(n) < 0.01))).astype(
            np.int64
        )
        block = np.arange(n) // 10
        starts = 10**9 + np.arange(block[-1] + 1) * 12_000_000
        samples = AbsoluteSamples(
            latency, block, starts, conditions(starts.size), warm(1), n, starts + 11_000_000
        )
        raw = absolute_raw(
            origin(PassName.ABSOLUTE, RawRole.CANDIDATE, launch),
            samples,
            ColdStart(9_000_000 + launch, 3_000_000),
        )
        raw.meta["preflight"] = {
            "governor": "performance",
            "cpuset": "0-1",
            "psi_cpu_avg10": 0.5,
            "temperatures_c": "x86_pkg_temp=61.5 acpitz=40.0",
        }
        found.append(raw)
        points = tuple(
            MemoryCheckpoint(name, *(40 * MIB + used * MIB,) * 6)
            for name, used in (("m0", 0), ("m1", 6), ("m2", 9), ("m3", 2))
        )
        found.append(
            memory_raw(origin(PassName.MEMORY, RawRole.CANDIDATE, launch), MemorySamples(points))
        )
    for raw in found:  # of these, what they were given is told; of the others it is not
        raw.meta.update(given_meta(7, EVALUATION, (FED,), (OPTIONS,)))
    quads = 60
    letter = np.tile([0, 1, 1, 0, 1, 0, 0, 1], quads // 2)
    value = 1e6 * np.exp(rng.normal(0, 0.01, 4 * quads)) * np.where(letter, 0.5, 1.0)
    pair = PairSamples(
        value,
        np.arange(4 * quads) * 5_000_000,
        np.full(4 * quads, 5),
        letter,
        np.arange(4 * quads) // 4,
        conditions(4 * quads),
        warm(2),
        "precise",
    )
    found.append(pair_raw(origin(PassName.PAIR, RawRole.BOTH), pair))
    found[-1].meta.update(given_meta(SEED, EVALUATION, (FED, {"x": "float16[1,8]"}), ()))
    found[-1].meta["cache"] = "warm"
    found.append(quality_raw(origin(PassName.QUALITY, RawRole.BOTH), quality_samples(rng)))
    found.append(numerics_raw(origin(PassName.NUMERICS, RawRole.BOTH), ledger()))
    for role, op_type, time_ns in (
        (RawRole.BASELINE, "Conv", 4_000.0),
        (RawRole.CANDIDATE, "ConvInteger", 9_000.0),
    ):
        row = OperatorTime("conv0", op_type, "CPU", 20, time_ns, time_ns)
        profile = OperatorProfile((row,), 20, 2 * time_ns, 1_000)
        found.append(operators_raw(origin(PassName.OPERATORS, role), profile))
    return {
        RawRef(
            PassName(raw.meta["pass_name"]),
            raw.meta["launch"],
            RawRole(raw.meta["role"]),
            Digest(f"{at:064x}", 1),
        ): raw
        for at, raw in enumerate(found)
    }


def quality_samples(rng: np.random.Generator) -> QualitySamples:
    n = 200
    labels = rng.integers(0, 10, n)
    other = labels.copy()
    other[:3] = (other[:3] + 1) % 10
    return QualitySamples(
        ids=np.array([f"sample-{at}" for at in range(n)]),
        labels=labels,
        ref_top1=labels,
        cand_top1=other,
        ref_loss=np.full(n, 0.1),
        cand_loss=np.full(n, 0.2),
        kl=np.linspace(0.5, 0.0, n),
        max_abs_diff=np.linspace(1.0, 0.0, n),
        ref_nonfinite=np.zeros(n, np.int64),
        cand_nonfinite=np.zeros(n, np.int64),
        classes=10,
    )


def ledger_rows(name: str, histogram: Histogram) -> tuple[TensorRow, OperatorRow]:
    """An integer convolution that saturates, and the clipped codes that it makes."""
    codes = TensorRow(
        name,
        "uint8",
        "QLinearConv",
        1000,
        scale=0.1,
        zero_point=0,
        clip_hi=0.02,
        clip_lo=0.0,
        clip_mass=0.1,
        sqnr_db=20.0,
        before=histogram,
        after=histogram,
    )
    return codes, OperatorRow(
        "conv1",
        "QLinearConv",
        "integer",
        "u8",
        "s8",
        True,
        100,
        9,
        name,
        elements=5000,
        errors0=1200,
        errors1=1000,
        explained1=1000,
        worst_steps=4.0,
        pairs=25000,
        saturated_pairs=50,
        emulated_errors1=1001,
        unsafe_pair_share=0.25,
    )


def ledger() -> Ledger:
    counts = tuple(int(100 * np.exp(-(((at - 30) / 12) ** 2))) for at in range(BINS))
    histogram = Histogram(-64.0, 4.0, counts)
    conv, product = ledger_rows("conv<1>_out", histogram)
    return Ledger(
        samples=256,
        claims_integer=True,
        exposure="all",
        tensors=(
            conv,
            TensorRow("probabilities", "float32", "Softmax", 10, amax=3.0, headroom_log2=14.4),
        ),
        operators=(replace(product, fix="seven_bit_weights"),),
    )


def stored(folder: Path) -> dict[RawRef, bytes]:
    """The raw files as their bytes, under their true digests."""
    found = {}
    for ref, raw in raw_files().items():
        path = folder / "one.npz"
        write_raw(path, raw)
        data = path.read_bytes()
        digest = Digest(hashlib.sha256(data).hexdigest(), len(data))
        found[replace(ref, digest=digest)] = data
    return found


def device() -> DeviceView:
    return values.view(values.device("board <b>", device_id="d" * 8, core_count=2, runtimes=()))


def sources(files: Mapping[RawRef, bytes]) -> Sources:
    """A run whose named raw files are `files`; what is empty is missing."""

    def fetch(ref: RawRef) -> bytes:
        if not files[ref]:
            raise NotFound(Code.BLOB_MISSING, f"Blob {ref.digest} is not there.")
        return files[ref]

    facts = values.facts(recipe=RECIPE)
    run = RunView(
        RUN_ID,
        JOB_ID,
        1,
        1,
        Disposition.ACCEPTED,
        RunStatus.MEASURED,
        "d" * 8,
        "board <b>",
        RECIPE,
        "bwrap",
        1_700_000_000_000_000_000,
        1_700_000_060_000_000_000,
        analysis_version=ANALYSIS_VERSION,
        fingerprint="f" * 64,
        stack=(StackItem("runtime", "fake"), StackItem("runtime.fake", "1.2")),
        raw=tuple(files),
        metrics=analyse(tuple(raw_files().values()), facts),
    )
    artifact = EntryView(1, "", RECIPE, EntryState.ACCEPTED, CANDIDATE)
    job = values.seen(
        JOB_ID,
        EntryView(0, "m.onnx", "fp32", EntryState.ACCEPTED, BASELINE),
        replace(artifact, run_id=RUN_ID, calibration=CALIBRATION),
        model_name=NAME,
        model_class=ModelClass.CNN,
    )
    return Sources(run, job, device(), collect(tuple(files), fetch, PARSERS))
