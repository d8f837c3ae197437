"""What keeps the tree, the package list, the contract and the documentation true."""

import ast
import functools
import re
import sys
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.catalogue import CATALOGUE
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.metrics import METRICS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MAPPED = ("agents", "benchmarks", "coordinator", "protos")
SOURCES = sorted(
    path for folder in MAPPED for path in (ROOT / folder).rglob("*.py") if "_pb2" not in path.name
)
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


def test_package_list_is_the_tree() -> None:
    found = {
        ".".join(("bitgauge", *path.parent.relative_to(ROOT).parts))
        for folder in MAPPED
        for path in (ROOT / folder).rglob("__init__.py")
    }
    assert set(PYPROJECT["tool"]["setuptools"]["packages"]) == found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_obeys_the_house_rules(path: Path) -> None:
    """Relative imports inside a package, `bitgauge.x` across; at most 400 lines; a docstring."""
    text = path.read_text()
    assert text.count("\n") <= 400
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    own = f"bitgauge.{path.relative_to(ROOT).parts[0]}."
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            assert name.split(".")[0] not in MAPPED, f"{name}: write bitgauge.{name}"
            assert not f"{name}.".startswith(own), f"{name}: import relatively"


def test_no_sources_named_like_a_program() -> None:
    assert not list(ROOT.glob("__main__.py"))


def test_catalogue_is_total() -> None:
    assert set(CATALOGUE) == set(Code)
    for code, meaning in CATALOGUE.items():
        assert meaning.status in GRPC_STATUSES, code
        assert re.fullmatch(r"[A-Z].*\.", meaning.advice), code


@functools.cache
def raised_codes() -> dict[Code, list[str]]:
    """Where the sources name each code, the catalogue itself aside."""
    found: dict[Code, list[str]] = {code: [] for code in Code}
    for path in SOURCES:
        if path == ROOT / "benchmarks/vocabulary/catalogue.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "Code"
                and node.attr in Code.__members__
            ):
                found[Code[node.attr]].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    return found


@pytest.mark.parametrize("code", Code, ids=lambda code: code.value)
def test_each_code_is_raised_somewhere(code: Code) -> None:
    assert raised_codes()[code], f"nothing in the sources says {code.name}"


def sentences() -> list[tuple[str, str]]:
    """Every sentence that is written where an error is made, with its place; "{}" for values."""
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or len(node.args) < 2:
                continue
            code, sentence = node.args[0], node.args[1]
            if not re.fullmatch(r"Code\.[A-Z_]+", ast.unparse(code)):
                continue
            place = f"{path.relative_to(ROOT)}:{node.lineno}"
            if isinstance(sentence, ast.JoinedStr):
                parts = sentence.values
            elif isinstance(sentence, ast.Constant) and isinstance(sentence.value, str):
                parts = [sentence]
            else:
                continue
            text = "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in parts)
            found.append((place, text))
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
    for proto in sorted((ROOT / "protos/v1").glob("*.proto")):
        for number, line in enumerate(proto.read_text().splitlines(), 1):
            if re.match(r"\s+(repeated |optional )?[\w.]+ \w+ = \d+;", line):
                assert "//" in line, f"{proto.name}:{number} says nothing about its field"


def test_the_eleven_packages_are_declared_in_the_extra_that_uses_each() -> None:
    project = PYPROJECT["project"]
    declared = {"base": project["dependencies"], **project["optional-dependencies"]}
    for group, package in (
        ("coordinator", "ray"),
        ("base", "grpcio"),
        ("base", "protobuf"),
        ("torch", "torch"),
        ("tensorrt", "tensorrt"),
        ("onnxruntime", "onnxruntime"),
        ("litert", "tflite-runtime"),
        ("base", "psutil"),
        ("nvidia", "nvidia-ml-py"),  # the maintained successor of pynvml
        ("coordinator", "sqlite-utils"),
        ("coordinator", "scipy"),
    ):
        pattern = rf"{re.escape(package)}(?![\w-])"
        assert any(re.match(pattern, line) for line in declared[group]), f"{package}: {group}"
    assert "pynvml" in (ROOT / "pyproject.toml").read_text()


def test_links_lead_to_the_packages() -> None:
    for folder in MAPPED:
        link = ROOT / ".links/bitgauge" / folder
        assert link.is_symlink()
        assert link.resolve() == ROOT / folder
        assert (ROOT / folder / "py.typed").exists()
