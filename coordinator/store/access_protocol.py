"""What a store keeps of the past and of who is let in, as protocols."""

from __future__ import annotations

from typing import Protocol

from bitgauge.benchmarks.vocabulary.values.credentials import TokenView
from bitgauge.benchmarks.vocabulary.values.history import (
    Annotated,
    HistoryQuery,
    Regression,
)

from .reads import HistoryAnswers
from .values import (
    AccessState,
    CertificateRecord,
    DueAlert,
    TokenRecord,
)


class AccessStore(Protocol):
    """The part of the store that knows who may call. Raises `BitgaugeError` only."""

    def access(self) -> AccessState:
        """What decides who may call."""

    def token_views(self) -> tuple[TokenView, ...]:
        """The tokens of people, by name, the newest of each name first."""

    def create_token(self, token: TokenRecord, now_ns: int) -> None:
        """Record a person's token. `NAME_TAKEN` while another live one has its name."""

    def revoke_token(self, name: str, now_ns: int) -> TokenView:
        """End the live token of that name. `UNKNOWN_TOKEN` when there is none."""

    def create_join_token(self, sha256: bytes, expires_unix_ns: int, now_ns: int) -> None:
        """Record a one-time right to join."""

    def join(
        self, join_sha256: bytes, certificate: CertificateRecord, token: TokenRecord, now_ns: int
    ) -> None:
        """Spend a right to join: record a device's certificate and its token.

        The same key may come again with the same right, because an answer can be lost; its
        earlier token ends. `JOIN_REFUSED` when the right is unknown, expired or used, or when
        the device has a live certificate for another key.
        """

    def renewed(self, certificate: CertificateRecord, now_ns: int) -> None:
        """Record the next certificate of a device."""

    def revoke_agent(self, device: str, now_ns: int) -> str:
        """End certificates, token and lease of a device given by name or id; its id.

        `UNKNOWN_DEVICE` when no device of that name or id ever joined, `BAD_ARGUMENT` when
        several have that name.
        """

    def lease_device(self, job_id: str, epoch: int) -> str | None:
        """The device that this lease of a job went to; None when there was none."""

    def submitter(self, job_id: str) -> str:
        """Name of the token that submitted a job, empty when unknown. `UNKNOWN_JOB`."""


class HistoryStore(HistoryAnswers, Protocol):
    """The part of the store that judges runs by their past. Raises `BitgaugeError` only."""

    def unjudged(self) -> tuple[str, ...]:
        """Analysed runs of ended jobs that nobody has held against their past, oldest first."""

    def judge_run(self, run_id: str, now_ns: int) -> tuple[Regression, ...]:
        """Hold a run against the past of its row, once; what it opened, confirmed or ended.

        What is opened queues one job that measures the run's entry once more on its device; what
        is confirmed has an alert due. A run that was judged before changes nothing.
        """

    def annotate(self, query: HistoryQuery, note: str, now_ns: int, made_by: str) -> Annotated:
        """Restart the baseline of the rows that match from now on, or from the run of `query`.

        Their open regressions are explained. `UNKNOWN_RUN` when no row matches.
        """

    def explain(self, regression_id: str, note: str, now_ns: int, made_by: str) -> Annotated:
        """Accept what a regression is about: its rows' baseline restarts at the run it showed.

        `UNKNOWN_REGRESSION`; `ILLEGAL_TRANSITION` when it has ended.

        Args:
            regression_id: the beginning of its id.
            note: why it is accepted.
            now_ns: UTC nanoseconds.
            made_by: name of a token.
        """

    def due_alert(self, now_ns: int) -> DueAlert | None:
        """The alert that has waited longest, if any is due."""

    def alert_sent(self, regression_id: str, now_ns: int) -> None:
        """Note that an alert was taken."""

    def alert_failed(self, regression_id: str, why: str, next_unix_ns: int) -> None:
        """Note why an alert was not taken, and when to try again."""
