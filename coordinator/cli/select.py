"""The command `select`: which format to ship, within limits, with evidence."""

from __future__ import annotations

from typing import Annotated

import typer

from .common import (
    Coordinator,
    Database,
    FromFile,
    Json,
    TokenFile,
    answers,
    print_json,
    print_text,
)


def select(
    *,
    model_class: Annotated[str, typer.Option(help="cnn, transformer, recurrent, mlp or other.")],
    hardware: Annotated[str, typer.Option(help="cpu_only, gpu_nvidia, edge_arm, ...")],
    model: Annotated[str | None, typer.Option("--model", help="Only this model.")] = None,
    batch: Annotated[int, typer.Option(min=1, help="Samples per call.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the runtime.")] = 1,
    offline: Annotated[
        bool, typer.Option("--offline", help="Scenario offline, else single_stream.")
    ] = False,
    objective: Annotated[
        str, typer.Option(help="What is best: latency, size, memory, energy or throughput.")
    ] = "latency",
    max_accuracy_loss: Annotated[
        float | None,
        typer.Option(min=0, help="Accuracy that may be lost, in points; 1.0 unless given."),
    ] = None,
    any_accuracy: Annotated[
        bool, typer.Option("--any-accuracy", help="Put no limit on the accuracy loss.")
    ] = False,
    max_latency: Annotated[
        str | None, typer.Option(metavar="TIME", help="Limit of the p50, such as 250us or 2ms.")
    ] = None,
    max_p90: Annotated[
        str | None, typer.Option(metavar="TIME", help="Limit of the 90th percentile.")
    ] = None,
    max_p99: Annotated[
        str | None, typer.Option(metavar="TIME", help="Limit of the 99th percentile.")
    ] = None,
    min_throughput: Annotated[
        float | None, typer.Option(help="Samples per second that are needed.")
    ] = None,
    max_memory: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Limit of the peak memory, such as 20MiB.")
    ] = None,
    max_energy: Annotated[
        float | None, typer.Option(metavar="MJ", help="Limit of one inference, in millijoules.")
    ] = None,
    max_size: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Limit of the file, such as 500KiB.")
    ] = None,
    max_size_ratio: Annotated[
        float | None, typer.Option(help="Limit of size / size of fp32, such as 0.5.")
    ] = None,
    max_age: Annotated[
        float | None,
        typer.Option(metavar="DAYS", help="Only figures that are newer, and none that is stale."),
    ] = None,
    min_devices: Annotated[
        int | None, typer.Option(help="Devices that must have measured it.")
    ] = None,
    allow_saturating: Annotated[
        bool, typer.Option("--allow-saturating", help="Also formats whose kernels saturate there.")
    ] = False,
    confidence: Annotated[
        float, typer.Option(help="Share of draws in which each limit must hold.")
    ] = 0.95,
    per_day: Annotated[
        float | None, typer.Option(metavar="N", help="Inferences a day, for the break-even.")
    ] = None,
    price_per_hour: Annotated[
        float | None, typer.Option(help="Price of an hour of the machine.")
    ] = None,
    energy_price: Annotated[float | None, typer.Option(help="Price of a kWh.")] = None,
    switch_cost: Annotated[
        float | None, typer.Option(help="What it costs once to ship another format.")
    ] = None,
    payback_days: Annotated[float, typer.Option(help="Days within which that must pay.")] = 365.0,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also how the answer came about.")
    ] = False,
    from_file: FromFile = None,
    coordinator: Coordinator = None,
    db: Database = None,
    token_file: TokenFile = None,
    json: Json = False,
) -> None:
    """Say which format to ship, within limits, with evidence.

    Example: bitgauge select --model-class cnn --hardware cpu_only --max-accuracy-loss 1.0

    Example: bitgauge select --model-class cnn --hardware cpu_only --max-p99 2ms --explain
    """
    from bitgauge.benchmarks.vocabulary.enums import HardwareClass, ModelClass, Objective, Scenario
    from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
    from bitgauge.benchmarks.vocabulary.typed import parse_size_bytes, parse_time_ns, parse_word
    from bitgauge.benchmarks.vocabulary.values.choices import SelectQuery
    from bitgauge.benchmarks.vocabulary.values.jobs import Workload

    from .text.choice import choice_text

    if any_accuracy and max_accuracy_loss is not None:
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"--any-accuracy contradicts --max-accuracy-loss {max_accuracy_loss:g}; give one of"
            " the two.",
        )
    loss_pp = 1.0 if max_accuracy_loss is None else max_accuracy_loss
    scenario = Scenario.OFFLINE if offline else Scenario.SINGLE_STREAM
    query = SelectQuery(
        model_class=parse_word(ModelClass, model_class, "model class"),
        hardware_class=parse_word(HardwareClass, hardware, "hardware class"),
        model_name=model,
        workload=Workload(scenario=scenario, batch=batch, threads=threads),
        max_accuracy_loss_pp=None if any_accuracy else loss_pp,
        max_latency_ns=parse_time_ns(max_latency) if max_latency else None,
        max_latency_p90_ns=parse_time_ns(max_p90) if max_p90 else None,
        max_latency_p99_ns=parse_time_ns(max_p99) if max_p99 else None,
        min_throughput_per_s=min_throughput,
        max_peak_memory_bytes=parse_size_bytes(max_memory) if max_memory else None,
        max_energy_mj=max_energy,
        max_size_bytes=parse_size_bytes(max_size) if max_size else None,
        max_size_ratio=max_size_ratio,
        max_age_s=None if max_age is None else round(86_400 * max_age),
        min_devices=min_devices,
        objective=parse_word(Objective, objective, "objective"),
        allow_saturating=allow_saturating,
        confidence=confidence,
        inferences_per_day=per_day,
        price_per_hour=price_per_hour,
        energy_price_per_kwh=energy_price,
        switch_cost=switch_cost,
        payback_days=payback_days,
    )
    with answers(coordinator, db, token_file, from_file) as source:
        choice = source.select(query)
    if json:
        print_json(choice)
    else:
        print_text(choice_text(choice, explain=explain))


PLACE = 50
"""Where the commands of this file stand in the help."""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(select)
