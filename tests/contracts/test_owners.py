"""What is another's stays as it is, and an agent speaks for its own devices alone."""

from __future__ import annotations

from bitgauge.benchmarks.common.agreement import PROTOCOL_VERSION
from bitgauge.benchmarks.common.wire import to_wire
from bitgauge.benchmarks.vocabulary.enums import Role
from bitgauge.coordinator.access.access import ALLOWED
from bitgauge.protos.v1 import agent_pb2, lab_pb2

from tests.labs import values
from tests.labs.coordinator import DEVICE
from tests.labs.rooms.everybody import CODE, HONEST, RAW_FILES, RPCS, Everybody, honest, status_of

OWNED = {
    "Cancel": {"job_id": "job"},
    "PauseCampaign": {"campaign_id": "campaign"},
    "ResumeCampaign": {"campaign_id": "campaign"},
    "CancelCampaign": {"campaign_id": "campaign"},
    "SetSchedule": {"name": "schedule"},
    "RemoveSchedule": {"name": "schedule"},
    "AddCalibrationSet": {"name": "calibration set"},
}
"""What changes something that is somebody's, and the field that names it."""
NOT_OWNED = {
    *("Submit", "Offer", "Certify", "StartCampaign", "Write"),  # make something of one's own
    *("Reanalyse", "Annotate", "QueryWrite"),  # compute, add a remark, ask
    *("MoveAlias", "NoteUngated"),  # append what is shipped of a model
    *("KeepVerdict", "DecideVerdict"),  # append what is said of a run
}


def test_every_method_that_changes_something_has_an_owner_or_needs_none() -> None:
    """A new method for people is put into one of the two tables above."""
    submitters = {
        path.rpartition("/")[2]
        for path, parties in ALLOWED.items()
        if "submit" in {party.value for party in parties}
        and "read" not in {party.value for party in parties}
    }
    assert submitters == OWNED.keys() | NOT_OWNED


async def test_what_is_another_s_stays_as_it_is(everybody: Everybody) -> None:
    door, lab = everybody.door, everybody.lab
    tokens = []
    for name in ("ann", "mallory"):
        told, _ = await door.administration.create_token(name, Role.SUBMIT, 0)
        tokens.append(told.partition("@")[0])
    ann, mallory = tokens
    calls = {rpc.name: rpc for rpc in RPCS.values()}
    order = HONEST["RefreshOrder"]
    made = {
        "SetSchedule": lab_pb2.SetScheduleRequest(name="s", cron="0 3 * * *", order=order),
        "AddCalibrationSet": lab_pb2.AddCalibrationSetRequest(
            name="c", digest=HONEST["Digest"], samples=2, source="x"
        ),
        "Submit": lab_pb2.SubmitRequest(spec=HONEST["JobSpec"]),
        "StartCampaign": lab_pb2.StartCampaignRequest(order=order),
    }
    for name, request in made.items():
        assert await everybody.status(calls[name], request, ann) == (CODE.OK, ""), name
    jobs = await lab.writer.ask(lambda store: lab.jobs.listed(store, 10, False))
    things = {
        "job": next(job.job_id for job in jobs if job.state.value == "queued"),
        "campaign": (await door.writer.call(lambda store: store.campaigns()))[0].campaign_id,
        "schedule": "s",
        "calibration set": "c",
    }
    for name, named in OWNED.items():
        request = honest(calls[name].request, HONEST)
        for field_name, thing in named.items():
            setattr(request, field_name, things[thing])
        code, words = await everybody.status(calls[name], request, mallory)
        assert code in (CODE.PERMISSION_DENIED, CODE.FAILED_PRECONDITION), (name, code, words)
    assert await everybody.ordinary() == []


async def test_an_agent_speaks_for_its_own_devices_alone(everybody: Everybody) -> None:
    door = everybody.door
    other = values.device("other")
    token, security = await door.joined(other.device_id, "other")
    description = to_wire(DEVICE)
    wrong = {
        "Register": agent_pb2.RegisterRequest(
            device=description, protocol_version=PROTOCOL_VERSION, incarnation="evil"
        ),
        "Acquire": agent_pb2.AcquireRequest(device_id=DEVICE.device_id, incarnation="one"),
        "Renew": agent_pb2.RenewRequest(
            job_id=everybody.held.job_id,
            epoch=everybody.held.epoch,
            lease_token=everybody.held.lease_token,
        ),
        "Report": agent_pb2.ReportRequest(
            report=to_wire(
                values.report(everybody.held, 0, device_id=DEVICE.device_id, raw=RAW_FILES)
            )
        ),
    }
    channel = door.channel(door.agent_port, security)
    for rpc in RPCS.values():
        if rpc.service == "bitgauge.v1.Agents":
            code, words = await status_of(channel, rpc, wrong[rpc.name], token)
            assert code is CODE.PERMISSION_DENIED, (rpc.name, code, words)
    assert await everybody.ordinary() == []
