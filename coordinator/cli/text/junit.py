"""A campaign as JUnit XML, which CI systems show: one test case per cell. Pure.

After the schema of the Jenkins xUnit plug-in (junit-10.xsd): `testsuites > testsuite > testcase`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from xml.etree import ElementTree

from bitgauge.benchmarks.history.change import REGRESSED
from bitgauge.benchmarks.refresh.diff import FAILED, LOST, UNSUPPORTED
from bitgauge.benchmarks.vocabulary.values.campaigns import CampaignView, CellChange

from .refresh import change_parts, workload_words

BAD = (REGRESSED, LOST, FAILED)
_S = 1_000_000_000
# XML 1.0 has no way to write these at all.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(view: CampaignView, fail_on: Collection[str] = BAD) -> str:
    """One test suite; a case fails when its kind is among `fail_on`, or its job was refused."""
    cases = [_case(change, fail_on) for change in view.diff]
    cases += [
        _made(
            f"{job.model_name}.{job.device_name}",
            f"job, {workload_words(job.workload)}",
            "error",
            job.reason or job.state,
        )
        for job in view.jobs
        if job.state in ("refused", "failed", "cancelled")
    ]
    ended_ns = view.ended_unix_ns or view.created_unix_ns
    suite = ElementTree.Element("testsuite", name=_text(f"bitgauge refresh {view.name}"))
    suite.set("tests", str(len(cases)))
    for outcome, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(name, str(sum(case.find(outcome) is not None for case in cases)))
    suite.set("time", f"{(ended_ns - view.created_unix_ns) / _S:.3f}")
    suite.extend(cases)
    top = ElementTree.Element("testsuites")
    top.append(suite)
    ElementTree.indent(top)
    body = ElementTree.tostring(top, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _case(change: CellChange, fail_on: Collection[str]) -> ElementTree.Element:
    place = f"{change.model_name}.{change.device_name}"
    name = f"{change.recipe}, {workload_words(change.workload)}, {change.runtime}"
    said = "; ".join(change_parts(change)) or change.kind
    if change.kind in fail_on:
        return _made(place, name, "failure", said, change.kind)
    if change.kind == UNSUPPORTED or (change.after and change.after.value == UNSUPPORTED):
        return _made(place, name, "skipped", said)
    return _made(place, name, None, said)


def _made(
    place: str, name: str, outcome: str | None, said: str, kind: str = ""
) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=_text(place), name=_text(name))
    if outcome is None:
        ElementTree.SubElement(case, "system-out").text = _text(said)
        return case
    element = ElementTree.SubElement(case, outcome, message=_text(said))
    if kind:
        element.set("type", kind)
    return case


def _text(text: str) -> str:
    return _UNWRITABLE.sub("?", text)
