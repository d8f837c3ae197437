"""From raw data to published numbers: every metric, every reason, and the same bits each time."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bitgauge.benchmarks.analysis.analyse import ANALYSIS_VERSION, RunFacts, analyse
from bitgauge.benchmarks.quality.accuracy import score
from bitgauge.benchmarks.raw.container import RawFile, read_raw, write_raw
from bitgauge.benchmarks.raw.quality import quality_raw
from bitgauge.benchmarks.vocabulary.enums import PassName, Profile, RawRole, Realness, Scenario
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.metrics import METRICS, published
from bitgauge.benchmarks.vocabulary.reasons import FLAGS, REASONS
from bitgauge.benchmarks.vocabulary.values.credentials import AaCertificate
from bitgauge.benchmarks.vocabulary.values.devices import MeterDescription
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Workload

from tests.labs.rooms.raw_files import FACTS, MIB, WARM, absolute, by_key, everything, memory, pair
from tests.labs.values import BASELINE, detail, origin


def test_every_metric_in_the_order_of_the_registry_with_value_or_reason() -> None:
    for facts in (
        FACTS,
        replace(FACTS, is_baseline=True),
        replace(FACTS, realness=Realness.EMULATED),
        replace(FACTS, profile=Profile.CERTIFIED),
    ):
        for raws in ([], everything()):
            if raws and facts.profile is Profile.CERTIFIED:
                continue
            metrics = analyse(raws, facts)
            assert [metric.key for metric in metrics] == list(published(Scenario.SINGLE_STREAM))
            for metric in metrics:
                assert (metric.value is None) == (metric.reason is not None)
                assert metric.reason is None or metric.reason in REASONS
                assert set(metric.flags) <= set(FLAGS)
                if metric.value is not None and metric.low is not None:
                    assert metric.high is not None
                    assert metric.low <= metric.value <= metric.high


def test_same_bits_whatever_the_order_and_through_the_file(tmp_path: Path) -> None:
    raws = everything()
    first = analyse(raws, FACTS)
    assert repr(analyse(raws, FACTS)) == repr(first)
    stored = []
    for index, raw in enumerate(raws):
        write_raw(tmp_path / f"{index}.npz", raw)
        stored.append(read_raw(tmp_path / f"{index}.npz"))
    random.Random(3).shuffle(stored)
    assert repr(analyse(stored, FACTS)) == repr(first)
    assert ANALYSIS_VERSION >= 1


def test_another_run_id_resamples_differently() -> None:
    other = by_key([absolute(1e6, 0)], replace(FACTS, run_id="other"))["latency_p50_ns"]
    mine = by_key([absolute(1e6, 0)])["latency_p50_ns"]
    assert other.value == mine.value
    assert (other.low, other.high) != (mine.low, mine.high)


def test_latency_ratio() -> None:
    metric = by_key([pair(0.8)])["latency_ratio"]
    assert metric.value == pytest.approx(0.8, rel=0.005)
    assert (metric.verdict, metric.difference, metric.n) == ("FASTER", "detected", 60)
    assert metric.flags == ("preliminary", "untrusted")
    same = by_key([pair(1.0)])["latency_ratio"]
    assert same.verdict == "SAME"


def test_a_certificate_says_how_far_a_verdict_is_trusted() -> None:
    certificate = AaCertificate(
        *("c1", "d", "onnxruntime", "stack", Profile.QUICK, 100, 200),
        asked=40,
        comparisons=40,
        false_positives=1,
        worst_effect=0.004,
        mde=0.0047,
        passed=True,
    )
    facts = replace(FACTS, certificate=certificate, leased_unix_ns=150)
    raws = [pair(0.8), *(absolute(1e6, launch) for launch in range(3))]
    covered, late = by_key(raws, facts), by_key(raws, replace(facts, leased_unix_ns=200))
    for key in ("latency_ratio", "latency_p50_ns", "load_ns"):
        assert "untrusted" not in covered[key].flags
        assert "untrusted" in late[key].flags
        assert detail(late[key])["untrusted"] == "the A/A certificate had expired"
    found = detail(covered["latency_ratio"])
    assert (found["aa_certificate_id"], found["mde"]) == ("c1", "0.0047")
    assert covered["latency_ratio"].value == late["latency_ratio"].value
    assert "untrusted" not in late["size_ratio"].flags


def test_flags_say_what_was_wrong() -> None:
    unsteady = replace(WARM, steady=False)
    metric = by_key([pair(1.0, spread=0.2, psi=5.0, warm=unsteady)])["latency_ratio"]
    wrong = {"preliminary", "no_steady_state", "shared", "wide_interval", "untrusted"}
    assert set(metric.flags) == wrong
    assert metric.verdict == "UNDECIDED"
    assert "shared" not in by_key([pair(1.0)])["latency_ratio"].flags
    once = np.zeros(240)
    once[[8, 9, 40]] = 1.0
    stolen = by_key([pair(1.0, steal=once)])["latency_ratio"]
    assert {"shared", "discarded_blocks"} <= set(stolen.flags)
    assert (stolen.n, detail(stolen)["discarded_causes"]) == (58, "steal:2")
    two = [absolute(1e6, launch) for launch in range(2)]
    assert "few_launches" in by_key(two)["latency_p50_ns"].flags
    sampled = [memory(MIB, RawRole.CANDIDATE, method="sampled")]
    assert "peak_sampled" in by_key(sampled)["peak_memory_bytes"].flags


def test_verdicts_share_their_error_among_comparisons() -> None:
    # A ratio whose 95 % interval just clears the margin does not when nine others were tried.
    raw = pair(0.966, spread=0.06)
    alone = by_key([raw])["latency_ratio"]
    many = by_key([raw], replace(FACTS, comparisons=200))["latency_ratio"]
    assert (many.low, many.high) == (alone.low, alone.high)
    assert alone.verdict == "FASTER"
    assert many.verdict == "UNDECIDED"


def test_few_quads_give_no_ratio() -> None:
    metric = by_key([pair(0.8, quads=5)])["latency_ratio"]
    assert (metric.value, metric.reason) == (None, "insufficient_samples")


def test_median_over_launches_and_cold_starts() -> None:
    metrics = by_key([absolute(1e6 * level, i) for i, level in enumerate((1.0, 1.1, 0.9))])
    median = metrics["latency_p50_ns"]
    assert median.value == pytest.approx(1e6, rel=0.01)
    assert median.low is not None
    assert median.high is not None
    assert median.low < 0.95e6
    assert median.high > 1.05e6
    assert median.n == 3000
    assert (metrics["load_ns"].value, metrics["load_ns"].high) == (10_000_001, 10_000_002)
    assert metrics["first_inference_ns"].low == 2_000_000


def test_a_few_latencies_are_no_median() -> None:
    metric = by_key([absolute(1e6, 0, n=5)])["latency_p50_ns"]
    assert (metric.value, metric.reason) == (None, "insufficient_samples")


def test_the_baseline_has_numbers_and_no_comparisons() -> None:
    facts = replace(FACTS, candidate=BASELINE, is_baseline=True, entry_index=0)
    alone = score(np.tile(np.eye(2), (45, 1)), None, np.arange(90) % 2, None)
    source = replace(origin(PassName.QUALITY, RawRole.BOTH), artifacts=(BASELINE.sha256,))
    metrics = by_key([quality_raw(source, alone)], facts)
    assert metrics["accuracy_pct"].value == 100
    assert metrics["nonfinite_count"].value == 0
    for key in (
        "size_ratio",
        "latency_ratio",
        "peak_memory_ratio",
        "energy_ratio",
        "accuracy_delta_pp",
        "flips_pct",
        "kl_mean",
    ):
        assert metrics[key].reason == "baseline"


@pytest.mark.parametrize("realness", [Realness.EMULATED, Realness.SIMULATED])
def test_a_device_that_is_not_real_keeps_no_time(realness: Realness) -> None:
    metrics = by_key(everything(), replace(FACTS, realness=realness))
    for key in ("latency_ratio", "latency_p50_ns", "load_ns", "peak_memory_bytes", "energy_mj"):
        assert (metrics[key].value, metrics[key].reason) == (None, realness.value)
    assert metrics["accuracy_delta_pp"].verdict == "PASS"
    assert metrics["size_ratio"].value == 0.25


def test_what_is_unpacked_to_floats_shows_no_time_and_no_memory_of_a_format() -> None:
    """Whatever the raw data hold: floats in the place of 4 bits are not what 4 bits cost."""
    real = by_key(everything())
    metrics = by_key(everything(), replace(FACTS, dequantized=True))
    spared = ("sentinel_before_ns", "sentinel_after_ns")
    concerned = [key for key in metrics if METRICS[key].needs_device and key not in spared]
    assert {"latency_ratio", "latency_p50_ns", "peak_memory_bytes", "energy_mj"} < {*concerned}
    assert any(real[key].value is not None for key in concerned), "they were there to be shown"
    for key in concerned:
        assert (metrics[key].value, metrics[key].reason) == (None, "dequantized"), key
    assert metrics["accuracy_delta_pp"].verdict == "PASS"
    assert metrics["size_ratio"].value == 0.25


def test_energy_is_null_and_says_why() -> None:
    assert by_key([])["energy_mj"].reason == "no_sensor"
    clock = MeterDescription("clock", "time", "counter", "board")
    assert by_key([], replace(FACTS, meters=(clock,)))["energy_mj"].reason == "no_sensor"
    meter = MeterDescription("rapl", "energy", "counter", "package")
    assert by_key([], replace(FACTS, meters=(meter,)))["energy_mj"].reason == "not_in_profile"


@pytest.mark.parametrize(
    ("raws", "facts", "word"),
    [
        ([pair(1.0), pair(1.0)], FACTS, "launch 0"),
        ([pair(1.0)], replace(FACTS, candidate=Digest("c" * 64, 1)), "another artifact"),
        ([pair(1.0)], replace(FACTS, workload=Workload(batch=64)), "another workload"),
        ([pair(1.0)], replace(FACTS, profile=Profile.STANDARD), "profile"),
        ([RawFile({}, {})], FACTS, "which launch"),
    ],
)
def test_raw_data_of_something_else_is_refused(
    raws: list[RawFile], facts: RunFacts, word: str
) -> None:
    with pytest.raises(BadInput, match=word) as error:
        analyse(raws, facts)
    assert error.value.code is Code.BAD_RAW


def test_one_run_is_analysed_in_a_moment() -> None:
    raws = [*everything(), *(absolute(1e6, 10 + i, n=50_000) for i in range(3))]
    started = time.process_time()
    analyse(raws, FACTS)
    assert time.process_time() - started < 2


def test_neither_device_nor_analysis_pays_for_scipy() -> None:
    modules = (
        "protocol.latency",
        "quality.accuracy",
        "quality.sets",
        "raw.files",
        "analysis.analyse",
    )
    imports = "; ".join(f"import bitgauge.benchmarks.{name}" for name in modules)
    code = f"import sys; {imports}; print('scipy' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert answer.stdout.strip() == b"False"


def test_a_number_carries_the_version_of_its_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {metric.definition for metric in analyse(everything(), FACTS)} == {1}
    for key, definition in (("latency_ratio", 2), ("energy_mj", 3)):
        monkeypatch.setitem(METRICS, key, replace(METRICS[key], definition=definition))
    found = {metric.key: metric.definition for metric in analyse(everything(), FACTS)}
    assert {key: version for key, version in found.items() if version > 1} == {
        "latency_ratio": 2,
        "energy_mj": 3,
    }
