"""The client's calls to Gates: what may be shipped for a purpose."""

from __future__ import annotations

from collections.abc import Sequence

from bitgauge.benchmarks.common.wire import to_wire
from bitgauge.benchmarks.vocabulary.values.gates import (
    GateVerdict,
    PairedAnswers,
    RuleVerdict,
    UseCase,
    VerdictQuery,
)
from bitgauge.protos.v1 import lab_pb2 as pb

from ..connection import Connection


class GateCalls(Connection):
    """What a client asks of Gates."""

    def judge(
        self,
        run: str,
        use_case: UseCase,
        paired: PairedAnswers | None = None,
        further: Sequence[RuleVerdict] = (),
    ) -> GateVerdict:
        """What a gate says of a run, rule by rule; nothing is kept.

        Args:
            run: its id, or the beginning of it.
            use_case: what is asked of it, as `benchmarks.gates.file` reads it.
            paired: its answers against those of the version that was accepted last, sample by
                sample; without them the two are compared by their losses, which is weaker.
            further: what was found of its classes and of a policy; it only adds.

        Raises:
            BitgaugeError: `UNKNOWN_RUN`, `NOT_GATEABLE`, or `BAD_ARGUMENT` for a use case.
        """
        pair = to_wire(paired) if paired is not None else None
        return self._value(
            GateVerdict,
            pb.JudgeRequest(
                run_id=run,
                use_case=to_wire(use_case),
                paired=pair,
                further=map(to_wire, further),
            ),
        )

    def keep_verdict(
        self,
        run: str,
        use_case: UseCase,
        paired: PairedAnswers | None = None,
        further: Sequence[RuleVerdict] = (),
    ) -> GateVerdict:
        """Judge a run and keep what the gate says; arguments and errors as `judge`."""
        pair = to_wire(paired) if paired is not None else None
        return self._value(
            GateVerdict,
            pb.KeepVerdictRequest(
                run_id=run,
                use_case=to_wire(use_case),
                paired=pair,
                further=map(to_wire, further),
            ),
        )

    def decide_verdict(
        self, run: str, *, approved: bool, by: str, reason: str, use_case: str = ""
    ) -> GateVerdict:
        """Keep a person's word on a run that a gate has judged.

        Args:
            run: its id, or the beginning of it.
            approved: approved, else rejected.
            by: whose word it is.
            reason: why.
            use_case: for which; empty: the one that it was judged for last.

        Raises:
            BitgaugeError: `UNKNOWN_RUN`, `UNKNOWN_VERDICT`, `NOT_APPROVABLE`.
        """
        return self._value(
            GateVerdict,
            pb.DecideVerdictRequest(
                run_id=run, use_case=use_case, approved=approved, by=by, reason=reason
            ),
        )

    def verdicts(self, query: VerdictQuery) -> tuple[GateVerdict, ...]:
        """Verdicts that are kept, newest first."""
        return self._values(GateVerdict, pb.ListVerdictsRequest(query=to_wire(query)))
