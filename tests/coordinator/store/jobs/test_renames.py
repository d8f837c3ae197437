"""A device that is called otherwise has its history, and every word means one device."""

from __future__ import annotations

import contextlib
import functools
import json
import sqlite3
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from bitgauge.benchmarks.vocabulary.devices import MAX_ALIASES, means
from bitgauge.benchmarks.vocabulary.errors import Code, NotFound, Refused
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription
from bitgauge.benchmarks.vocabulary.values.history import CompareQuery, HistoryQuery
from bitgauge.benchmarks.vocabulary.values.jobs import Selector
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.coordinator.client.offline import Offline
from bitgauge.coordinator.decisions.scheduler import matches
from bitgauge.coordinator.exports.table import exported
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.upkeep import restore
from bitgauge.coordinator.store.upkeep.backup import make
from bitgauge.coordinator.store.upkeep.check import check_state
from bitgauge.coordinator.store.values import LeaseTerms, Registration
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.labs.refused import refused
from tests.labs.rooms.home import Home
from tests.labs.store import Lab, spec
from tests.labs.values import device

_OLD = Path(__file__).parent.parent / "sql" / "constructed" / "schema-12.sql"
NOW_NS = 5_000 * 10**9
NAMES = ("rpi5", "nano", "board-x", "board-y", "Board-X")


class Step(NamedTuple):
    """Somebody names a device: an admin, or its agent, which was started otherwise."""

    how: str
    which: int
    word: str


STEPS = st.builds(
    Step,
    st.sampled_from(("rename", "add_alias", "remove_alias", "says")),
    st.integers(0, 1),
    st.sampled_from(NAMES),
)


@functools.cache
def older() -> bytes:
    """A database of the oldest schema that is opened, with rows in every table, made new."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.executescript(_OLD.read_text())
        Store.open(path).close()
        return path.read_bytes()


def known(store: Store) -> dict[str, DeviceDescription]:
    views = store.devices(NOW_NS, LeaseTerms())
    return {one.description.device_id: one.description for one in views}


def take(store: Store, found: DeviceDescription, step: Step) -> None:
    if step.how == "says":
        joined = found.device_id if found.device_id == device("nano").device_id else None
        said = replace(found, name=step.word, aliases=("not heard",))
        store.register(Registration(said, "1", "boot", "i1", False, (), joined), NOW_NS)
    else:
        getattr(store, step.how)(found.device_id, step.word, now_ns=NOW_NS, who="ann")


def history(path: Path) -> str:
    """Everything that is told of the past, with ids in the place of today's names."""
    with Offline(path) as asked:
        store = asked.store
        jobs = store.jobs(limit=100)
        campaigns = [one.campaign_id for one in store.campaigns()]
        told: list[Any] = [
            *(store.rows(TableQuery()), store.cells(), store.deciding_rows(TableQuery())),
            *(jobs, [store.runs(job.job_id) for job in jobs], asked.histories(HistoryQuery())),
            *(store.regressions(ended=True), store.schedules(), store.campaigns()),
            *(map(store.campaign, campaigns), map(store.campaign_plan, campaigns)),
            [store.rows(TableQuery(job_id=job.job_id, device=jobs[0].device_name)) for job in jobs],
            asked.compare(CompareQuery("recipe:int8-dynamic", "recipe:fp32")),
        ]
        text = msgspec.json.encode([*map(list, told[:-1]), told[-1]]).decode()
        for one in known(store).values():
            text = text.replace(one.name, one.device_id)
        return in_order([json.loads(text), msgspec.to_builtins(exported(asked))])


def in_order(told: Any) -> str:
    """A value as text, whatever order lists are in: people read devices by their names."""
    if isinstance(told, dict):
        return json.dumps({name: in_order(one) for name, one in sorted(told.items())})
    return json.dumps(sorted(map(in_order, told)) if isinstance(told, list | tuple) else told)


@settings(max_examples=12, deadline=None)
@example([Step("rename", 0, "board-x"), Step("rename", 0, "rpi5"), Step("says", 0, "board-x")])
@given(st.lists(STEPS, max_size=6))
def test_whatever_devices_are_called_their_history_is_the_same(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        path.write_bytes(older())
        before = history(path)
        store = Store.open(path)
        ids = sorted(known(store))
        meant = {one.name: at for at, one in known(store).items()}
        for step in steps:
            with contextlib.suppress(NotFound, Refused):  # another's name, or none of its own
                take(store, known(store)[ids[step.which]], step)
                meant[step.word] = "" if step.how == "remove_alias" else ids[step.which]
        for word in NAMES:  # what was ever said is still understood, and by one device alone
            own = meant.get(word)
            bearers = [
                at for at, one in known(store).items() if means(word, at, one.name, one.aliases)
            ]
            assert bearers == ([own] if own else [])
            if own:
                assert store.device_named(word) == own
                assert matches(spec(selector=Selector(device=word)), known(store)[own]) == ()
                rows = store.rows(TableQuery(device=word))
                assert rows == store.rows(TableQuery(device=own))
        cells = store.cells()
        store.rebuild_table()
        assert store.cells() == cells
        store.close()
        assert history(path) == before


def test_a_name_of_one_is_no_name_of_another(lab: Lab, nano: None) -> None:
    rpi5, other = device().device_id, device("nano").device_id
    lab.store.rename(rpi5, "kitchen", now_ns=lab.now_ns, who="ann")
    for word in ("kitchen", "KITCHEN", "rpi5", "nano"):
        with refused(Code.NAME_TAKEN):
            lab.store.add_alias(rpi5 if word == "nano" else other, word, now_ns=lab.now_ns)
    with refused(Code.BAD_ARGUMENT, "no name for a device"):
        lab.store.rename(rpi5, "a room", now_ns=lab.now_ns)
    for number in range(MAX_ALIASES - 1):
        lab.store.add_alias(rpi5, f"name-{number}", now_ns=lab.now_ns)
    with refused(Code.QUOTA, f"{MAX_ALIASES} aliases"):
        lab.store.rename(rpi5, "one-more", now_ns=lab.now_ns)
    lab.store.remove_alias(rpi5, "rpi5", now_ns=lab.now_ns)
    lab.store.add_alias(other, "rpi5", now_ns=lab.now_ns)
    lab.register()  # its agent still says rpi5; it is the kitchen
    assert lab.store.device_named("rpi5") == other
    lab.store.retire(rpi5, "smoke", lab.now_ns)
    lab.register(device("kitchen"))
    assert lab.store.device_named("kitchen") == device("kitchen").device_id
    assert lab.store.device_named("name-0") == rpi5
    acts = [one.what for one in lab.store.audit() if one.who == "ann"]
    assert acts == ["device.rename"]


def test_an_agent_that_is_started_with_another_name_renames_its_device(lab: Lab) -> None:
    rpi5 = device().device_id
    lab.register(device("bench", device_id=rpi5))
    assert (known(lab.store)[rpi5].name, known(lab.store)[rpi5].aliases) == ("bench", ("rpi5",))
    [act] = [one for one in lab.store.audit() if one.what == "device.rename"]
    assert (act.who, act.detail) == (f"agent:{rpi5}", "from rpi5 to bench")
    lab.store.rename(rpi5, "kitchen", now_ns=lab.now_ns, who="ann")
    lab.register(device("shelf", device_id=rpi5))  # what an admin said stays
    found = known(lab.store)[rpi5]
    assert (found.name, found.aliases) == ("kitchen", ("bench", "rpi5", "shelf"))


def test_names_come_back_with_a_backup(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    store = Store.open(home.database)
    home.measure(store, "net")
    store.rename(device().device_id, "kitchen", now_ns=NOW_NS)
    store.close()
    make(home.folder, tmp_path / "backup")
    restore.restore(tmp_path / "backup", tmp_path / "other")
    assert check_state(tmp_path / "other").sound
    again = Store.open(tmp_path / "other" / "store.db")
    assert [one.device_name for one in again.rows(TableQuery(device="rpi5"))] == ["kitchen"] * 2
    again.close()
