"""Artifacts, their lineage and aliases in words. Pure: values in, lines out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bitgauge.benchmarks.vocabulary.shown import moment
from bitgauge.benchmarks.vocabulary.values.registry import AliasMove, Lineage, Registered

from ..layout import columns, wrapped
from .gates import verdict_line


def artifacts_text(found: Iterable[Registered]) -> str:
    """One line for each artifact, the one that was measured last first."""
    lines = [
        (
            one.artifact.short if one.artifact else "-",
            one.model_name,
            one.recipe if one.name == one.recipe else f"{one.recipe} {one.name}",
            one.runtime,
            one.device_name,
            _said(one),
            one.run_id[:8],
        )
        for one in found
    ]
    heads = ("artifact", "model", "recipe", "runtime", "device", "verdict", "run")
    return "\n".join(columns(lines, heads)) if lines else "none"


def lineage_text(found: Lineage) -> str:
    """Where an artifact comes from, and everything that was said of it."""
    return "\n".join(_lineage(found))


def moves_text(found: Iterable[AliasMove]) -> str:
    """One line for each move of an alias, newest first."""
    lines = [
        (
            moment(one.at_unix_ns),
            f"{one.model_name}@{one.alias}",
            one.run_id[:8],
            f"{one.artifact} on {one.device_name}, {_mover(one)}",
        )
        for one in found
    ]
    return "\n".join(columns(lines, ("when", "alias", "run", ""))) if lines else "none"


def _lineage(found: Lineage) -> Iterator[str]:
    own = found.registered
    yield from wrapped(f"{own.model_name} {own.recipe} ({own.kind}): {_said(own)}")
    facts = (
        ("artifact", str(own.artifact) if own.artifact else "not recorded"),
        ("made by", found.toolchain or "its owner, who gave the file"),
        ("of", str(found.source) if found.source else ""),
        ("calibrated with", str(found.calibration) if found.calibration else ""),
        ("baseline", str(own.baseline)),
        ("as sent", str(found.original) if found.original else ""),
        ("put in order", "; ".join(found.order)),
        ("build", "; ".join(found.notes)),
        ("measured", f"run {own.run_id} on {own.device_name}, {moment(own.measured_unix_ns)}"),
        ("job", f"{found.job_id} of {found.submitted_by or 'nobody named'}"),
    )
    yield from columns([(name, text) for name, text in facts if text], indent="  ")
    for verdict in found.verdicts:
        yield from wrapped(verdict_line(verdict), "  ", "  ")
    for one in found.moves:
        yield from wrapped(f"{moment(one.at_unix_ns)}  {one.alias}, {_mover(one)}", "  ", "  ")


def _mover(one: AliasMove) -> str:
    return f"by {one.by}: {one.reason}" if one.by else f"passed for {one.use_case}"


def _said(one: Registered) -> str:
    aliases = "".join(f" @{alias}" for alias in one.aliases)
    told = f"{one.outcome} for {one.use_case}" if one.outcome else "not judged"
    return f"{told}{aliases}"
