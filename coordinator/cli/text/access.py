"""Who did what, as people read it."""

from __future__ import annotations

from collections.abc import Sequence

from bitgauge.benchmarks.common.audit import AuditVerdict
from bitgauge.benchmarks.vocabulary.shown import moment
from bitgauge.benchmarks.vocabulary.values.audit import AuditEntry

from .layout import columns

_HEADS = ("entry", "when", "who", "did", "to", "")


def audit_text(entries: Sequence[AuditEntry]) -> str:
    """One line for each act, the newest last."""
    if not entries:
        return "Nothing of that kind was done."
    lines = [
        (str(one.position), moment(one.at_unix_ns), one.who, one.what, one.object, one.detail)
        for one in entries
    ]
    return "\n".join(columns(lines, _HEADS, ruled=True))


def verdict_text(verdict: AuditVerdict) -> str:
    """Whether the chain holds, and its head to be written down elsewhere."""
    if verdict.breaks is not None:
        return (
            f"BROKEN: {verdict.breaks}; {verdict.entries} from the first are as they were written."
        )
    return f"The audit is whole: {_known(verdict)}"


def audit_line(verdict: AuditVerdict) -> str:
    """The same in one line of a check."""
    return f"BROKEN: {verdict.breaks}" if verdict.breaks is not None else _known(verdict)


def _known(verdict: AuditVerdict) -> str:
    return f"{verdict.entries} in an unbroken chain, head {verdict.head}"
