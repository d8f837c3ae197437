"""`bitgauge up` and `bitgauge demo`: start a coordinator and stay with it, or show what it does."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated

import typer

from ..decisions.quotas import Quotas
from .common import HomeFolder, unfolded

_QUOTAS = Quotas()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """What one user may have; the names are those of the options."""

    queue_quota: Annotated[
        int, typer.Option(min=1, help="Jobs of one user that may wait at one time.")
    ] = 100
    campaign_quota: Annotated[
        int, typer.Option(min=1, help="Campaigns of one user that have not ended.")
    ] = _QUOTAS.campaigns
    schedule_quota: Annotated[int, typer.Option(min=1, help="Schedules of one user.")] = (
        _QUOTAS.schedules
    )
    schedule_minutes: Annotated[
        int, typer.Option(min=1, help="Minutes between two starts of a schedule, at least.")
    ] = _QUOTAS.between_starts_s // 60
    note_quota: Annotated[
        int, typer.Option(min=1, help="Accepted changes of one user within a day.")
    ] = _QUOTAS.notes
    act_quota: Annotated[
        int, typer.Option(min=1, help="Entries of the audit of one user within a day.")
    ] = _QUOTAS.acts
    token_quota: Annotated[int, typer.Option(min=1, help="Live tokens of people, in all.")] = (
        _QUOTAS.tokens
    )
    join_line_quota: Annotated[
        int, typer.Option(min=1, help="Join lines that wait to be used, in all.")
    ] = _QUOTAS.join_lines

    @property
    def quotas(self) -> Quotas:
        """All but that of jobs."""
        return Quotas(
            campaigns=self.campaign_quota,
            schedules=self.schedule_quota,
            between_starts_s=60 * self.schedule_minutes,
            tokens=self.token_quota,
            join_lines=self.join_line_quota,
            notes=self.note_quota,
            acts=self.act_quota,
        )


@unfolded
def up(
    *,
    home: HomeFolder = None,
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="TCP port; 0: any.")] = None,
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS[:PORT]",
            help="Also serve other machines over TLS; agents use the port after it.",
        ),
    ] = None,
    advertise: Annotated[
        str | None,
        typer.Option(metavar="HOST", help="Name or address that devices shall connect to."),
    ] = None,
    certificate_days: Annotated[
        float, typer.Option(min=0.00001, help="Life of certificates; renewed at two thirds.")
    ] = 30.0,
    task_cpus: Annotated[
        int | None, typer.Option(min=1, help="Processors for builds and analysis.")
    ] = None,
    step_limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STEP=SECONDS[,MEMORY[,WRITTEN]]",
            help="Time, memory and disk of a background step, such as build=900,8GiB,64GiB.",
        ),
    ] = None,
    sandbox: Annotated[
        str,
        typer.Option(
            metavar="LEVEL",
            help="Level that must confine background steps: bwrap, userns or rlimits; auto: the"
            " strongest that works.",
        ),
    ] = "auto",
    blob_limit: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Size that models, sets and raw data together keep to, such as 200GiB.",
        ),
    ] = None,
    device_limit: Annotated[
        str,
        typer.Option(
            metavar="SIZE",
            help="Size of what one agent may send that no result refers to.",
        ),
    ] = "8GiB",
    environments_limit: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Size that all environments of builders keep to on each machine; else 20GiB.",
        ),
    ] = None,
    lease_ttl: Annotated[
        float, typer.Option(min=0.5, help="Seconds until a lease without renewal ends.")
    ] = 60.0,
    renew_every: Annotated[
        float, typer.Option(min=0.1, help="Seconds between renewals of a lease.")
    ] = 5.0,
    unreachable_after: Annotated[
        float, typer.Option(min=0.5, help="Seconds of silence until a device is unreachable.")
    ] = 20.0,
    check_hours: Annotated[
        float, typer.Option(min=0, help="Hours between health checks; 0: not by age.")
    ] = 24.0,
    check_jobs: Annotated[
        int, typer.Option(min=0, help="Jobs between health checks; 0: not by jobs.")
    ] = 50,
    calls_per_token: Annotated[
        int, typer.Option(min=1, help="Calls of one token that may be under way at one time.")
    ] = 64,
    shares: Shares,
    alert_webhook: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="BITGAUGE_ALERT_WEBHOOK",
            show_envvar=False,
            help="Post confirmed regressions there; else $BITGAUGE_ALERT_WEBHOOK.",
        ),
    ] = None,
) -> None:
    """Serve a coordinator until Ctrl-C.

    Example: bitgauge up

    Example: bitgauge up --listen 0.0.0.0
    """
    from bitgauge.benchmarks.common.home import DEFAULT_PORT
    from bitgauge.benchmarks.common.home import home as default_home
    from bitgauge.benchmarks.vocabulary.typed import parse_size_bytes

    from ..cluster.listeners import parse_listen
    from ..cluster.supervisor import run
    from ..config import CoordinatorConfig, care_terms, lease_terms
    from ..decisions.calls import CallTerms
    from ..decisions.steps import parse_limits
    from ..environments.room import MAX_ENVIRONMENTS_BYTES
    from ..lab.alerts import require_webhook

    config = CoordinatorConfig(
        home=str((home or default_home()).expanduser().absolute()),
        host=host,
        port=DEFAULT_PORT if port is None else port,
        terms=lease_terms(lease_ttl, renew_every, unreachable_after),
        care=care_terms(check_hours, check_jobs, shares.queue_quota),
        quotas=shares.quotas,
        task_cpus=task_cpus,
        step_limits=parse_limits(step_limit or []),
        sandbox=sandbox,
        ray_address=os.environ.get("RAY_ADDRESS") or None,
        calls=CallTerms(calls_per_token),
        blob_limit_bytes=parse_size_bytes(blob_limit) if blob_limit else None,
        device_limit_bytes=parse_size_bytes(device_limit),
        environments_bytes=(
            parse_size_bytes(environments_limit) if environments_limit else MAX_ENVIRONMENTS_BYTES
        ),
        tls=parse_listen(listen, advertise, certificate_days) if listen else None,
    )
    webhook = require_webhook(alert_webhook) if alert_webhook else None
    raise typer.Exit(run(config, alert_webhook=webhook))


def demo(
    *,
    home: HomeFolder = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="TCP port; 0: any. Else the usual one, or any."),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Every usual recipe, at batch 1 and 64: some 10 minutes.")
    ] = False,
    batches: Annotated[
        str | None, typer.Option(help="Samples per call, with commas.", show_default="1")
    ] = None,
    models: Annotated[str, typer.Option(help="Zoo models, with commas, or all.")] = "all",
    recipes: Annotated[
        str | None,
        typer.Option(help="Recipes, with commas, or all.", show_default="one of each family"),
    ] = None,
    runtime: Annotated[
        str,
        typer.Option(
            help="What stands beside ONNX Runtime: litert, torch or none. With llamacpp, formats"
            " of a language model."
        ),
    ] = "litert",
) -> None:
    """Measure real models in several formats on this machine, and print table and decision.

    Starts a coordinator and an agent, and stops both at the end. The database stays.

    Example: bitgauge demo
    """
    from bitgauge.benchmarks.common.home import home as default_home

    from .demo.demo import run_demo
    from .demo.plan import plan_of

    folder = (home or default_home()).expanduser().absolute()
    plan = plan_of(
        folder,
        port=port,
        batches=batches or ("1,64" if full else "1"),
        models=models,
        recipes=recipes or ("all" if full else None),
        runtime=runtime,
    )
    raise typer.Exit(run_demo(plan))


PLACE = 10
"""Where the commands of this file stand in the help."""
COMMANDS = (up, demo)
