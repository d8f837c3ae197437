"""Limits that a job cannot answer are refused before it is measured."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bitgauge.benchmarks.gates.limits import LIMITS
from bitgauge.benchmarks.gates.measurable import require_measurable
from bitgauge.benchmarks.vocabulary.enums import Profile, Realness
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.values.devices import MeterDescription
from bitgauge.benchmarks.vocabulary.values.gates import GateRule, UseCase
from bitgauge.benchmarks.vocabulary.values.jobs import usual_request

from tests.labs import values

METER = MeterDescription("rapl", "energy", "counter", "package")
PLAIN = replace(values.device("plain"), meters=())
METERED = replace(values.device("metered"), meters=(METER,))
CLOSED = replace(values.device("closed"), meters=(replace(METER, reason="no_permission"),))
EMULATED = replace(values.device("emulated"), realness=Realness.EMULATED)
STANDARD = values.job(profile=Profile.STANDARD)


def asked(*keys: str) -> UseCase:
    return UseCase("a", tuple(GateRule(key, 1.0) for key in keys))


@pytest.mark.parametrize(
    ("key", "change", "devices", "said"),
    [
        ("max_energy", {}, (PLAIN,), "plain has no energy meter"),
        ("max_energy", {}, (CLOSED, PLAIN), "closed measures no energy (the agent may not read"),
        ("max_latency_p99", {}, (EMULATED,), "emulated is emulated and tells numerics"),
        ("max_latency_p99", {"profile": Profile.QUICK}, (METERED,), "take standard"),
        ("max_peak_memory", {"profile": Profile.QUICK}, (), "profile quick is preliminary"),
        ("max_ttft", {}, (METERED,), "of decoders alone"),
        ("max_perplexity_increase_pct", {}, (METERED,), "of decoders alone"),
        (
            "max_accuracy_loss_pp",
            {"workload": usual_request()},
            (METERED,),
            "the perplexity stands",
        ),
    ],
)
def test_what_nothing_measures_is_one_sentence(
    key: str, change: dict[str, object], devices: tuple[object, ...], said: str
) -> None:
    with pytest.raises(BadInput) as found:
        require_measurable(asked(key), replace(STANDARD, **change), devices)  # type: ignore[arg-type]
    assert said in found.value.sentence
    assert key in found.value.sentence


def test_what_one_device_measures_is_taken() -> None:
    require_measurable(asked("max_energy"), STANDARD, (PLAIN, METERED, EMULATED))
    own = [
        key for key, one in LIMITS.items() if not (one.of.decoder or one.of.group.value == "energy")
    ]
    require_measurable(asked(*own), STANDARD, (PLAIN,))
    require_measurable(asked("max_size_ratio", "max_clip_pct"), values.job(), (EMULATED,))
    require_measurable(asked("max_energy"), STANDARD, ())  # nobody who may take it is known yet
