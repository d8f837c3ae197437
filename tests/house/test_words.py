"""What people read: error codes and sentences, units in metric keys, comments of the contract."""

from __future__ import annotations

import ast
import re

from bitgauge.benchmarks.vocabulary.catalogue import CATALOGUE
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.metrics import METRICS

from .tree import ROOT, SOURCES, parsed, shown

GRPC_STATUSES = {
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "RESOURCE_EXHAUSTED",
    "UNAUTHENTICATED",
    "PERMISSION_DENIED",
    "UNAVAILABLE",
    "INTERNAL",
    "DATA_LOSS",
    "DEADLINE_EXCEEDED",
    "UNIMPLEMENTED",
}


def test_catalogue_is_total() -> None:
    assert set(CATALOGUE) == set(Code)
    for code, meaning in CATALOGUE.items():
        assert meaning.status in GRPC_STATUSES, code
        assert re.fullmatch(r"[A-Z].*\.", meaning.advice), code


def test_each_code_is_raised_somewhere() -> None:
    raised = {
        node.attr
        for path in SOURCES
        if path != ROOT / "benchmarks/vocabulary/catalogue.py"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "Code"
    }
    assert not set(Code.__members__) - raised, "nothing in the sources says these"


def sentences() -> list[tuple[str, str]]:
    """Every sentence that is written where an error is made, with its place; "{}" for values."""
    found = []
    for path in SOURCES:
        for node in ast.walk(parsed(path)):
            if not isinstance(node, ast.Call) or len(node.args) < 2:
                continue
            code, sentence = node.args[0], node.args[1]
            if not re.fullmatch(r"Code\.[A-Z_]+", ast.unparse(code)):
                continue
            if isinstance(sentence, ast.JoinedStr):
                parts = sentence.values
            elif isinstance(sentence, ast.Constant) and isinstance(sentence.value, str):
                parts = [sentence]
            else:
                continue
            text = "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in parts)
            found.append((f"{shown(path)}:{node.lineno}", text))
    return found


def test_every_error_says_what_and_where_in_a_sentence() -> None:
    """What to do is the catalogue's advice, which `test_catalogue_is_total` looks at."""
    found = sentences()
    assert len(found) > 100
    for place, text in found:
        assert re.match(r"[A-Z{'\"`-]", text), f"{place}: {text!r} does not begin like a sentence"
        assert re.search(r"[.?]$|\{\}$", text), f"{place}: {text!r} does not end like a sentence"
        assert len(text.split()) >= 3, f"{place}: {text!r} says too little"


def test_metric_keys_carry_their_unit() -> None:
    endings = {"ns": "_ns", "B": "_bytes", "mJ": "_mj", "pp": "_pp", "%": "_pct"}
    for metric in METRICS.values():
        if ending := endings.get(metric.unit):
            assert metric.key.endswith(ending), metric.key


def test_every_proto_field_is_commented() -> None:
    silent = [
        f"{shown(proto)}:{number}"
        for proto in sorted((ROOT / "protos/v1").glob("*.proto"))
        for number, line in enumerate(proto.read_text().splitlines(), 1)
        if re.match(r"\s+(repeated |optional )?[\w.]+ \w+ = \d+;", line) and "//" not in line
    ]
    assert not silent, "these say nothing about their field"
