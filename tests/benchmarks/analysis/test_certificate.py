"""The A/A certificate: what it takes, what it covers, what it says about a metric."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from bitgauge.benchmarks.analysis.certificate import (
    CERTIFIED_LIFE_NS,
    COMPARISONS,
    LIFE_NS,
    allowed_false_positives,
    judge,
    newest_before,
    objection,
    trusted,
)
from bitgauge.benchmarks.stats.paired import difference_of, wilcoxon_interval
from bitgauge.benchmarks.vocabulary.enums import Profile
from bitgauge.benchmarks.vocabulary.metrics import METRICS
from bitgauge.benchmarks.vocabulary.values.credentials import AaCertificate
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from hypothesis import given
from hypothesis import strategies as st

MARGIN = 0.02
ISSUED_NS = 1_700_000_000_000_000_000
GOOD = AaCertificate(
    job_id="c1",
    device_id="d",
    runtime="onnxruntime",
    fingerprint="stack",
    profile=Profile.QUICK,
    issued_unix_ns=ISSUED_NS,
    expires_unix_ns=ISSUED_NS + LIFE_NS,
    asked=COMPARISONS,
    comparisons=COMPARISONS,
    false_positives=2,
    worst_effect=0.008,
    mde=0.011,
    passed=True,
    reason="2 of 40 comparisons detected a difference where there is none",
)
REFUSED = replace(GOOD, job_id="c2", passed=False, reason="one of 40 was off by 3.0 %")


def ratios(logs: list[float], detected: int = 0) -> list[MetricValue]:
    return [
        MetricValue(
            "latency_ratio", math.exp(one), difference="detected" if at < detected else "none"
        )
        for at, one in enumerate(logs)
    ]


# -- what it takes ------------------------------------------------------------------------
def test_five_of_forty_are_chance() -> None:
    assert allowed_false_positives(40) == 5
    assert [allowed_false_positives(count) for count in (1, 3, 20, 100)] == [1, 1, 3, 10]


@given(st.integers(1, 200))
def test_a_sound_device_rarely_exceeds_what_chance_allows(count: int) -> None:
    def exceeding(allowed: int) -> float:
        return sum(
            math.comb(count, k) * 0.05**k * 0.95 ** (count - k)
            for k in range(allowed + 1, count + 1)
        )

    allowed = allowed_false_positives(count)
    assert exceeding(allowed) < 0.02 + 1e-9
    assert allowed == 0 or exceeding(allowed - 1) > 0.02


@pytest.mark.parametrize(("detected", "passed"), [(0, True), (5, True), (6, False), (40, False)])
def test_too_many_differences_refuse(detected: int, passed: bool) -> None:
    finding = judge(ratios([0.001] * 40, detected), 40, MARGIN)
    assert (finding.passed, finding.false_positives) == (passed, detected)
    assert passed or "chance explains 5" in finding.reason


def test_a_comparison_of_an_older_definition_is_none() -> None:
    found = ratios([0.001] * 40)
    assert judge(found, 40, MARGIN).passed
    assert judge([replace(one, definition=2) for one in found], 40, MARGIN).passed
    finding = judge([found[0], *(replace(one, definition=2) for one in found[1:])], 40, MARGIN)
    assert not finding.passed
    assert "1 of 40 comparisons gave no number" in finding.reason


@pytest.mark.parametrize("sign", [1, -1])
def test_one_comparison_beyond_the_margin_refuses(sign: int) -> None:
    logs = [0.0] * 39 + [sign * 0.019]
    assert judge(ratios(logs), 40, MARGIN).passed
    logs[-1] = sign * 0.021
    finding = judge(ratios(logs), 40, MARGIN)
    assert not finding.passed
    assert "off by 2.1 %, more than the margin of 2 %" in finding.reason


@given(st.integers(0, 39), st.integers(0, 60))
def test_fewer_than_forty_numbers_never_pass(numbers: int, asked: int) -> None:
    finding = judge(ratios([0.0] * numbers), asked, MARGIN)
    assert not finding.passed
    assert finding.reason


def test_comparisons_without_a_number_refuse() -> None:
    found = [*ratios([0.0] * 38), MetricValue("latency_ratio", reason="insufficient_samples")]
    finding = judge(found, 40, MARGIN)
    assert (finding.passed, finding.comparisons) == (False, 38)
    assert "2 of 40 comparisons gave no number" in finding.reason


def test_the_minimal_effect_is_found_four_times_in_five() -> None:
    rng = np.random.default_rng(20)
    logs = rng.normal(0.0, 0.004, 40)
    finding = judge(ratios(list(logs)), 40, MARGIN)
    assert finding.mde == pytest.approx(math.expm1(2.8 * float(np.std(logs, ddof=1))))
    assert finding.worst_effect == pytest.approx(float(np.expm1(np.abs(logs).max())))
    # Of comparisons with that true effect and scatter, four in five lie beyond 1.96 deviations.
    assert finding.mde is not None
    effects = rng.normal(math.log1p(finding.mde), 0.004, 20_000)
    assert float(np.mean(np.abs(effects) > 1.96 * 0.004)) == pytest.approx(0.8, abs=0.12)


def test_a_sound_device_passes_and_a_biased_one_does_not() -> None:
    """40 comparisons of 60 quads each: no bias, then 3 % that nobody asked for."""
    rng = np.random.default_rng(4)

    def measured(bias: float) -> list[MetricValue]:
        found = []
        for _ in range(40):
            interval = wilcoxon_interval(rng.normal(bias, 0.03, 60))
            assert interval is not None
            found.append(
                MetricValue(
                    "latency_ratio", math.exp(interval.point), difference=difference_of(interval)
                )
            )
        return found

    sound = [judge(measured(0.0), 40, MARGIN).passed for _ in range(20)]
    assert sum(sound) >= 18
    assert not any(judge(measured(0.03), 40, MARGIN).passed for _ in range(20))


# -- what it covers -----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("certificate", "profile", "age_ns", "words"),
    [
        (GOOD, Profile.QUICK, 0, None),
        (GOOD, Profile.STANDARD, LIFE_NS - 1, None),
        (GOOD, Profile.STANDARD, LIFE_NS, "had expired"),
        (GOOD, Profile.CERTIFIED, CERTIFIED_LIFE_NS, None),
        (GOOD, Profile.CERTIFIED, CERTIFIED_LIFE_NS + 1, "the last 24 hours"),
        (REFUSED, Profile.QUICK, 0, "was refused: one of 40"),
        (None, Profile.QUICK, 0, "no A/A certificate"),
    ],
)
def test_what_is_covered(
    certificate: AaCertificate | None, profile: Profile, age_ns: int, words: str | None
) -> None:
    found = objection(certificate, profile, ISSUED_NS + age_ns)
    assert (found is None) is (words is None)
    assert words is None or words in (found or "")


def test_the_last_word_before_a_run_counts() -> None:
    later = replace(REFUSED, issued_unix_ns=ISSUED_NS + 10)
    rehearsal = replace(REFUSED, job_id="c3", asked=5, issued_unix_ns=ISSUED_NS + 20)
    known = (rehearsal, later, GOOD)
    assert newest_before(known, ISSUED_NS - 1) is None
    assert newest_before(known, ISSUED_NS) == GOOD
    assert newest_before(known, ISSUED_NS + 9) == GOOD
    assert newest_before(known, ISSUED_NS + 10) == later
    assert newest_before(known, ISSUED_NS + 20) == later


@given(st.permutations([replace(GOOD, job_id=f"c{n}", issued_unix_ns=n // 2) for n in range(8)]))
def test_certificates_come_in_any_order_and_later_ones_change_nothing(
    known: list[AaCertificate],
) -> None:
    found = newest_before(known, 2)
    assert found == newest_before(known[::-1], 2)
    assert found == newest_before([one for one in known if one.issued_unix_ns <= 2], 2)


# -- what it says about a metric ----------------------------------------------------------
def test_a_ratio_names_its_certificate() -> None:
    metric = trusted(MetricValue("latency_ratio", 0.9), GOOD, Profile.QUICK, ISSUED_NS)
    assert metric.flags == ()
    detail = {item.name: item.value for item in metric.detail}
    assert detail == {"aa_certificate_id": "c1", "mde": "0.011"}


@pytest.mark.parametrize("key", sorted(METRICS))
def test_only_time_needs_trust(key: str) -> None:
    metric = trusted(MetricValue(key, 1.0, flags=("shared",)), None, Profile.QUICK, ISSUED_NS)
    assert ("untrusted" in metric.flags) is METRICS[key].certified
    assert "shared" in metric.flags
    null = MetricValue(key, reason="pass_missing")
    assert trusted(null, None, Profile.QUICK, ISSUED_NS) == null
