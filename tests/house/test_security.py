"""docs/security.md tells of every right what coordinator/access says, and which test tries what."""

from __future__ import annotations

import re
from pathlib import Path

from bitgauge.coordinator.access.access import ALLOWED, OPEN_METHODS, OPEN_SERVICES
from bitgauge.coordinator.access.tokens import Party
from bitgauge.coordinator.services.server import SERVICES
from bitgauge.protos.v1 import agent_pb2, blobs_pb2, lab_pb2
from grpc_health.v1 import health_pb2

TESTS = Path(__file__).parents[1]
PAGE = (Path(__file__).parents[2] / "docs/security.md").read_text()
EVERYBODY = {"nobody", *(party.value for party in Party)}
TRIED = "| what is tried | what it did before it was mended | tests in `tests/` |"
HEAD = "| service | calls | nobody | read | submit | admin | agent | task |"

Rights = dict[tuple[str, str], set[str]]


def of_the_page() -> Rights:
    """Who may call what, by service and method, as people read it."""
    _, _, below = PAGE.partition(HEAD + "\n")
    lines = below.partition("\n\n")[0].splitlines()[1:]
    columns = HEAD.strip("| ").split(" | ")[2:]
    found: Rights = {}
    for line in lines:
        service, calls, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        assert set(cells) <= {"", "yes"}, line
        assert len(cells) == len(columns), line
        may = {column for column, cell in zip(columns, cells, strict=True) if cell}
        for method in re.findall(r"`(\w+)`", calls):
            key = service.strip("`"), method
            assert key not in found, f"{key} stands there twice"
            found[key] = may
    return found


def of_the_code() -> Rights:
    """The same as calls are judged."""
    found: Rights = {}
    for path, parties in ALLOWED.items():
        found[_split(path)] = {party.value for party in parties}
    for path in OPEN_METHODS:
        found[_split(path)] = EVERYBODY
    services = health_pb2.DESCRIPTOR.services_by_name
    assert {services["Health"].full_name} == OPEN_SERVICES
    return found | {("Health", name): EVERYBODY for name in ("Check", "Watch")}


def _split(path: str) -> tuple[str, str]:
    service, method = path.strip("/").split("/")
    return service.rpartition(".")[2], method


def test_the_page_tells_the_rights_as_they_are() -> None:
    page, code = of_the_page(), of_the_code()
    assert not {key: (page.get(key), code.get(key)) for key in page.keys() ^ code.keys()}
    assert not {key: (page[key], code[key]) for key in code if page[key] != code[key]}


def test_every_method_of_the_contract_is_somebody_s() -> None:
    told = {
        (service.name, method.name)
        for module in (agent_pb2, blobs_pb2, lab_pb2)
        for service in module.DESCRIPTOR.services_by_name.values()
        if service.full_name in SERVICES
        for method in service.methods
    }
    assert told
    assert not told - of_the_page().keys()


def tried() -> dict[str, list[tuple[str, str]]]:
    """What the page says is tried, with the file and the name of each test."""
    _, _, below = PAGE.partition(TRIED + "\n")
    found: dict[str, list[tuple[str, str]]] = {}
    for line in below.partition("\n\n")[0].splitlines()[1:]:
        what, before, tests = (cell.strip() for cell in line.strip("|").split("|"))
        assert before, line
        found[what] = re.findall(r"`([\w/]+\.py)::(\w+)`", tests)
        assert found[what], line
        assert tests.count("`") == 2 * len(found[what]), line
    return found


def test_what_is_tried_is_a_test() -> None:
    named = [one for tests in tried().values() for one in tests]
    assert named
    absent = [
        f"{path}::{name}"
        for path, name in named
        if not (TESTS / path).is_file() or f"def {name}(" not in (TESTS / path).read_text()
    ]
    assert not absent


def test_every_file_of_attacks_is_told_of() -> None:
    there = {one.name for one in (TESTS / "bad_days/attacks").glob("test_*.py")}
    told = {Path(path).name for tests in tried().values() for path, _ in tests}
    assert there - told == {"test_lab.py"}, "its tests are about the attacks themselves"
