"""An outcome as the answer that people and programs get: figures beside the sentences."""

from __future__ import annotations

from collections.abc import Sequence

from ..stats.pareto import Standing
from ..vocabulary.enums import FormatFamily
from ..vocabulary.values.choices import BreakEven, Candidate, Choice, SettlingJob
from . import left_out
from . import sentences as words
from .assess import Assessed
from .choose import (
    FALLBACK,
    Decision,
    DoesNotPay,
    Grounds,
    KeepFp32,
    NoneMeets,
    NothingMeasured,
    Ship,
    Undecided,
)
from .command import run_command
from .rejections import reasons
from .settle import Settling, is_thorough


def answered(grounds: Grounds, outcome: Decision) -> Choice:
    """The answer where something was measured for the question."""
    query, fp32 = grounds.query, grounds.fp32
    match outcome:
        case Ship():
            return _choice(
                grounds,
                "tie" if outcome.rivals else "format",
                outcome.chosen,
                words.ship(grounds, outcome),
                words.why_ship(query, outcome),
                alternatives=outcome.rivals,
                warnings=words.ship_warnings(grounds, outcome),
                settling=outcome.settling,
                pays=outcome.pays,
            )
        case DoesNotPay():
            return _choice(
                grounds,
                "keep_fp32",
                fp32,
                words.does_not_pay(grounds, outcome),
                words.why_not_paid(query, outcome),
                alternatives=(outcome.better.recipe,),
                pays=outcome.pays,
            )
        case KeepFp32():
            return _choice(
                grounds,
                "keep_fp32",
                fp32,
                words.keep_fp32(grounds, outcome),
                words.why_keep(query, outcome),
                command=None if outcome.others else run_command(query, ["all"]),
                warnings=words.flags(*outcome.others),
                pays=outcome.pays,
            )
        case NoneMeets():
            said = words.none_meets(grounds, outcome)
            return _choice(grounds, "none_meets", fp32, said, words.NONE_MEETS)
        case Undecided():
            return _undecided(grounds, outcome)


def unmeasured(grounds: Grounds, outcome: NothingMeasured) -> Choice:
    """The answer where nothing was."""
    recipe = "fp32" if outcome.barred else FALLBACK
    return Choice(
        outcome="nothing_measured",
        recipe=recipe,
        family=FormatFamily(recipe),
        sentence=words.nothing_measured(grounds.query, outcome),
        candidates=_candidates(grounds),
        next_command=run_command(grounds.query, ["all"]),
        warnings=(*words.outdated(grounds.gathered), *left_out.unconfirmed(grounds.gathered)),
        nearest=tuple(map(words.near, outcome.near)),
        path=words.path(grounds, words.NOTHING_MEASURED),
    )


def unsound(grounds: Grounds) -> Choice:
    """The answer where nothing can be compared with what was measured as the baseline."""
    return Choice(
        outcome="unsound_baseline",
        recipe="fp32",
        family=FormatFamily.FP32,
        sentence=words.nothing_sound(grounds),
        warnings=(
            *words.outdated(grounds.gathered),
            *left_out.advice(grounds.gathered),
            *left_out.unconfirmed(grounds.gathered),
        ),
        path=words.path(grounds, words.NOTHING_SOUND),
    )


def _undecided(grounds: Grounds, outcome: Undecided) -> Choice:
    named = grounds.fp32 if outcome.keep else outcome.open[0]
    recipes = [one.recipe for one in outcome.open]
    command = _command(grounds, outcome.open, thorough=is_thorough(outcome.open))
    return _choice(
        grounds,
        "undecided",
        named,
        words.undecided(grounds, outcome),
        words.why_undecided(outcome),
        alternatives=tuple(recipe for recipe in recipes if recipe != named.recipe),
        command=command if any(one.settles for one in outcome.open) else None,
        warnings=words.flags(*outcome.open),
        settling=outcome.settling,
    )


def _command(grounds: Grounds, those: Sequence[Assessed], *, thorough: bool) -> str:
    """What would measure these once more: the recipes, and the files of their owners."""
    others = [one for one in those if not one.is_baseline]
    recipes = [one.recipe for one in others if one.file is None]
    files = [one.file.label for one in others if one.file is not None]
    return run_command(
        grounds.query, recipes if recipes or files else ["all"], files=files, thorough=thorough
    )


def _choice(
    grounds: Grounds,
    outcome: str,
    chosen: Assessed,
    sentence: str,
    rule: str,
    *,
    alternatives: tuple[str, ...] = (),
    command: str | None = None,
    warnings: tuple[str, ...] = (),
    settling: Sequence[Settling] = (),
    pays: BreakEven | None = None,
) -> Choice:
    """What every answer has: each recipe considered, warnings, and how it came about."""
    return Choice(
        outcome=outcome,
        recipe=chosen.recipe,
        family=chosen.family,
        sentence=sentence,
        candidates=_candidates(grounds),
        alternatives=alternatives,
        next_command=command,
        warnings=(
            *words.outdated(grounds.gathered),
            *left_out.warnings(grounds.gathered),
            *warnings,
            *words.stale(chosen.rows),
        ),
        front=grounds.front,
        settling=tuple(_job(grounds, one) for one in settling),
        break_even=pays,
        path=words.path(grounds, rule),
        label=chosen.file.label if chosen.file else "",
        artifact=chosen.file.artifact if chosen.file else None,
        runtime=chosen.runtime,
    )


def _candidates(grounds: Grounds) -> tuple[Candidate, ...]:
    return tuple(
        _candidate(grounds, one, grounds.standings.get(one.recipe)) for one in grounds.assessed
    )


def _candidate(grounds: Grounds, one: Assessed, standing: Standing | None) -> Candidate:
    return Candidate(
        recipe=one.recipe,
        family=one.family,
        eligible=one.eligible,
        reasons=reasons(grounds.query, grounds.gathered, one),
        latency_ratio=one.worst("latency_ratio"),
        size_ratio=one.worst("size_ratio"),
        accuracy_delta_pp=one.worst("accuracy_delta_pp"),
        perplexity_ratio=one.worst("perplexity_ratio"),
        tpot_ratio=one.worst("tpot_ratio"),
        run_ids=tuple(sorted(row.run_id for row in one.rows if row.run_id)),
        p_best=standing.p_best if standing else None,
        p_front=standing.p_front if standing else None,
        regret=standing.regret if standing else None,
        label=one.file.label if one.file else "",
        artifact=one.file.artifact if one.file else None,
        runtime=one.runtime,
    )


def _job(grounds: Grounds, job: Settling) -> SettlingJob:
    return SettlingJob(
        job.of.recipe,
        words.why_open(grounds, job.of),
        _command(grounds, [job.of], thorough=job.thorough),
        round(job.minutes, 1),
    )
