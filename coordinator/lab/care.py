"""The care of devices at work: asks the decisions of `decisions.care`, has them remembered."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from bitgauge.benchmarks.vocabulary.enums import Health, JobState, Profile
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription, DeviceView
from bitgauge.benchmarks.vocabulary.values.jobs import JobView

from ..decisions.asker import COORDINATOR
from ..decisions.care import (
    CareTerms,
    CheckOutcome,
    DeviceCare,
    MassLoss,
    check_due,
    judge_check,
    mass_loss,
    require_quota,
    waiting_words,
)
from ..decisions.clocks import Look, jump_ns
from ..decisions.scheduler import choose
from ..store.store import Store
from ..store.values import LeaseTerms
from ..store.writer import Writer
from .certification import CertifiedModel, certification, certified_model
from .health_check import HealthCheck

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class LabCare:
    """Health, cordons and the mass-loss brake of one coordinator.

    Methods that take a store run inside the caller's step on the store's thread.

    Attributes:
        leases: when a device counts as unreachable.
        terms: how often to check, and how many jobs may wait.
        check: the health check; None: devices are never checked.
        intake: raises while no new job may be taken, such as `DISK_FULL`.
    """

    writer: Writer
    leases: LeaseTerms
    terms: CareTerms
    check: HealthCheck | None
    intake: Callable[[], None]
    _loss: MassLoss | None = field(default=None, init=False)
    _looked: Look = field(init=False)

    def __post_init__(self) -> None:
        self._looked = self._look()

    # -- what an admin asks ---------------------------------------------------------------
    async def cordon(self, device: str, reason: str, who: str = COORDINATOR) -> DeviceView:
        """Give a device, named by name or id, no further job."""
        why, now_ns = reason.strip() or "no reason given", self.writer.now_ns()
        return await self._change(
            device, lambda store, found: store.cordon(found, why, now_ns=now_ns, who=who)
        )

    async def uncordon(self, device: str, who: str = COORDINATOR) -> DeviceView:
        """Take a device up again; its health check comes first."""
        now_ns = self.writer.now_ns()
        return await self._change(
            device, lambda store, found: store.uncordon(found, now_ns=now_ns, who=who)
        )

    async def retire(self, device: str, reason: str, who: str = COORDINATOR) -> DeviceView:
        """Remove a device for good; its results stay."""
        why = f"retired: {reason.strip() or 'no reason given'}"
        now_ns = self.writer.now_ns()
        return await self._change(
            device, lambda store, found: store.retire(found, why, now_ns, who)
        )

    async def confirm(self, device: str, who: str = COORDINATOR) -> DeviceView:
        """Say that a device is what it says it is; its rows count from then on."""
        now_ns = self.writer.now_ns()
        return await self._change(device, lambda store, found: store.confirm(found, now_ns, who))

    async def rename(self, device: str, name: str, who: str = COORDINATOR) -> DeviceView:
        """Give a device another registered name; the one before becomes an alias."""
        now_ns = self.writer.now_ns()
        return await self._change(
            device, lambda store, found: store.rename(found, name, now_ns=now_ns, who=who)
        )

    async def alias(self, device: str, alias: str, who: str = COORDINATOR) -> DeviceView:
        """Give a device one more name."""
        now_ns = self.writer.now_ns()
        return await self._change(
            device, lambda store, found: store.add_alias(found, alias, now_ns=now_ns, who=who)
        )

    async def unalias(self, device: str, alias: str, who: str = COORDINATOR) -> DeviceView:
        """Take one of its further names from a device."""
        now_ns = self.writer.now_ns()
        return await self._change(
            device, lambda store, found: store.remove_alias(found, alias, now_ns=now_ns, who=who)
        )

    async def _change(self, device: str, work: Callable[[Store, str], object]) -> DeviceView:
        def change(store: Store) -> DeviceView:
            device_id = store.device_named(device)
            work(store, device_id)
            views = self.devices(store)
            return next(view for view in views if view.description.device_id == device_id)

        return await self.writer.change(change)

    async def certify(
        self, device: str, runtime: str, profile: Profile, comparisons: int, submitted_by: str = ""
    ) -> tuple[str, bool]:
        """Queue the certification of a device, named by name or id.

        Returns:
            The id of the job, and whether this call made it: one at a time.

        Raises:
            BitgaugeError: `UNKNOWN_DEVICE`, `DEVICE_RETIRED`; `NOT_CERTIFIABLE` when it cannot
                be certified; `QUEUE_QUOTA`, and what the intake raises.
        """
        await asyncio.to_thread(self.intake)
        check = self.check
        if check is None:
            raise Refused(
                Code.NOT_CERTIFIABLE, "This coordinator has no model to certify a device with."
            )
        job_id, now_ns = str(uuid.uuid4()), self.writer.now_ns()

        def found(store: Store) -> tuple[DeviceDescription, CertifiedModel]:
            device_id = store.device_named(device)
            views = store.devices(now_ns, self.leases)
            own = next(one.description for one in views if one.description.device_id == device_id)
            return own, certified_model(check.subjects, own, runtime)

        _, subject = await self.writer.call(found)
        if await self.writer.call(lambda store: store.missing_blobs(subject.digests)):
            await check.provide(subject.digests)

        def work(store: Store) -> tuple[str, bool]:
            own, subject = found(store)
            spec = certification(subject, own, runtime, profile, comparisons)
            require_quota(submitted_by, store.waiting_of(submitted_by), self.terms)
            return store.begin_certification(
                job_id,
                own.device_id,
                spec,
                subject.model_class,
                now_ns=now_ns,
                submitted_by=submitted_by,
            )

        return await self.writer.change(work)

    # -- work for a device ----------------------------------------------------------------
    async def provide(self) -> None:
        """Have the files of the health check here; never a reason to refuse work."""
        if self.check is None:
            return
        digests = self.check.digests
        try:
            if await self.writer.call(lambda store: store.missing_blobs(digests)):
                await self.check.provide(digests)
        except BitgaugeError as error:
            _log.warning("the files of the health check are missing: %s", error)

    def next_job(self, store: Store, device_id: str, now_ns: int) -> str | None:
        """What this device runs now, from what the store knows at this moment."""
        care = store.care(device_id)
        if care.out:
            return None
        queued = store.queued()
        due = self.check is not None and check_due(care, self.terms, now_ns)
        if not queued and not due:
            return None
        views = store.devices(now_ns, self.leases)
        own = next(view.description for view in views if view.description.device_id == device_id)
        check = care.open_check
        if check is None and (check := self._begun(store, own, care, now_ns)):
            return check
        others = [
            view.description
            for view in views
            if view.description.device_id != device_id
            and view.state != "unreachable"
            and view.cordoned is None
            and not view.retired
        ]
        return choose(queued, own, others, store.avoid(), check)

    def _begun(
        self, store: Store, device: DeviceDescription, care: DeviceCare, now_ns: int
    ) -> str | None:
        """The health check that begins now, if one is due and can be had."""
        check = self.check
        if check is None or not check_due(care, self.terms, now_ns):
            return None
        if check.hindrance(device) or store.missing_blobs(check.digests):
            return None
        job_id = str(uuid.uuid4())
        spec = check.spec(device.device_id)
        store.begin_check(job_id, device.device_id, spec, check.model_class, now_ns=now_ns)
        return job_id

    # -- what the coordinator does by itself ----------------------------------------------
    async def judge(self) -> None:
        """Judge the health checks that have ended."""
        now_ns = self.writer.now_ns()

        def work(store: Store) -> int:
            checks = store.ended_checks()
            for one in checks:
                outcome, why = CheckOutcome.VOID, "health checks are switched off"
                if self.check is not None:
                    known_pct = self.check.known_accuracy_pct
                    outcome, why = judge_check(one.state, one.reason, one.metrics, known_pct)
                level = logging.WARNING if outcome is CheckOutcome.FAILED else logging.INFO
                _log.log(level, "health check of %s %s: %s", one.device_id, outcome.value, why)
                store.checked(one.job_id, outcome, why, now_ns)
            return len(checks)

        await self.writer.change_if(work)

    def _look(self) -> Look:
        return Look(self.writer.now_ns(), self.writer.steady_ns())

    async def keep_time(self, stood: int = 0) -> None:
        """Before anything is judged by the time that passed: none of it that nobody saw counts.

        Args:
            stood: nanoseconds for which this process is known to have stood still.
        """
        before, now = self._looked, self._look()
        unseen = jump_ns(before, now) + stood
        self._looked = now
        if not unseen:
            return
        _log.warning("%.1f s passed that nobody saw; leases go on", unseen / 1e9)
        try:
            await self.writer.change(
                lambda store: store.move_leases(unseen, now.wall_ns, self.leases)
            )
        except BitgaugeError:
            self._looked = before
            raise

    async def expire(self) -> None:
        """End the leases that have run out, unless the brake holds."""
        now_ns = self.writer.now_ns()

        def work(store: Store) -> bool:
            loss = self._mass_loss(store, now_ns)
            before, self._loss = self._loss, loss
            if loss is None:
                if before is not None:
                    _log.warning("the mass loss is over; leases run out again")
                return bool(store.expire(now_ns)) or before is not None
            if before is None:
                _log.error("mass loss: %s", loss.sentence)
            return before != loss

        await self.writer.change_if(work)

    def _mass_loss(self, store: Store, now_ns: int) -> MassLoss | None:
        return mass_loss(store.hearings(), now_ns, self.leases.unreachable_after_ns)

    # -- what people see ------------------------------------------------------------------
    def devices(self, store: Store) -> tuple[DeviceView, ...]:
        """Every device that ever registered, with what people should know of it."""
        now_ns = self.writer.now_ns()
        loss = self._mass_loss(store, now_ns)
        views = store.devices(now_ns, self.leases)
        return tuple(replace(view, note=view.note or self._note(view, loss)) for view in views)

    def _note(self, view: DeviceView, loss: MassLoss | None) -> str | None:
        device = view.description
        if loss is not None and device.device_id in loss.lost:
            return loss.sentence
        if view.retired or view.cordoned is not None or view.health is not Health.SUSPECT:
            return None
        if self.check is None or not (self.terms.check_every_ns or self.terms.check_every_jobs):
            return None
        hindrance = self.check.hindrance(device)
        if hindrance:
            return f"its health cannot be checked: {hindrance}"
        return "its health check comes before its next job"

    def explained(self, store: Store, views: Sequence[JobView], now_ns: int) -> tuple[JobView, ...]:
        """Jobs with what exactly they wait for."""
        if not any(view.state in (JobState.QUEUED, JobState.LEASED) for view in views):
            return tuple(views)
        loss = self._mass_loss(store, now_ns)
        devices = store.devices(now_ns, self.leases)
        return tuple(_explained(store, view, devices, loss) for view in views)


def _explained(
    store: Store, view: JobView, devices: Sequence[DeviceView], loss: MassLoss | None
) -> JobView:
    if view.state is JobState.QUEUED and (spec := store.readable_spec(view.job_id)) is not None:
        return replace(view, waiting_for=waiting_words(spec, devices))
    if (
        view.state is JobState.LEASED
        and loss
        and view.claims
        and view.claims[-1].device_id in loss.lost
    ):
        return replace(view, waiting_for=f"its agent: {loss.sentence}")
    return view
