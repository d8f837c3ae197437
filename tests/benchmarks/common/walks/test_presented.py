"""Values for people hold no text that may not be printed, and are else what they were."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bitgauge.benchmarks.common.walks.presented import presented, presenting
from bitgauge.benchmarks.vocabulary.enums import FailureGroup
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.runs import Failure

from tests.labs import values

EVIL = "a\x1b[31m\u202e\nb"
SHOWN = r"a\x1b[31m\u202e\x0ab"


def test_what_is_clean_is_given_back_as_it_is() -> None:
    for value in (values.job(), values.device(), values.report, 3, None, b"\x1b", ("a", 1.5)):
        assert presented(value) is value


def test_every_text_at_any_depth_is_one_line() -> None:
    dirty = replace(values.device(), tags=(StackItem("x", EVIL),), processor_model=EVIL)
    made = presented(dirty)
    assert made.processor_model == made.tags[0].value == SHOWN
    assert replace(made, tags=dirty.tags, processor_model=EVIL) == dirty
    assert presented({EVIL: [EVIL]}) == {SHOWN: [SHOWN]}


def test_the_lines_of_a_log_stay_lines() -> None:
    failure = Failure(FailureGroup.ARTIFACT, EVIL, EVIL, EVIL, EVIL)
    made = presented(failure)
    assert made.log_tail == "a\\x1b[31m\\u202e\nb"
    assert made.message == SHOWN


class Source:
    """Answers in all the ways there are."""

    name = EVIL

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None: ...

    def echo(self, text: str, *, more: str = "") -> tuple[str, str]:
        return text, more

    def blob(self) -> bytes:
        return EVIL.encode()

    def watch(self) -> Any:
        yield EVIL
        yield "b"


def test_whoever_answers_answers_so() -> None:
    with presenting(Source()) as source:
        assert isinstance(source, Source)
        assert source.name == SHOWN
        assert source.echo(EVIL, more="b") == (SHOWN, "b")
        assert source.blob() == EVIL.encode()
        assert list(source.watch()) == [SHOWN, "b"]
