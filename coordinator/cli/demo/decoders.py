"""What the demo measures of the zoo's decoder, with a runtime of language models."""

from __future__ import annotations

from collections.abc import Sequence

from bitgauge.benchmarks.vocabulary.enums import Scenario
from bitgauge.benchmarks.vocabulary.values.choices import SelectQuery
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec, Selector, Workload
from bitgauge.benchmarks.zoo import ZooDecoder

from ...client.upload import local_file
from ..orders import entries_of

RUNTIMES = ("llamacpp",)
"""Runtimes of decoders, which take the place of the reference's rather than stand beside it."""
FIRST_LOOK = "fp16,int8-q8_0,int4-q4_k_m"
"""What is measured unless recipes are named."""
WORKLOAD = Workload(Scenario.LLM, prompt_tokens=128, generated_tokens=32)
MAX_PERPLEXITY_RATIO = 1.01
"""Which is the margin of a job, too."""


def spec_of(decoder: ZooDecoder, recipes: Sequence[str], runtime: str, device_id: str) -> JobSpec:
    """Its job. The coordinator widens the committed float16: float32 is the baseline."""
    baseline = local_file(decoder.path)
    return JobSpec(
        model_name=decoder.name,
        baseline=baseline.digest,
        entries=entries_of(baseline, (), recipes),
        evaluation=local_file(decoder.evaluation_path).digest,
        calibration=local_file(decoder.calibration_path).digest,
        model_class=decoder.model_class,
        runtime=runtime,
        selector=Selector(device=device_id, runtime=runtime),
        workload=WORKLOAD,
    )


def question_of(decoder: ZooDecoder, device: DeviceView) -> SelectQuery:
    """Which format to ship of it on a device."""
    return SelectQuery(
        model_class=decoder.model_class,
        hardware_class=device.description.hardware_class,
        workload=WORKLOAD,
        max_perplexity_ratio=MAX_PERPLEXITY_RATIO,
    )
