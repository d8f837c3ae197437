"""The measurement record: total, reversible, and null only with a reason."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path

import msgspec
import pytest
from bitgauge.benchmarks.analysis.quality import without_verdicts
from bitgauge.benchmarks.quality.baseline import Fault
from bitgauge.benchmarks.record import record as record_module
from bitgauge.benchmarks.record.build import build
from bitgauge.benchmarks.record.facts import Fact
from bitgauge.benchmarks.record.record import GROUP_NAMES, SCHEMA, Record
from bitgauge.benchmarks.record.schema import from_json, to_json
from bitgauge.benchmarks.vocabulary.enums import PassName, Scenario
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.metric import Group
from bitgauge.benchmarks.vocabulary.metrics import METRICS, published
from bitgauge.benchmarks.vocabulary.reasons import BASELINE_DIFFERS, REASONS
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, RawRef

from tests.labs.record import CALIBRATION, EVALUATION, SEED, sources, stored

SCHEMA_FILE = Path(record_module.__file__).with_name("record.schema.json")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[RawRef, bytes]:
    return stored(tmp_path_factory.mktemp("raw"))


@pytest.fixture(scope="module")
def record(files: dict[RawRef, bytes]) -> Record:
    return build(sources(files))


def schema_document() -> bytes:
    """The JSON Schema of a record, as it is committed in ``record.schema.json``."""
    document = msgspec.json.schema(Record) | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        "$comment": "Made from the classes of benchmarks/record/record.py.",
    }
    metric = document["$defs"]["MetricValue"]
    for field in metric["properties"].values():
        field.pop("default", None)  # every field is written, also one that says nothing
    metric["properties"]["unit"] = {"type": "string"}
    metric["required"] = sorted(metric["properties"])
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"


def test_every_metric_lands_in_exactly_one_group(record: Record) -> None:
    assert {group.value for group in Group} <= set(GROUP_NAMES)
    seen = Counter(metric.key for _, metric in record.metrics())
    assert seen == Counter(published(Scenario.SINGLE_STREAM))
    told = json.loads(to_json(record))
    for group, metric in record.metrics():
        assert METRICS[metric.key].group.value == group
        (written,) = [one for one in told[group]["metrics"] if one["key"] == metric.key]
        assert written["unit"] == METRICS[metric.key].unit


def test_beside_a_baseline_that_means_nothing_nothing_is_counted(
    record: Record, files: dict[RawRef, bytes]
) -> None:
    assert record.quality.flips.value is not None
    told = sources(files)
    metrics = without_verdicts(told.run.metrics, (Fault(BASELINE_DIFFERS),))
    found = build(replace(told, run=replace(told.run, metrics=metrics))).quality
    for fact in (found.flips, found.b, found.verdict, found.kl_max_nat):
        assert (fact.value, fact.reason) == (None, BASELINE_DIFFERS)
    assert found.n == record.quality.n


def test_json_and_back_is_the_same_json(record: Record) -> None:
    text = to_json(record)
    again = from_json(text)
    assert again == record
    assert to_json(again) == text


def test_every_null_has_a_reason_that_is_known(record: Record) -> None:
    reasons = [fact.reason for _, _, fact in record.facts()]
    reasons += [metric.reason for _, metric in record.metrics()]
    for row in record.numerics.tensors.value or ():
        found = [getattr(row, field.name) for field in fields(row)]
        reasons += [fact.reason for fact in found if isinstance(fact, Fact)]
    assert {reason for reason in reasons if reason is not None} <= set(REASONS)
    assert "no_sensor" in reasons


def test_a_null_without_reason_and_a_value_with_one_are_refused(record: Record) -> None:
    value = json.loads(to_json(record))
    value["latency"]["launches"] = {"value": None, "reason": None}
    with pytest.raises(BadInput, match="either a value or a reason"):
        from_json(json.dumps(value).encode())
    value["latency"]["launches"] = {"value": 3, "reason": "not_measured"}
    with pytest.raises(BadInput, match="either a value or a reason"):
        from_json(json.dumps(value).encode())
    value["latency"]["launches"] = {"value": 3, "reason": None}
    metric = value["latency"]["metrics"][0]
    for fault, words in (
        ({"value": None, "reason": None}, "either a value"),
        ({"unit": "s"}, "in s, not"),
    ):
        value["latency"]["metrics"][0] = metric | fault
        with pytest.raises(BadInput, match=words):
            from_json(json.dumps(value).encode())
    value["latency"]["metrics"][0] = metric
    assert from_json(json.dumps(value).encode()).metric(metric["key"]).value == metric["value"]
    value["schema"] = "bitgauge.record/2"
    with pytest.raises(BadInput, match=r"bitgauge\.record/1"):
        from_json(json.dumps(value).encode())


def test_a_number_that_is_none_is_null_in_the_record(files: dict[RawRef, bytes]) -> None:
    whole = sources(files)
    run = replace(whole.run, metrics=(MetricValue("energy_mj", math.nan, 1.0),))
    found = build(replace(whole, run=run)).metric("energy_mj")
    assert (found.value, found.reason, found.low) == (None, "not_measured", 1.0)


def test_committed_schema_is_that_of_the_classes() -> None:
    assert SCHEMA_FILE.read_bytes() == schema_document(), (
        "write it again: SCHEMA_FILE.write_bytes(schema_document())"
    )


def test_facts_come_from_the_raw_files(record: Record) -> None:
    assert record.latency.launches.value == 3
    assert record.latency.n.value == 3600
    assert record.environment.governor.value == "performance"
    assert record.environment.temperature_before_c.value == 61.5
    assert record.environment.temperature_max_c.reason == "not_readable"
    assert record.environment.clock_min_mhz.value == pytest.approx(2390, abs=1)
    hl = record.comparison.hl_log_ratio.value
    assert hl is not None
    assert math.exp(hl) == pytest.approx(0.5, rel=0.01)
    assert (record.quality.b.value, record.quality.c.value) == (3, 0)
    tensors = record.numerics.tensors.value
    assert tensors is not None
    assert tensors[0].name == "conv<1>_out"
    assert tensors[1].clip_hi.reason == "not_applicable"
    operators = record.numerics.operators.value
    assert operators is not None
    assert operators[0].kernel_err1.value == 0.2


def test_what_a_launch_was_given_is_in_the_record(record: Record) -> None:
    assert record.workload.shapes.value == "x float32[1,8]"
    assert record.workload.input_set_sha256.value == EVALUATION
    assert record.workload.calibration_sha256.value == CALIBRATION.sha256
    assert record.workload.cache_policy.value == "warm"
    assert record.workload.seed.value == SEED, "every one of its 64 bits"
    assert record.identity.session_options.value == "intra_op_num_threads=1, provider=CPU"
    seeds = {(one.pass_name, one.launch): one.seed for one in record.provenance.raw}
    assert seeds["pair", 0] == Fact(SEED)
    assert seeds["absolute", 2] == Fact(7)
    assert seeds["quality", 0] == Fact(reason="not_recorded")


@pytest.mark.parametrize(
    "claim",
    [
        None,
        [],
        {"seed": -1, "evaluation_sha256": "E" * 64, "inputs": {}, "session_options": [[]]},
        {"seed": "7", "evaluation_sha256": 7, "inputs": [{"x": 7}], "session_options": ["a"]},
        {"seed": 1 << 64, "inputs": [{"x": "y" * 5000}], "session_options": []},
        {"seed": True},
    ],
)
def test_older_and_lying_raw_files_tell_nothing_and_end_nothing(
    files: dict[RawRef, bytes], claim: object
) -> None:
    whole = sources(files)
    told = []
    for one in whole.raw_files.files:
        assert one.raw is not None
        meta = {name: value for name, value in one.raw.meta.items() if name != "given"}
        given = {} if claim is None else {"given": claim}
        told.append(replace(one, raw=replace(one.raw, meta=meta | given)))
    job = replace(whole.job, entries=tuple(replace(e, calibration=None) for e in whole.job.entries))
    found = build(replace(whole, job=job, raw_files=replace(whole.raw_files, files=tuple(told))))
    unknown = Fact[str](reason="not_recorded")
    assert found.workload.shapes == found.workload.input_set_sha256 == unknown
    assert found.workload.calibration_sha256 == found.identity.session_options == unknown
    assert found.workload.seed.reason == "not_recorded"
    assert {one.seed.reason for one in found.provenance.raw} == {"not_recorded"}
    older = json.loads(to_json(found))
    for entry in older["provenance"]["raw"]:
        del entry["seed"]  # as records were before
    assert from_json(json.dumps(older).encode()) == found


def test_a_missing_and_a_damaged_raw_file_are_said_and_end_nothing(
    files: dict[RawRef, bytes],
) -> None:
    pair = next(ref for ref in files if ref.pass_name is PassName.PAIR)
    quality = next(ref for ref in files if ref.pass_name is PassName.QUALITY)
    hurt = sources({**files, pair: b"", quality: files[quality][:-100]})
    found = build(hurt)
    states = {entry.pass_name: entry.state for entry in found.provenance.raw}
    assert states["pair"] == "raw_file_missing"
    assert states["quality"] == "raw_file_damaged"
    assert states["absolute"] == "read"
    assert found.quality.n.reason == "raw_file_damaged"
    # What was computed when the file was there stays: only the evidence is gone.
    assert found.comparison.quads.value == 60


def test_a_run_without_anything_is_all_reasons(files: dict[RawRef, bytes]) -> None:
    whole = sources(files)
    run = replace(whole.run, metrics=(), raw=(), stack=(), analysis_version=None)
    found = build(replace(whole, run=run, device=None, raw_files=type(whole.raw_files)()))
    assert all(metric.reason == "not_measured" for _, metric in found.metrics())
    assert from_json(to_json(found)) == found


def test_digests_of_the_raw_files_are_theirs(files: dict[RawRef, bytes], record: Record) -> None:
    known = {hashlib.sha256(data).hexdigest() for data in files.values()}
    assert {entry.sha256 for entry in record.provenance.raw} == known


@pytest.mark.parametrize(
    ("stack", "reason"),
    [
        ((StackItem("runtime", "onnxruntime"),), "not_probed"),
        ((StackItem("kernel.QGemm.u8s8.const", "exact"),), "not_recorded"),
    ],
)
def test_a_run_on_kernels_that_nobody_probed_has_no_mode(
    files: dict[RawRef, bytes], stack: tuple[StackItem, ...], reason: str
) -> None:
    whole = sources(files)
    kept = tuple(one for one in whole.run.metrics if one.key != "saturated_pct")
    run = replace(whole.run, stack=stack, metrics=(*kept, MetricValue("saturated_pct", 0.0)))
    assert build(replace(whole, run=run)).identity.kernel_mode == Fact(reason=reason)
