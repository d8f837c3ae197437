"""Findings about where operators run, of a runtime that tells no times.

Whose kernels execute them, in how many pieces, with how many layout changes and conversions; and
how that differs from the runtime of the baseline, as far as evidence goes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ...numerics.ledger import INTEGER as IN_INTEGERS
from ...numerics.ledger import OPAQUE, Ledger
from ...raw.operators import CAST, CONVERT, LAYOUT, ListedOperator, OperatorProfile, OperatorTime
from .types import NOTE, SLOW, ExplainedRun, Finding, share_words

MANY_PIECES = 2
"""A delegate that takes all in one piece, or in two around an operator, costs nothing to name."""


def placed_findings(subject: ExplainedRun) -> Iterator[Finding]:
    """Every finding about placement; none about a runtime that tells none."""
    profile = subject.profile
    if profile is None or not profile.listed:
        return
    severity = NOTE if subject.metric("latency_ratio").verdict == "FASTER" else SLOW
    yield from _delegated(subject, profile, severity)
    if not subject.is_baseline:
        yield from _between_runtimes(subject, profile)


def _delegated(subject: ExplainedRun, profile: OperatorProfile, severity: str) -> Iterator[Finding]:
    """Operators that a delegate left to the runtime's own kernels, and the borders it made."""
    places = Counter(one.placed for one in profile.listed)
    if not profile.pieces:
        (place, count), *_ = places.most_common(1)
        yield Finding(
            NOTE,
            "not_delegated",
            f"No delegate took any of its {count} operators: {place} kernels execute them all.",
            ("Use a format that a delegate has kernels for, such as int8 weights and activations.",)
            if severity == SLOW
            else (),
            weight=0.3,
        )
        return
    left = [one for one in profile.listed if one.placed in ("builtin", "reference")]
    if not left and profile.pieces <= MANY_PIECES:
        return
    taken = len(profile.listed) - len(left)
    share = _left_share(subject.ledger)
    work = "" if share is None else f", {share_words(share)} of the multiplications"
    outside = f"; {_kinds(left)} stayed in {left[0].placed} kernels{work}" if left else ""
    pieces = f"{profile.pieces} {'piece' if profile.pieces == 1 else 'pieces'}"
    change = "Each piece ends in a copy: use a format whose operators all have kernels there."
    yield Finding(
        severity,
        "partly_delegated",
        f"The delegate took {taken} of {len(profile.listed)} operators in {pieces}{outside}.",
        (change,) if severity == SLOW else (),
        weight=share or 0.2,
    )


def _left_share(ledger: Ledger | None) -> float | None:
    """Share of the multiplications outside of the delegate; None without a ledger that tells."""
    rows = [row for row in ledger.operators if row.placed] if ledger is not None else []
    total = sum(row.macs for row in rows)
    left = sum(row.macs for row in rows if row.placed in ("builtin", "reference"))
    return left / total if total and left else None


def _kinds(rows: Sequence[ListedOperator]) -> str:
    """``CONV_2D (4), MEAN``."""
    counts = Counter(one.op_type for one in rows).most_common(4)
    words = [f"{name} ({count})" if count > 1 else name for name, count in counts]
    rest = len({one.op_type for one in rows}) - len(words)
    return ", ".join(words) + (f" and {rest} more kinds" if rest else "")


def _between_runtimes(subject: ExplainedRun, profile: OperatorProfile) -> Iterator[Finding]:
    """What differs between the runtimes of artifact and baseline, and where evidence ends."""
    baseline = subject.baseline_profile
    if not subject.baseline_runtime or subject.baseline_runtime == subject.runtime:
        return
    threads = f"both on {subject.threads} {'thread' if subject.threads == 1 else 'threads'}"
    words = [
        f"It runs in {subject.runtime}, its baseline in {subject.baseline_runtime}, {threads}.",
        f"Here: {_facts(profile.listed)}{_products(subject.ledger)}.",
    ]
    if baseline is not None and baseline.operators:
        words.append(f"There: {_facts(baseline.operators)}.")
    words.append(
        f"{subject.runtime} tells no time per operator, so that which of these makes the"
        " difference is not known."
    )
    yield Finding(NOTE, "other_runtime", " ".join(words), weight=0.4)


def _facts(rows: Sequence[ListedOperator | OperatorTime]) -> str:
    roles = Counter(one.role for one in rows)
    return (
        f"{len(rows)} operators, {roles[LAYOUT]} of them layout changes, {roles[CONVERT]}"
        f" conversions to or from integers, {roles[CAST]} casts"
    )


def _products(ledger: Ledger | None) -> str:
    """Whose kernels multiply, and in which numbers."""
    if ledger is None or not ledger.products:
        return ""
    counts = Counter(
        (row.placed, "integers" if row.compute in (IN_INTEGERS, OPAQUE) else "floats")
        for row in ledger.products
    )
    words = [f"{count} in {numbers} by {place}" for (place, numbers), count in counts.items()]
    return f"; products: {', '.join(words)}"
