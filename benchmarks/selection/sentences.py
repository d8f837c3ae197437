"""The sentences of an answer: what was asked, what to ship, why, and how that came about.

Values in, words out; nothing here decides. `rejections` says why a recipe was not eligible,
`answer` puts the words beside the figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from ..vocabulary import shown as text
from ..vocabulary.enums import Objective
from ..vocabulary.reasons import PRELIMINARY
from ..vocabulary.shown import counted, listed
from ..vocabulary.values.choices import BreakEven, SelectQuery
from ..vocabulary.values.jobs import Workload
from ..vocabulary.values.rows import TableRow
from ..vocabulary.values.runs import MetricValue
from . import left_out
from .assess import Assessed
from .break_even import is_priced
from .choose import DoesNotPay, Grounds, KeepFp32, NoneMeets, NothingMeasured, Ship, Undecided
from .gather import Gathered
from .limits import LIMITS
from .nearest import Difference, Near
from .ranking import EPSILON
from .rejections import limit_name, limit_value, reasons

_BETTER = {
    Objective.LATENCY: "faster than fp32",
    Objective.SIZE: "smaller than fp32",
    Objective.MEMORY: "lighter on memory than fp32",
    Objective.ENERGY: "thriftier than fp32",
    Objective.THROUGHPUT: "faster in throughput than fp32",
}
_OBJECTIVE = {
    Objective.LATENCY: "latency",
    Objective.SIZE: "size",
    Objective.MEMORY: "peak memory",
    Objective.ENERGY: "energy",
    Objective.THROUGHPUT: "throughput",
}
NOTHING_MEASURED = "nothing was measured"
NONE_MEETS = "no recipe meets every limit"
NOTHING_SOUND = "there is no baseline that anything can be compared with"
"""Rules that decided, where there is nothing more to say of them."""

_DIFFERENCE = {
    Difference.WORKLOAD: "another workload",
    Difference.MODEL: "another model",
    Difference.HARDWARE: "other hardware",
    Difference.MODEL_CLASS: "another model class",
    Difference.NOT_MEASURED: "prior, not measured; decides nothing",
}


def _question(query: SelectQuery) -> str:
    """What was asked about, such as `cnn on cpu_only at batch 1 with 1 thread`."""
    model = query.model_class.value
    if query.model_name:
        model = f"{query.model_name} ({model})"
    return f"{model} on {query.hardware_class.value} at {_workload(query.workload)}"


def _workload(workload: Workload) -> str:
    threads = counted(workload.threads, "thread")
    if workload.is_llm:
        prompt, generated = workload.prompt_tokens, workload.generated_tokens
        return f"a prompt of {prompt} and {generated} generated tokens with {threads}"
    return f"batch {workload.batch} with {threads}"


def _limits(query: SelectQuery) -> str:
    """The limits of a query; `no limit` when there is none."""
    said = []
    if query.max_accuracy_loss_pp is not None:
        said.append(f"accuracy loss at most {query.max_accuracy_loss_pp:g} points")
    for limit in LIMITS:
        value = limit.value(query)
        if value is not None:
            most = "at least" if limit.at_least else "at most"
            said.append(f"{limit_name(limit)} {most} {limit_value(limit, value)}")
    if query.max_age_s is not None:
        said.append(f"figures at most {query.max_age_s / 86_400:.3g} days old and none stale")
    if query.min_devices is not None:
        said.append(f"measured on at least {counted(query.min_devices, 'device')}")
    if query.allow_saturating:
        said.append("saturating kernels allowed")
    return "; ".join(said) or "no limit"


def _reasons(grounds: Grounds, one: Assessed) -> tuple[str, ...]:
    return reasons(grounds.query, grounds.gathered, one)


def why_open(grounds: Grounds, one: Assessed) -> str:
    """What is not known of a recipe that may be better."""
    found = _reasons(grounds, one)
    return found[0] if found else "whether it is better is undecided"


def _figures(one: Assessed) -> str:
    """Speed, size and accuracy of a recipe against fp32, at its worst unit."""
    llm = any(row.workload.is_llm for row in one.rows)
    return _compared(one.worst, " (preliminary)" if PRELIMINARY in one.flags() else "", llm=llm)


def _quality_key(*, llm: bool) -> str:
    return "perplexity_ratio" if llm else "accuracy_delta_pp"


def _compared(
    metric: Callable[[str], MetricValue], of_speed: str = "", *, llm: bool = False
) -> str:
    return ", ".join(
        (
            text.speed_words(metric("latency_ratio")) + of_speed,
            text.size_words(metric("size_ratio")),
            text.quality_words(metric(_quality_key(llm=llm))),
        )
    )


def _scope(grounds: Grounds) -> str:
    """How much evidence an answer rests on."""
    models = len({model for model, _, _ in grounds.gathered.units})
    devices = len({device for _, device, _ in grounds.gathered.units})
    worst = "worst of " if models * devices > 1 else ""
    without = left_out.without(grounds.gathered)
    return f"{worst}{counted(models, 'model')} on {counted(devices, 'device')}{without}"


def nothing_sound(grounds: Grounds) -> str:
    """The answer where no baseline is sound."""
    why = "; ".join(left_out.faults(grounds.gathered))
    return f"Nothing is chosen for {_question(grounds.query)}: {why}."


def ship(grounds: Grounds, outcome: Ship) -> str:
    """The answer where one recipe is shown to be better, or several."""
    sentence = (
        f"Ship {outcome.chosen.recipe} for {_question(grounds.query)}: {_figures(outcome.chosen)}"
    )
    if outcome.rivals:
        size = outcome.of_one_size
        why = "they are of one size" if size else "the smaller one is named first"
        if outcome.likely:
            one = "the one" if len(outcome.near) == 1 else "one of those"
            why = f"{one} with the least expected regret is named first"
        same = _no_difference(grounds.query.objective)
        sentence += f". The data shows {same} from {listed(outcome.rivals)}; {why}"
    return f"{sentence} ({_scope(grounds)})."


def _no_difference(objective: Objective) -> str:
    epsilon = EPSILON[objective]
    amount = f" of {100 * epsilon:g} % or more" if epsilon else ""
    return f"no difference{amount} in {_OBJECTIVE[objective]}"


def why_ship(query: SelectQuery, outcome: Ship) -> str:
    """The rule that chose it."""
    better = f"{outcome.chosen.recipe} is {_BETTER[query.objective]}"
    if not outcome.rivals:
        return f"{better} and has the least expected regret"
    rivals = listed(outcome.rivals)
    if not outcome.likely:
        most = f"at most {100 * EPSILON[query.objective]:g} %"
        return f"{better}; it loses {most} against {rivals} on average, so they are tied"
    return f"{better} and loses little on average; {rivals} may be the best as well"


def ship_warnings(grounds: Grounds, outcome: Ship) -> tuple[str, ...]:
    """What a reader must know before shipping it."""
    query = grounds.query
    warnings = [*flags(outcome.chosen)]
    warnings += [
        f"{one.recipe} may be better: {_reasons(grounds, one)[0]}" for one in outcome.maybe
    ]
    if outcome.pays is None and is_priced(query):
        needed = "latency" if query.energy_price_per_kwh is None else "latency or energy"
        warnings.append(f"no break-even: the {needed} of fp32, or the ratio to it, is not known")
    return tuple(warnings)


def does_not_pay(grounds: Grounds, outcome: DoesNotPay) -> str:
    """The answer where a better recipe costs more than it saves."""
    return (
        f"Keep fp32 for {_question(grounds.query)}: {outcome.better.recipe} is"
        f" {_BETTER[grounds.query.objective]} but {_pays_when(grounds.query, outcome.pays)}"
        f" ({_scope(grounds)})."
    )


def why_not_paid(query: SelectQuery, outcome: DoesNotPay) -> str:
    """The rule that kept fp32."""
    return f"{outcome.better.recipe} {_pays_when(query, outcome.pays)}"


def _pays_when(query: SelectQuery, pays: BreakEven) -> str:
    if pays.inferences is None or pays.days is None:
        return "never pays for the switch"
    return f"pays for the switch after {pays.days:,.0f} days, more than {query.payback_days:g}"


def keep_fp32(grounds: Grounds, outcome: KeepFp32) -> str:
    """The answer where nothing is better."""
    why = why_keep(grounds.query, outcome)
    return f"Keep fp32 for {_question(grounds.query)}: {why} ({_scope(grounds)})."


def why_keep(query: SelectQuery, outcome: KeepFp32) -> str:
    """Why nothing is."""
    better = _BETTER[query.objective]
    if not outcome.others:
        return "only fp32 was measured"
    if not outcome.tried:
        return "no other recipe could be measured"
    if not outcome.eligible:
        return f"no other recipe meets every limit and is {better}"
    why = f"no recipe that meets every limit is {better}"
    if outcome.smaller is not None:
        smaller = text.size_words(outcome.smaller.worst("size_ratio"))
        why += (
            f"; {outcome.smaller.recipe} is {smaller}, ask with --objective size if that matters"
            " more"
        )
    return why


def undecided(grounds: Grounds, outcome: Undecided) -> str:
    """The answer where the data does not say."""
    first, names = outcome.open[0], listed([one.recipe for one in outcome.open])
    found = _reasons(grounds, first)
    reason = found[0] if found else f"whether it is {_BETTER[grounds.query.objective]} is undecided"
    stay = f"{first.recipe} might; nothing is shown to meet every limit"
    if outcome.keep:
        stay = "fp32 is the safe choice until then"
    return (
        f"Undecided for {_question(grounds.query)}: the data does not settle {names}"
        f" ({first.recipe}: {reason}); {stay} ({_scope(grounds)})."
    )


def why_undecided(outcome: Undecided) -> str:
    """The rule that left it open."""
    names = listed([one.recipe for one in outcome.open])
    return f"nothing is shown to be better, and {names} might be"


def none_meets(grounds: Grounds, outcome: NoneMeets) -> str:
    """The answer where every recipe breaks a limit."""
    without = [
        f"without the limit on {_lifted(one.limit)} {listed(one.recipes)} would"
        for one in outcome.without
    ]
    hint = "; ".join(without) or "loosen a limit or measure another recipe"
    return (
        f"Nothing that was measured for {_question(grounds.query)} meets every limit, and neither"
        f" does fp32; {hint} ({_scope(grounds)})."
    )


def _lifted(field: str) -> str:
    """A limit's field as words, without its unit."""
    name = field.partition("_")[2].replace("_", " ")
    for unit in (" ns", " bytes", " pp", " per s", " mj", " s"):
        name = name.removesuffix(unit)
    return name


def nothing_measured(query: SelectQuery, outcome: NothingMeasured) -> str:
    """The answer where nothing speaks to the question."""
    empty = "The table is empty. " if outcome.empty else ""
    why = "fp16 is the conservative choice, not a measured one"
    if outcome.barred:
        why = "fp16 is ruled out here, so fp32 stays"
    known = ", ".join(map(_workload, outcome.workloads))
    also = f" Measured so far: {known}." if known else ""
    if outcome.similar is not None:
        also += (
            f" There is no {query.model_class.value} named {query.model_name!r}; nearest:"
            f" {outcome.similar}."
        )
    return f"{empty}Nothing was measured for {_question(query)}: {why}.{also}"


def near(one: Near) -> str:
    """A cell that was measured elsewhere, or is known from literature."""
    key, part = one.cell.key, one.cell.best
    where = f"{key.model_class.value} on {key.hardware_class.value}"
    if key.workload is not None:
        where += f" at {_workload(key.workload)}"
    what = one.cell.recipe or key.family.value
    llm = key.workload is not None and key.workload.is_llm
    words = "" if part is None else _compared(lambda name: part.metric(name).number, llm=llm)
    return f"{where}: {what}, {words} ({_DIFFERENCE[one.difference]})"


def outdated(gathered: Gathered) -> tuple[str, ...]:
    """Which rows were left out."""
    return tuple(
        f"rows of {name} that were compared with an older baseline are left out"
        for name in gathered.outdated
    )


def flags(*those: Assessed) -> tuple[str, ...]:
    """One warning per flag, naming the recipes that carry it."""
    carriers: dict[str, list[str]] = {}
    for one in those:
        for flag in one.flags():
            carriers.setdefault(flag, []).append(one.recipe)
    return tuple(
        f"{flag} ({text.flag(flag)}): {', '.join(sorted(recipes))}"
        for flag, recipes in sorted(carriers.items())
    )


def stale(rows: Iterable[TableRow]) -> tuple[str, ...]:
    """What changed since figures were measured that an answer rests on."""
    changed: dict[str, set[str]] = {}
    for row in rows:
        for change in row.changes:
            changed.setdefault(text.change_words(change), set()).add(row.variant)
    if not changed:
        return ()
    recipes = sorted({recipe for those in changed.values() for recipe in those})
    changes = ", ".join(sorted(changed)[:3])
    more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
    return (f"stale, {changes}{more} since it was measured: {', '.join(recipes)}",)


def path(grounds: Grounds, rule: str) -> tuple[str, ...]:
    """How an answer came about, one line per step; `rule` is what decided."""
    query, gathered = grounds.query, grounds.gathered
    most = "most" if query.objective is Objective.THROUGHPUT else "least"
    lines = [
        f"asked: {_question(query)}, {most} {_OBJECTIVE[query.objective]}; {_limits(query)};"
        f" each limit in {100 * query.confidence:g} % of draws on every unit",
        f"evidence: {counted(len(gathered.rows), 'row')} of"
        f" {counted(len(grounds.assessed), 'recipe')} on {counted(len(gathered.units), 'unit')}"
        " (model, device, runtime)",
    ]
    lines += [f"{one.recipe}: {_verdict(grounds, one)}" for one in grounds.assessed]
    for recipe, standing in grounds.standings.items():
        lines.append(
            f"{recipe}: best in {100 * standing.p_best:.0f} % of draws, on the Pareto front in"
            f" {100 * standing.p_front:.0f} %, expected regret {100 * standing.regret:.2g} %"
        )
    return (*lines, f"decided: {rule}")


def _verdict(grounds: Grounds, one: Assessed) -> str:
    if one.eligible:
        share = one.tightest
        surely = "" if share is None else f", the tightest one in {100 * share:.1f} % of draws"
        return f"meets every limit{surely}"
    if one.open:
        return f"open: {'; '.join(_reasons(grounds, one))}"
    rejecting = replace(one, objections=tuple(o for o in one.objections if o.rejects))
    return f"rejected: {'; '.join(_reasons(grounds, rejecting))}"
