"""What gates and people said of runs. Each function is one transaction.

The newest verdict on a run for a use case counts; the ones before it stay.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
from bitgauge.benchmarks.vocabulary.errors import Code, NotFound, Refused
from bitgauge.benchmarks.vocabulary.values.gates import (
    APPROVED,
    FAILED,
    GATE,
    PASSED,
    POLICY,
    REJECTED,
    GateVerdict,
    PairedAnswers,
    RuleVerdict,
    UseCase,
    VerdictQuery,
)
from bitgauge.benchmarks.vocabulary.values.rows import TableRow

from ...decisions.asker import Asker
from ..audit.entries import record
from ..sql.candidates import row_of_run
from ..sql.database import encode, fetch, reading, writing
from ..sql.named import run_named
from ..sql.unreadable import readable

if TYPE_CHECKING:
    from sqlite_utils import Database

JUDGED = "gate.judge"
DECIDED = "gate.decide"
MAX_VERDICTS = 500
"""That one question answers."""
LISTED = 50
"""Where nobody says how many."""
_LOOKED_AT = 20
"""Accepted runs of a model among which the last one in the same call is looked for."""

_NEWEST = """v.position = (SELECT max(w.position) FROM verdicts w
    WHERE w.run_id = v.run_id AND w.use_case = v.use_case)"""


@reading("judging a run")
def judge(
    connection: sqlite3.Connection,
    run: str,
    use_case: UseCase,
    paired: PairedAnswers | None = None,
    further: Sequence[RuleVerdict] = (),
) -> GateVerdict:
    """What a gate says of a run, beside what was said and accepted before; nothing is kept.

    `paired` holds its answers against those of the accepted version, where somebody compared them;
    `further` what was found of its classes and of a policy, which only adds.
    `UNKNOWN_RUN`; `NOT_GATEABLE` for a run that is suspect, or not analysed yet.
    """
    from bitgauge.benchmarks.gates.asked import (  # numpy: only who judges waits
        required,
        required_further,
    )
    from bitgauge.benchmarks.gates.judge import judge as judged
    from bitgauge.benchmarks.quality.accuracy import Paired

    required(use_case)
    required_further(further)
    run_id = run_named(connection, run)
    row = row_of_run(connection, run_id)
    if row is None:
        raise Refused(Code.NOT_GATEABLE, f"Run {run_id} has no numbers yet.")
    accepted = last_accepted(connection, row, use_case.name)
    pair = Paired(paired.n, paired.b, paired.c) if paired and accepted else None
    before = _last_judged_by(connection, row.model_name, use_case.name)
    return judged(row, use_case, accepted=accepted, paired=pair, before=before, further=further)


@writing("recording a verdict")
def keep(
    db: Database,
    run: str,
    use_case: UseCase,
    paired: PairedAnswers | None = None,
    further: Sequence[RuleVerdict] = (),
    *,
    now_ns: int,
    asker: Asker,
) -> GateVerdict:
    """Judge a run and keep what the gate says. Raises as `judge`."""
    found = judge(db.conn, run, use_case, paired, further)
    detail = f"{found.model_name} {found.artifact} for {use_case.name}: {found.outcome}"
    if told := [one.why for one in further if one.why and one.rule == POLICY]:
        detail += f"; policy: {told[0]}"
    if found.loosened:
        detail += f"; loosened: {'; '.join(found.loosened)}"
    return _append(db, found, JUDGED, detail, now_ns=now_ns, asker=asker)


@writing("recording a verdict")
def decide(
    db: Database,
    run: str,
    use_case: str,
    *,
    approved: bool,
    by: str,
    reason: str,
    now_ns: int,
    asker: Asker,
) -> GateVerdict:
    """Keep a person's word on a run that a gate has judged.

    A gate that failed is not overruled: its limits stand in a file that is reviewed.
    `UNKNOWN_RUN`; `UNKNOWN_VERDICT` when no gate has judged it for that use case;
    `NOT_APPROVABLE`.
    """
    run_id = run_named(db.conn, run)
    judged = verdicts(db.conn, VerdictQuery(run_id, None, use_case or None, MAX_VERDICTS))
    gate = next((one for one in judged if one.kind == GATE), None)
    if gate is None:
        purpose = f" for {use_case}" if use_case else ""
        raise NotFound(Code.UNKNOWN_VERDICT, f"No gate has judged run {run_id}{purpose}.")
    if approved and gate.outcome == FAILED:
        broken = ", ".join(one.rule for one in gate.rules if one.verdict == FAILED)
        raise Refused(
            Code.NOT_APPROVABLE,
            f"Run {run_id} failed the gate {gate.use_case.name} ({broken}), and nobody's word"
            " replaces a limit.",
        )
    said = replace(
        gate,
        kind=APPROVED if approved else REJECTED,
        outcome=PASSED if approved else FAILED,
        rules=(),
        loosened=(),
        by=by,
        reason=reason,
    )
    detail = f"{said.kind} for {gate.use_case.name} by {by}: {reason}"
    return _append(db, said, DECIDED, detail, now_ns=now_ns, asker=asker)


@reading("reading verdicts")
def verdicts(connection: sqlite3.Connection, query: VerdictQuery) -> tuple[GateVerdict, ...]:
    """The verdicts that match, newest first. `UNKNOWN_RUN` when no run is called so."""
    run_id = run_named(connection, query.run_id) if query.run_id else None
    found = fetch(
        connection,
        """SELECT * FROM verdicts WHERE (?1 IS NULL OR run_id = ?1)
             AND (?2 IS NULL OR model_name = ?2) AND (?3 IS NULL OR use_case = ?3)
           ORDER BY position DESC LIMIT ?4""",
        (run_id, query.model_name, query.use_case, min(query.limit or LISTED, MAX_VERDICTS)),
    )
    return readable(found, _verdict, "verdict", "position")


def last_accepted(connection: sqlite3.Connection, row: TableRow, use_case: str) -> TableRow | None:
    """The run that was accepted last of the same model on the same device in the same call."""
    found = fetch(
        connection,
        f"""SELECT v.run_id FROM verdicts v WHERE v.model_name = ? AND v.device_id = ?
            AND v.use_case = ? AND v.run_id <> ? AND v.outcome = 'passed' AND v.partial = 0
            AND {_NEWEST} ORDER BY v.position DESC LIMIT {_LOOKED_AT}""",  # noqa: S608 (ours)
        (row.model_name, row.device_id, use_case, row.run_id),
    )
    rows = (row_of_run(connection, one["run_id"]) for one in found)
    return next(
        (
            one
            for one in rows
            if one is not None and one.workload == row.workload and not one.is_baseline
        ),
        None,
    )


def _last_judged_by(
    connection: sqlite3.Connection, model_name: str, use_case: str
) -> UseCase | None:
    """The use case of that name as the model was judged by it last."""
    found = fetch(
        connection,
        """SELECT * FROM verdicts WHERE model_name = ? AND use_case = ? AND kind = 'gate'
           ORDER BY position DESC LIMIT 1""",
        (model_name, use_case),
    )
    known = readable(found, _verdict, "verdict", "position")
    return known[0].use_case if known else None


def _verdict(row: sqlite3.Row) -> GateVerdict:
    found = msgspec.json.decode(row["value"], type=GateVerdict)
    return replace(found, position=row["position"])


def _append(
    db: Database, said: GateVerdict, what: str, detail: str, *, now_ns: int, asker: Asker
) -> GateVerdict:
    kept = replace(said, at_unix_ns=now_ns, who=asker.name)
    db.table("verdicts").insert(
        {
            "run_id": kept.run_id,
            "use_case": kept.use_case.name,
            "kind": kept.kind,
            "outcome": kept.outcome,
            "partial": int(kept.partial),
            "model_name": kept.model_name,
            "device_id": kept.device_id,
            "at_unix_ns": now_ns,
            "value": encode(kept),
        }
    )
    (position,) = db.conn.execute("SELECT max(position) FROM verdicts").fetchone()
    record(db, asker.name, what, kept.run_id, detail, now_ns=now_ns)
    return replace(kept, position=position)
