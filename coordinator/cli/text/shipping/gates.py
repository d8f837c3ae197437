"""Verdicts of gates in words. Pure: values in, lines out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bitgauge.benchmarks.gates.simulate import Replayed
from bitgauge.benchmarks.vocabulary.shown import moment, number, points
from bitgauge.benchmarks.vocabulary.values.gates import GATE, PASSED, GateVerdict

from ..layout import columns, notes, wrapped

_WORDS = {"manual_review": "review", "not_judged": "not judged"}


def verdict_text(found: GateVerdict) -> str:
    """The outcome, each rule with its figures, and what to read."""
    lines = wrapped(_title(found))
    told = [(_word(one.verdict), one.rule, one.why) for one in found.rules]
    if told:
        lines += ["", *columns(told, indent="  ")]
    pages = [one.playbook for one in found.rules if one.playbook]
    said = [f"Loosened: {one}." for one in found.loosened]
    if found.partial:
        said.append("Numerics and quality alone were judged; this verdict moves no alias.")
    said += [f"What to do: {one}" for one in dict.fromkeys(pages)]
    return "\n".join([*lines, *([""] if said else []), *notes(said)])


def verdict_markdown(found: GateVerdict) -> str:
    """The same as Markdown, for a comment on a change."""
    rows = [
        f"| {_cell(_word(one.verdict))} | `{one.rule}` | {_cell(one.why)} |" for one in found.rules
    ]
    said = [f"- Loosened: {_cell(one)}" for one in found.loosened]
    said += [
        f"- [{one}]({one})" for one in dict.fromkeys(one.playbook for one in found.rules) if one
    ]
    head = ["| verdict | rule | why |", "| --- | --- | --- |"] if rows else []
    return "\n".join([f"**{_cell(_title(found))}**", "", *head, *rows, "", *said]).rstrip() + "\n"


def verdicts_text(found: Iterable[GateVerdict]) -> str:
    """One line for each verdict, newest first."""
    lines = [
        (
            moment(one.at_unix_ns),
            _word(one.outcome) if one.kind == GATE else one.kind,
            one.use_case.name,
            one.run_id[:8],
            f"{one.model_name} {one.artifact} on {one.device_name}{_said(one)}",
        )
        for one in found
    ]
    return (
        "\n".join(columns(lines, ("when", "verdict", "use case", "run", ""))) if lines else "none"
    )


def verdict_line(one: GateVerdict) -> str:
    """A verdict in one line, with the moment."""
    return f"{moment(one.at_unix_ns)}  {_title(one)}"


def simulated_text(found: Sequence[Replayed], margin_pp: float) -> str:
    """What would have passed, what changes by it, and what it costs and saves."""
    if not found:
        return "No past result tells its paired answers."
    passed = [one for one in found if one.verdict == PASSED]
    before = sum(one.then == PASSED for one in found)
    title = (
        f"{len(passed)} of {len(found)} past results pass at a margin of {number(margin_pp)}"
        f" points; {before} passed at their own."
    )
    lines = [
        (
            _word(one.verdict) + ("" if one.verdict == one.then else f" (was {_word(one.then)})"),
            one.run_id[:8],
            f"{points(one.delta_pp, 2)} [{points(one.low_pp, 2)}, {points(one.high_pp, 2)}]",
            *([_bill(one)] if any(each.bill for each in found) else []),
            f"{one.model_name} {one.artifact} on {one.device_name}",
        )
        for one in found
    ]
    billed = ["loss beside savings"] if any(one.bill for one in found) else []
    heads = ("verdict", "run", "accuracy, points", *billed, "")
    return "\n".join([title, "", *columns(lines, heads)])


def _bill(one: Replayed) -> str:
    if one.bill is None:
        return "-"
    loss = f"{number(one.bill.loss)} [{number(one.bill.loss_low)}, {number(one.bill.loss_high)}]"
    saved = [
        f"{number(value)} {unit}"
        for value, unit in ((one.bill.hours_saved, "h"), (one.bill.kwh_saved, "kWh"))
        if value is not None
    ]
    return f"{loss}; saves {' and '.join(saved) if saved else 'what is not known'}"


def _title(found: GateVerdict) -> str:
    what = f"{found.model_name} {found.artifact} on {found.device_name} for {found.use_case.name}"
    kept = f", verdict {found.position}" if found.position else ""
    word = _word(found.outcome) if found.kind == GATE else found.kind
    return f"{word}: {what} (run {found.run_id[:8]}{kept}){_said(found)}"


def _said(one: GateVerdict) -> str:
    return f", by {one.by}: {one.reason}" if one.kind != GATE else ""


def _word(verdict: str) -> str:
    return _WORDS.get(verdict, verdict)


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
