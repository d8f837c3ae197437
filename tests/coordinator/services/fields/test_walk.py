"""Every field of a request is held against the rules, and a refusal names it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from bitgauge.benchmarks.common.wire import to_wire
from bitgauge.benchmarks.vocabulary.enums import FailureGroup, RunStatus
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.printable import hidden_in
from bitgauge.benchmarks.vocabulary.values.runs import Failure
from bitgauge.coordinator.services.fields import rules
from bitgauge.coordinator.services.fields.walk import require_fields
from bitgauge.protos.v1 import agent_pb2, lab_pb2

from tests.coordinator.services.requests import every_rpc, least
from tests.labs import values


def submit(**changes: Any) -> lab_pb2.SubmitRequest:
    return lab_pb2.SubmitRequest(spec=to_wire(values.job(**changes)))


def said(request: Any) -> str:
    with pytest.raises(BadInput) as caught:
        require_fields(request)
    return caught.value.sentence


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan, -1.0, 101.0])
def test_a_margin_is_a_number_of_points(number: float) -> None:
    words = said(submit(accuracy_margin_pp=number))
    assert words.startswith(f"The accuracy margin (spec.accuracy_margin_pp) is {number};")


@pytest.mark.parametrize("name", ["a\x1b[31m", "a\x07", "a\u202eb", "a\nb", "a\u200bb"])
def test_a_name_holds_what_can_be_seen(name: str) -> None:
    words = said(submit(model_name=name))
    assert words.startswith("The model name (spec.model_name) holds the hidden character \\")
    assert hidden_in(words) is None


def test_a_name_is_no_file() -> None:
    words = said(submit(model_name="x" * 2**20))
    assert words == "The model name (spec.model_name) has 1048576 characters of at most 256."


def test_an_item_of_a_list_is_named_by_its_place() -> None:
    request = submit()
    request.spec.entries.add(recipe="int8-dynamic", name="a\tb")
    assert "(spec.entries[1].name)" in said(request)


def test_a_list_has_an_end() -> None:
    request = submit()
    request.spec.order.extend(["x"] * (rules.MAX_ITEMS + 1))
    assert said(request) == "The order (spec.order) has 257 items of at most 256."


def test_a_digest_is_one() -> None:
    request = submit()
    request.spec.baseline.sha256 = "A" * 64
    assert "(spec.baseline.sha256) is no SHA-256" in said(request)
    request.spec.baseline.sha256 = ""
    assert said(request) == "The sha256 (spec.baseline.sha256) is empty."


def test_a_word_is_one_of_those_that_are_known() -> None:
    request = submit()
    request.spec.profile = 99  # type: ignore[assignment]
    assert said(request) == "The profile (spec.profile) is 99, which is not known here."


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda report: setattr(report, "attempts", -5), "attempts"),
        (lambda report: setattr(report, "started_unix_ns", -1), "started"),
        (lambda report: setattr(report, "ended_unix_ns", 2**63 - 1), "ended"),
        (lambda report: setattr(report, "run_id", "7"), "run id"),
        (lambda report: setattr(report, "lease_token", b"x" * 65), "lease token"),
    ],
)
def test_a_report_is_bounded(change: Callable[[Any], None], field: str) -> None:
    request = agent_pb2.ReportRequest(report=to_wire(values.told(values.device().device_id)))
    require_fields(request)
    change(request.report)
    assert said(request).startswith(f"The {field} (report.")


def test_what_an_agent_says_is_cleaned_and_its_result_is_kept() -> None:
    log = "\x1b[31mline\x1b[0m\n" * 10_000 + "the end\u202e"
    failure = Failure(FailureGroup.ARTIFACT, "c\x07", "a\x1bb\nc" * 9000, "look", log)
    report = values.told(
        values.device().device_id, status=RunStatus.FAILED, failure=failure, sandbox="bwrap\x1b"
    )
    request = agent_pb2.ReportRequest(report=to_wire(report))
    require_fields(request)
    kept = request.report.failure
    assert (kept.code, request.report.sandbox) == ("c\\x07", "bwrap\\x1b")
    assert len(kept.message) == rules.MAX_AGENT_SENTENCE
    assert kept.message.startswith("a\\x1bb ca\\x1bb c")
    assert len(kept.log_tail) == rules.MAX_LOG
    assert kept.log_tail.endswith("\nline\nthe end\\u202e")


@pytest.mark.parametrize("rpc", tuple(every_rpc()), ids=lambda rpc: rpc.path)
def test_every_request_has_rules(rpc: Any) -> None:
    """A kind of field of which no rule can be made, such as a map, is a defect of the walk."""
    require_fields(least(rpc.request))


def test_the_rules_speak_of_fields_that_are_there() -> None:
    known: set[str] = set()
    todo = [rpc.request for rpc in every_rpc()]
    for message in todo:
        known.update(name for f in message.fields for name in (f.name, f"{message.name}.{f.name}"))
        todo.extend(f.message_type for f in message.fields if f.message_type)
    for table in (rules.RULES.texts, rules.RULES.numbers, rules.RULES.data, rules.RULES.counts):
        for key in table:
            if key.startswith("_"):
                assert any(name.endswith(key) for name in known), key
            else:
                assert key in known, key
