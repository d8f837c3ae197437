"""The command `select`: which format to ship, within limits, with evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from .common import FromFile, Source

if TYPE_CHECKING:
    from bitgauge.benchmarks.vocabulary.values.choices import SelectQuery

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """For what a format is chosen, and what is best."""

    model_class: Annotated[str, typer.Option(help="cnn, transformer, recurrent, mlp or other.")]
    hardware: Annotated[str, typer.Option(help="cpu_only, gpu_nvidia, edge_arm, ...")]
    model: Annotated[str | None, typer.Option("--model", help="Only this model.")] = None
    artifact: Annotated[
        str | None,
        typer.Option(help="Only this file beside its baseline: label, or start of its digest."),
    ] = None
    runtime: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only what this runtime executes.")
    ] = None
    batch: Annotated[int, typer.Option(min=1, help="Samples per call.")] = 1
    threads: Annotated[int, typer.Option(min=1, help="Threads of the runtime.")] = 1
    offline: Annotated[
        bool, typer.Option("--offline", help="Scenario offline, else single_stream.")
    ] = False
    llm: Annotated[
        bool, typer.Option("--llm", help="Scenario llm: a language model answers prompts.")
    ] = False
    prompt_tokens: Annotated[
        int | None, typer.Option(min=1, help="With --llm: tokens of a prompt; 128 unless given.")
    ] = None
    generate: Annotated[
        int | None, typer.Option(min=1, help="With --llm: tokens of an answer; 32 unless given.")
    ] = None
    objective: Annotated[
        str, typer.Option(help="What is best: latency, size, memory, energy or throughput.")
    ] = "latency"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the format must keep, and on what evidence."""

    max_accuracy_loss: Annotated[
        float | None,
        typer.Option(min=0, help="Accuracy that may be lost, in points; 1.0 unless given."),
    ] = None
    any_accuracy: Annotated[
        bool, typer.Option("--any-accuracy", help="Put no limit on the accuracy loss.")
    ] = False
    max_latency: Annotated[
        str | None, typer.Option(metavar="TIME", help="Limit of the p50, such as 250us or 2ms.")
    ] = None
    max_p90: Annotated[
        str | None, typer.Option(metavar="TIME", help="Limit of the 90th percentile.")
    ] = None
    max_p99: Annotated[
        str | None, typer.Option(metavar="TIME", help="Limit of the 99th percentile.")
    ] = None
    min_throughput: Annotated[
        float | None, typer.Option(help="Samples per second that are needed.")
    ] = None
    max_memory: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Limit of the peak memory, such as 20MiB.")
    ] = None
    max_energy: Annotated[
        float | None, typer.Option(metavar="MJ", help="Limit of one inference, in millijoules.")
    ] = None
    max_size: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Limit of the file, such as 500KiB.")
    ] = None
    max_size_ratio: Annotated[
        float | None, typer.Option(help="Limit of size / size of fp32, such as 0.5.")
    ] = None
    max_ttft: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="With --llm: limit of the time to the first token."),
    ] = None
    min_tokens_per_s: Annotated[
        float | None,
        typer.Option(help="With --llm: output tokens per second that one request needs."),
    ] = None
    max_perplexity_ratio: Annotated[
        float | None,
        typer.Option(help="With --llm: limit of perplexity / that of fp32; 1.01 unless given."),
    ] = None
    max_age: Annotated[
        float | None,
        typer.Option(metavar="DAYS", help="Only figures that are newer, and none that is stale."),
    ] = None
    min_devices: Annotated[int | None, typer.Option(help="Devices that must have measured it.")] = (
        None
    )
    allow_saturating: Annotated[
        bool, typer.Option("--allow-saturating", help="Also formats whose kernels saturate there.")
    ] = False
    confidence: Annotated[
        float, typer.Option(help="Share of draws in which each limit must hold.")
    ] = 0.95

    def loss_pp(self, *, llm: bool) -> float | None:
        """Accuracy that may be lost, in points; None: no limit, or a decoder, which has none."""
        from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

        of_decoders = (self.max_ttft, self.min_tokens_per_s, self.max_perplexity_ratio)
        if not llm and any(one is not None for one in of_decoders):
            raise BadInput(
                Code.BAD_ARGUMENT,
                "--max-ttft, --min-tokens-per-s and --max-perplexity-ratio are about language"
                " models; give --llm too.",
            )
        if llm and self.max_accuracy_loss is not None:
            raise BadInput(
                Code.BAD_ARGUMENT,
                "A language model has no accuracy in points; limit its perplexity with"
                " --max-perplexity-ratio.",
            )
        if llm:
            return None
        if not self.any_accuracy:
            return 1.0 if self.max_accuracy_loss is None else self.max_accuracy_loss
        if self.max_accuracy_loss is not None:
            raise BadInput(
                Code.BAD_ARGUMENT,
                f"--any-accuracy contradicts --max-accuracy-loss {self.max_accuracy_loss:g}; give"
                " one of the two.",
            )
        return None

    def perplexity_ratio(self, *, llm: bool) -> float | None:
        """Perplexity that a decoder may have, as a ratio to fp32's; None: no limit."""
        if self.max_perplexity_ratio is not None or not llm or self.any_accuracy:
            return self.max_perplexity_ratio
        return 1.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What use and a switch cost, for the break-even."""

    per_day: Annotated[
        float | None, typer.Option(metavar="N", help="Inferences a day, for the break-even.")
    ] = None
    price_per_hour: Annotated[
        float | None, typer.Option(help="Price of an hour of the machine.")
    ] = None
    energy_price: Annotated[float | None, typer.Option(help="Price of a kWh.")] = None
    switch_cost: Annotated[
        float | None, typer.Option(help="What it costs once to ship another format.")
    ] = None
    payback_days: Annotated[float, typer.Option(help="Days within which that must pay.")] = 365.0


def select(
    *,
    question: Question,
    limits: Limits,
    prices: Prices,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also how the answer came about.")
    ] = False,
    from_file: FromFile = None,
    where: Source,
) -> None:
    """Say which format to ship, within limits, with evidence.

    Example: bitgauge select --model-class cnn --hardware cpu_only --max-accuracy-loss 1.0

    Example: bitgauge select --model-class cnn --hardware cpu_only --max-p99 2ms --explain
    """
    from .text.choice import choice_text

    query = _query(question, limits, prices)
    with where.answers(from_file) as source:
        choice = source.select(query)
    where.show(choice, lambda choice: choice_text(choice, explain=explain))


def _query(question: Question, limits: Limits, prices: Prices) -> SelectQuery:
    from bitgauge.benchmarks.vocabulary.enums import HardwareClass, ModelClass, Objective, Scenario
    from bitgauge.benchmarks.vocabulary.typed import parse_size_bytes, parse_time_ns, parse_word
    from bitgauge.benchmarks.vocabulary.values.choices import SelectQuery

    from .orders import request_of

    llm = question.llm
    scenario = Scenario.OFFLINE if question.offline else Scenario.SINGLE_STREAM
    request = request_of(
        Scenario.LLM if llm else scenario,
        question.threads,
        question.prompt_tokens,
        question.generate,
    )
    return SelectQuery(
        max_accuracy_loss_pp=limits.loss_pp(llm=llm),
        max_ttft_ns=_given(parse_time_ns, limits.max_ttft),
        min_tokens_per_s=limits.min_tokens_per_s,
        max_perplexity_ratio=limits.perplexity_ratio(llm=llm),
        model_class=parse_word(ModelClass, question.model_class, "model class"),
        hardware_class=parse_word(HardwareClass, question.hardware, "hardware class"),
        model_name=question.model,
        artifact=question.artifact,
        runtime=question.runtime,
        workload=request if llm else replace(request, batch=question.batch),
        objective=parse_word(Objective, question.objective, "objective"),
        max_latency_ns=_given(parse_time_ns, limits.max_latency),
        max_latency_p90_ns=_given(parse_time_ns, limits.max_p90),
        max_latency_p99_ns=_given(parse_time_ns, limits.max_p99),
        min_throughput_per_s=limits.min_throughput,
        max_peak_memory_bytes=_given(parse_size_bytes, limits.max_memory),
        max_energy_mj=limits.max_energy,
        max_size_bytes=_given(parse_size_bytes, limits.max_size),
        max_size_ratio=limits.max_size_ratio,
        max_age_s=None if limits.max_age is None else round(86_400 * limits.max_age),
        min_devices=limits.min_devices,
        allow_saturating=limits.allow_saturating,
        confidence=limits.confidence,
        inferences_per_day=prices.per_day,
        price_per_hour=prices.price_per_hour,
        energy_price_per_kwh=prices.energy_price,
        switch_cost=prices.switch_cost,
        payback_days=prices.payback_days,
    )


def _given(parse: Callable[[str], T], text: str | None) -> T | None:
    return parse(text) if text else None


PLACE = 50
"""Where the commands of this file stand in the help."""
COMMANDS = (select,)
