"""What CI systems show, as JUnit XML: a campaign by its cells, a gate by its rules. Pure."""

from __future__ import annotations

import io
import re
from collections.abc import Collection

from bitgauge.benchmarks.history.change import REGRESSED
from bitgauge.benchmarks.ladder.climb import Climbed
from bitgauge.benchmarks.refresh.diff import FAILED, LOST, UNSUPPORTED
from bitgauge.benchmarks.vocabulary.printable import printable
from bitgauge.benchmarks.vocabulary.shown import workload_words
from bitgauge.benchmarks.vocabulary.values.campaigns import CampaignView, CellChange
from bitgauge.benchmarks.vocabulary.values.gates import FAILED as GATE_FAILED
from bitgauge.benchmarks.vocabulary.values.gates import NOT_JUDGED, PASSED, REVIEW, GateVerdict
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from .refresh import change_parts

BAD = (REGRESSED, LOST, FAILED)
_S = 1_000_000_000
# XML 1.0 has no way to write these at all.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(view: CampaignView, fail_on: Collection[str] = BAD) -> str:
    """One test suite; a case fails when its kind is among `fail_on`, or its job was refused."""
    suite = TestSuite(_text(f"bitgauge refresh {view.name}"))
    suite.add_testcases([_case(change, fail_on) for change in view.diff])
    for job in view.jobs:
        if job.state in ("refused", "failed", "cancelled"):
            case = _made(
                f"{job.model_name}.{job.device_name}", f"job, {workload_words(job.workload)}"
            )
            case.result = [Error(_text(job.reason or job.state))]
            suite.add_testcase(case)
    ended_ns = view.ended_unix_ns or view.created_unix_ns
    suite.time = round((ended_ns - view.created_unix_ns) / _S, 3)
    return _written(suite)


def verdict_xml(verdict: GateVerdict) -> str:
    """One test suite; a rule that failed, or needs a person, fails its case."""
    suite = TestSuite(_text(f"bitgauge gate {verdict.use_case.name}"))
    for rule in verdict.rules:
        case = _made(f"{verdict.model_name}.{verdict.device_name}", rule.rule)
        said = _text(rule.why + (f"; see {rule.playbook}" if rule.playbook else ""))
        if rule.verdict in (GATE_FAILED, REVIEW):
            case.result = [Failure(said, rule.verdict)]
        elif rule.verdict == NOT_JUDGED:
            case.result = [Skipped(said)]
        else:
            case.system_out = said
        suite.add_testcase(case)
    return _written(suite)


def ladder_xml(found: Climbed, title: str) -> str:
    """One test suite; formats that do not pass are skipped, unless none does."""
    suite = TestSuite(_text(f"bitgauge quantize {title}"))
    for one in found.tried:
        case = _made(title, one.rung.recipe)
        said = _text(one.why or "; ".join(each.why for each in one.distances) or one.rung.why)
        if one.outcome == PASSED:
            case.system_out = said
        elif one is found.best:
            case.result = [Failure(said, one.outcome)]
        else:
            case.result = [Skipped(said)]
        suite.add_testcase(case)
    return _written(suite)


def _written(suite: TestSuite) -> str:
    top = JUnitXml()
    top.add_testsuite(suite)
    file = io.BytesIO()
    top.write(file)
    return file.getvalue().decode() + "\n"


def _case(change: CellChange, fail_on: Collection[str]) -> TestCase:
    name = f"{change.recipe}, {workload_words(change.workload)}, {change.runtime}"
    case = _made(f"{change.model_name}.{change.device_name}", name)
    said = _text("; ".join(change_parts(change)) or change.kind)
    if change.kind in fail_on:
        case.result = [Failure(said, change.kind)]
    elif change.kind == UNSUPPORTED or (change.after and change.after.value == UNSUPPORTED):
        case.result = [Skipped(said)]
    else:
        case.system_out = said
    return case


def _made(place: str, name: str) -> TestCase:
    return TestCase(_text(name), _text(place))


def _text(text: str) -> str:
    return _UNWRITABLE.sub("?", printable(text))
