"""People of one lab, over the real server: others' things, quotas, a restore, and the audit."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from bitgauge.agents.config import Enrolment
from bitgauge.agents.connection.connection import Connection, Introduction
from bitgauge.agents.connection.device_key import device_key, signing_request
from bitgauge.agents.connection.join import join
from bitgauge.benchmarks.common.join_line import Address, parse_join_line
from bitgauge.benchmarks.vocabulary.enums import ModelClass, Role
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.values.campaigns import RefreshOrder, Suite, SuiteModel
from bitgauge.coordinator.cli.app import run_command_line
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.endpoint import Endpoint
from bitgauge.coordinator.decisions.quotas import Quotas
from bitgauge.coordinator.store.upkeep.backup import make
from bitgauge.coordinator.store.upkeep.restore import restore
from bitgauge.protos.v1 import lab_pb2

from tests.labs.host import AGENT_TOKEN, DEVICE, USER_TOKEN, Host, job_of, running
from tests.labs.refused import refused

FEW = Quotas(campaigns=3, schedules=2, tokens=12, join_lines=3, notes=5, acts=50)
NIGHTLY = "0 3 * * *"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    home = tmp_path_factory.mktemp("people") / "home"
    with running(home, tls=True, quotas=FEW) as made:
        asyncio.run(register(made))
        yield made


async def register(host: Host) -> None:
    connection = Connection(host.address, AGENT_TOKEN, lambda _: None)
    await connection.register(DEVICE, Introduction("1", "boot", "one"))
    await connection.close()


class People:
    """Each person of the lab by name, with a token of the own; `local` is its owner."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.secrets = {"local": USER_TOKEN}

    def let_in(self, name: str, role: Role) -> None:
        with self.client("local") as client:
            self.secrets[name] = client.create_token(name, role)[0].partition("@")[0]

    def client(self, name: str) -> Client:
        path = self.host.home / f"token-of-{name}"
        path.write_text(self.secrets[name])
        return Client(Endpoint(self.host.address, None, path), call_timeout_s=20.0)


@pytest.fixture(scope="module")
def people(host: Host) -> People:
    made = People(host)
    roles = {"ann": Role.SUBMIT, "bob": Role.SUBMIT, "root": Role.ADMIN, "eve": Role.READ}
    for name, role in roles.items():
        made.let_in(name, role)
    return made


@pytest.fixture(scope="module")
def order(host: Host) -> RefreshOrder:
    model = SuiteModel("m", host.put(b"baseline"), host.put(b"evaluation"), None, ModelClass.CNN)
    return RefreshOrder(suite=Suite("small", (model,), ("int8-dynamic",)))


# -- others' things -----------------------------------------------------------------------
def test_what_ann_made_is_ann_s_and_the_admin_s(
    host: Host, people: People, order: RefreshOrder
) -> None:
    spec = job_of(host.put(b"baseline"), host.put(b"evaluation"), "one key")
    with people.client("ann") as ann, people.client("bob") as bob, people.client("root") as root:
        ann.set_schedule("nightly", NIGHTLY, order)
        campaign = ann.start_campaign(order, "key").campaign.campaign_id
        job = ann.submit(spec).job_id
        for take in (
            lambda: bob.set_schedule("nightly", "0 4 * * *", order),
            lambda: bob.remove_schedule("nightly"),
            lambda: bob.cancel_campaign(campaign),
            lambda: bob.pause_campaign(campaign),
            lambda: bob.cancel(job),
            lambda: bob.create_token("mine", Role.ADMIN),
            lambda: bob.cordon(DEVICE.device_id),
            bob.audit,
        ):
            with refused(Code.FORBIDDEN):
                take()
        # The same keys are other keys, and tell nothing of Ann's.
        other = bob.submit(spec)
        assert other.created
        assert other.job_id != job
        assert bob.start_campaign(order, "key").campaign.campaign_id != campaign
        assert [one.cron for one in ann.schedules()] == [NIGHTLY]
        root.set_schedule("nightly", "0 5 * * *", order)
        root.remove_schedule("nightly")
        root.cancel_campaign(campaign)
        root.cancel(job)
        did = [(one.who, one.what, one.object) for one in root.audit()]
    for act in (
        ("ann", "schedule.set", "nightly"),
        ("root", "schedule.set", "nightly"),
        ("root", "schedule.remove", "nightly"),
        ("root", "campaign.cancel", campaign),
        ("root", "job.cancel", job),
    ):
        assert act in did
    assert not {what for who, what, _ in did if who == "bob"} - {"campaign.start"}


def test_a_schedule_of_every_second_is_none(people: People, order: RefreshOrder) -> None:
    with people.client("bob") as bob:
        for cron in ("* * * * * *", "*/2 0 3 * * *", "* * * * *", "0,1 3 * * *", "@reboot"):
            with refused(Code.BAD_ARGUMENT):
                bob.set_schedule("fast", cron, order)
        assert all(one.name != "fast" for one in bob.schedules())


def test_nobody_has_more_than_a_share(people: People, order: RefreshOrder) -> None:
    with people.client("bob") as bob, people.client("root") as root:
        for name in ("b1", "b2"):
            bob.set_schedule(name, NIGHTLY, order)
        with refused(Code.QUOTA, "--schedule-quota"):
            bob.set_schedule("b3", NIGHTLY, order)
        with refused(Code.QUOTA, "--campaign-quota"):
            for _ in range(FEW.campaigns + 1):
                bob.start_campaign(order, "")
        with refused(Code.QUOTA, "--token-quota"):
            for number in range(FEW.tokens + 1):
                root.create_token(f"t{number}", Role.READ)
        with refused(Code.QUOTA, "--join-line-quota"):
            for _ in range(FEW.join_lines + 1):
                root.create_join_line()
        for token in root.tokens():
            if token.name.startswith("t"):
                root.revoke_token(token.name)


@pytest.mark.parametrize("name", ["local", "Coordinator", "agent:1", "host:root", " ann", "ann "])
def test_nobody_passes_for_somebody_else(people: People, name: str) -> None:
    with people.client("root") as root, refused(Code.BAD_ARGUMENT):
        root.create_token(name, Role.SUBMIT)


# -- the audit ----------------------------------------------------------------------------
def test_the_audit_is_the_admins_and_holds_no_secret(host: Host, people: People) -> None:
    for name in ("ann", "eve"):
        with people.client(name) as client, refused(Code.FORBIDDEN):
            client.audit()
    with people.client("root") as root:
        root.cordon(DEVICE.device_id, "a fan")
        root.uncordon(DEVICE.device_id)
        entries = root.audit()
        assert root.verify_audit().breaks is None
        assert root.audit(who="root", limit=2) == entries[-2:]
        assert root.audit(since_unix_ns=entries[-1].at_unix_ns)[-1] == entries[-1]
    said = repr(entries)
    assert not [secret for secret in people.secrets.values() if secret in said]
    assert [one.what for one in entries[-2:]] == ["device.cordon", "device.uncordon"]
    assert [one.position for one in entries] == list(range(1, len(entries) + 1))


AUDITED = {
    "CreateToken": "token.create",
    "RevokeToken": "token.revoke",
    "CreateJoinLine": "join_line.create",
    "Confirm": "device.confirm",
    "RenameDevice": "device.rename",
    "SetAlias": "device.alias",
    "RevokeAgent": "device.revoke",
    "Cordon": "device.cordon",
    "Uncordon": "device.uncordon",
    "Retire": "device.retire",
}
"""What each call of Admin is in the audit; one that only lists is not there."""


def test_every_call_of_an_admin_is_in_the_audit(tmp_path: Path) -> None:
    service = lab_pb2.DESCRIPTOR.services_by_name["Admin"]
    calls = {one.name for one in service.methods if not one.name.startswith("List")}
    assert calls == set(AUDITED), "a new call is audited too, and tried here"
    with running(tmp_path / "home", tls=True) as host:
        asyncio.run(register(host))
        people = People(host)
        people.let_in("root", Role.ADMIN)
        with people.client("root") as root:
            root.create_token("t", Role.READ)
            root.revoke_token("t")
            board = enrolled(host, "board", root.create_join_line()[0])
            asyncio.run(registered(host, board))
            root.confirm("board")
            root.rename("board", "shelf")
            root.alias("shelf", "board-2")
            root.revoke_agent("board")
            root.cordon(DEVICE.device_id, "a fan")
            root.uncordon(DEVICE.device_id)
            root.retire(DEVICE.device_id)
            did = [one.what for one in root.audit(who="root")]
            joined = [one for one in root.audit() if one.what == "device.join"]
    assert did == list(AUDITED.values())
    assert [one.who for one in joined] == [f"agent:{joined[0].object}"]


def test_the_command_shows_and_verifies_it(
    host: Host, people: People, capsys: pytest.CaptureFixture[str]
) -> None:
    with people.client("root"):  # leaves the file with the token
        where = ["--coordinator", host.address, "--token-file", str(host.home / "token-of-root")]
    assert run_command_line(["audit", *where, "--who", "ann", "--since", "1d"]) == 0
    assert "schedule.set" in capsys.readouterr().out
    assert run_command_line(["audit", *where, "--verify"]) == 0
    assert "The audit is whole" in capsys.readouterr().out
    assert run_command_line(["audit", *where, "--since", "soon"]) == 2
    with contextlib.closing(sqlite3.connect(host.home / "store.db")) as connection:
        with pytest.raises(sqlite3.IntegrityError, match="never changed"):
            connection.execute("UPDATE audit SET who = 'bob' WHERE position = 2")
        connection.execute("DROP TRIGGER audit_is_not_changed")
        connection.execute("UPDATE audit SET who = 'nobody' WHERE position = 2")
        connection.commit()
    try:
        assert run_command_line(["audit", *where, "--verify"]) == 1
        assert "BROKEN: entry 2 of the audit is not as it was written" in capsys.readouterr().out
        assert run_command_line(["check", "--home", str(host.home)]) == 1
        assert "entry 2 of the audit is not as it was written" in capsys.readouterr().out
    finally:
        with contextlib.closing(sqlite3.connect(host.home / "store.db")) as connection:
            connection.execute("UPDATE audit SET who = 'local' WHERE position = 2")
            connection.commit()
    assert run_command_line(["audit", *where, "--verify"]) == 0


# -- a restore ----------------------------------------------------------------------------
def enrolled(host: Host, name: str, line: str) -> Enrolment:
    folder = host.home / "devices" / name
    here = replace(parse_join_line(line), address=Address("127.0.0.1", host.tls_port))
    return asyncio.run(join(here, folder, name, lambda _: None))


async def registered(host: Host, device: Enrolment) -> None:
    what = replace(DEVICE, device_id=device.device_id, name=device.name)
    address = f"127.0.0.1:{host.agent_port}"
    connection = Connection(address, device.token, lambda _: None, device.security)
    await connection.register(what, Introduction("1", "boot", "one"))
    await connection.close()


def calls(host: Host, device: Enrolment) -> None:
    """Ask for work as a device that joined does."""

    async def ask() -> None:
        address = f"127.0.0.1:{host.agent_port}"
        connection = Connection(address, device.token, lambda _: None, device.security)
        try:
            await connection.acquire(DEVICE.device_id, "one", 0)
        finally:
            await connection.close()

    asyncio.run(ask())


def test_a_join_line_lets_one_device_in_and_no_loop_fills_the_audit(tmp_path: Path) -> None:
    few = Quotas(certificates=3)
    with running(tmp_path / "home", tls=True, quotas=few) as host, host.client() as owner:
        line = owner.create_join_line(3600)[0]
        key = device_key(tmp_path / "key")
        token = parse_join_line(line).token
        own, other = (f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2))

        def joins(device_id: str, name: str) -> None:
            request = signing_request(key, device_id)
            host.call(host.administration.join(token, request, device_id, name))

        joins(own, "board")
        joins(own, "board")  # an answer was lost
        with refused(Code.JOIN_REFUSED, "has been used"):
            joins(other, "second")
        joins(own, "board")
        with refused(Code.QUOTA, "There are 3 certificates that the device"):
            joins(own, "board")
        with refused(Code.QUOTA):
            request = signing_request(key, own)
            host.call(host.administration.renew_certificate(own, "board", request))
        owner.revoke_agent("board")
        with refused(Code.JOIN_REFUSED, "has expired"):
            joins(other, "third")


def test_a_restore_revives_nobody(tmp_path: Path) -> None:
    home, backup = tmp_path / "home", tmp_path / "backup"
    with running(home, tls=True) as host:
        people = People(host)
        for name in ("gone", "stays"):
            people.let_in(name, Role.SUBMIT)
        with people.client("local") as owner:
            lines = [owner.create_join_line(3600)[0] for _ in range(2)]
            board = enrolled(host, "board", lines[0])
            with refused(Code.UNKNOWN_DEVICE):  # it is let in
                calls(host, board)
            make(home, backup)
            owner.revoke_token("gone")
            owner.revoke_agent("board")
            enrolled(host, "second", lines[1])
            people.let_in("later", Role.SUBMIT)
    told = restore(backup, home, replace=True).carried
    assert (told.tokens, told.certificates, told.join_lines) == (2, 1, 2)  # the board's token too
    with running(home, tls=True) as host:
        people.host = host
        for name, why in (("gone", "has been revoked"), ("later", "a backup was put back")):
            with people.client(name) as client, refused(Code.UNAUTHENTICATED, why):
                client.jobs()
        with people.client("stays") as client:
            assert client.jobs() == ()
        with refused(Code.UNAUTHENTICATED):
            calls(host, board)
        for line in lines:
            with refused(Code.JOIN_REFUSED):
                enrolled(host, "thief", line)
        with people.client("local") as owner:
            newest = owner.audit(limit=4)
            assert "store.restore" in {one.what for one in newest}
            assert owner.verify_audit().breaks is None
