"""What a gate asks of a run, and what it answers, rule by rule.

Like `rows`: each class has a message of the same name and field names in ``protos/v1``.
"""

from __future__ import annotations

from dataclasses import dataclass

PASSED = "passed"
FAILED = "failed"
REVIEW = "manual_review"
NOT_JUDGED = "not_judged"
"""Of one rule alone: it is beyond what this verdict covers, and weighs nothing."""

POLICY = "policy"
"""The rule that a policy makes."""

GATE = "gate"
APPROVED = "approved"
REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class GateRule:
    """One limit of a use case.

    Attributes:
        key: as it stands in `gates.toml`, such as `max_latency_p99`; it says which metric, and
            whether more or less of it breaks the limit.
        limit: in the unit of that metric; of a margin in points or percent.
    """

    key: str
    limit: float


@dataclass(frozen=True, slots=True)
class UseCase:
    """What an artifact must keep to be shipped for one purpose.

    Attributes:
        name: of the use case.
        rules: its limits, each key once.
        saturating: what becomes of an artifact whose integer accumulations saturate.
        unknown: what becomes of a limit whose metric is null.
        first: what a model gets of which nothing was accepted yet on the device: `passed` when
            the limits alone decide.
        review: flags that need a person.
        classes: classes with a margin of their own: the label as text, and the loss in points.
        owner: who answers for the limits.
        file: where they stand, for people.
    """

    name: str
    rules: tuple[GateRule, ...] = ()
    saturating: str = FAILED
    unknown: str = REVIEW
    first: str = PASSED
    review: tuple[str, ...] = ()
    classes: tuple[GateRule, ...] = ()
    owner: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True)
class PairedAnswers:
    """A run's answers against those of the version that was accepted before, sample by sample.

    Attributes:
        n: samples that both answered.
        b: right with the accepted version, wrong with the run.
        c: wrong with the accepted version, right with the run.
    """

    n: int
    b: int
    c: int


@dataclass(frozen=True, slots=True)
class RuleVerdict:
    """What one rule says of a run, with its figures.

    Attributes:
        rule: key of the limit, or the name of a rule that always holds.
        metric: key of the metric that it looks at; empty where it looks at none.
        verdict: `passed`, `failed`, `manual_review` or `not_judged`.
        limit: in the unit of the metric.
        value: of the metric; None: it is not known, and `why` says the reason.
        low: lower end of the interval that decided.
        high: upper end.
        samples_needed: how many more samples would decide an accuracy, if known.
        why: one sentence.
        playbook: the page that says what to do, where one does.
    """

    rule: str
    metric: str
    verdict: str
    limit: float | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    samples_needed: int | None = None
    why: str = ""
    playbook: str = ""


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """What a gate, or a person after it, said of one run for one use case.

    Attributes:
        run_id: what was judged.
        model_name: of the row.
        artifact: what the run measured, in words: recipe, and label where its owner gave it.
        device_id: where.
        device_name: the same for people.
        use_case: with its limits as they were.
        outcome: `passed`, `failed` or `manual_review`.
        kind: `gate`, or `approved` or `rejected` by a person.
        rules: what each rule said; none of a person's word.
        partial: the device keeps no time, so that numerics and quality alone were judged; such
            a verdict moves no alias.
        loosened: limits that were stricter when the use case was last judged by, in words.
        accepted_run_id: the last accepted run that it was compared with; empty: there was none.
        position: its place among all verdicts, from 1; 0: it is not kept.
        at_unix_ns: when it was said.
        who: name of the token of who asked for it.
        by: whose word it is, as that person wrote it; empty of a gate.
        reason: why, of a person's word.
    """

    run_id: str
    model_name: str
    artifact: str
    device_id: str
    device_name: str
    use_case: UseCase
    outcome: str
    kind: str = GATE
    rules: tuple[RuleVerdict, ...] = ()
    partial: bool = False
    loosened: tuple[str, ...] = ()
    accepted_run_id: str = ""
    position: int = 0
    at_unix_ns: int = 0
    who: str = ""
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class VerdictQuery:
    """Which verdicts are asked for; an empty field matches everything."""

    run_id: str | None = None
    model_name: str | None = None
    use_case: str | None = None
    limit: int = 50
