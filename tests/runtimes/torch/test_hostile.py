"""Programs that were made to run something: each is refused in a sentence and runs nothing."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from bitgauge.agents.runtimes import torch as runtime
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.agents.runtimes.torch import loading
from bitgauge.benchmarks.common.exported import program as exported
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code

from .conftest import Programs

Records = dict[str, bytes]
Edits = Callable[[Records, Path], None]

WEIGHTS = "data/weights/model_weights_config.json"
CONSTANTS = "data/constants/model_constants_config.json"
SAMPLE = "data/sample_inputs/model.pt"
GRAPH = "models/model.json"


class Plants:
    """Unpickled, it makes a file."""

    def __init__(self, at: Path) -> None:
        self.at = at

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.at,))


def planted(at: Path, *, raw: bool = False) -> bytes:
    if raw:
        return pickle.dumps(Plants(at))
    buffer = io.BytesIO()
    torch.save(Plants(at), buffer)
    return buffer.getvalue()


def edited(path: Path, edit: Edits, target: Path, mark: Path) -> Path:
    """A copy of a program with other records."""
    with zipfile.ZipFile(path) as archive:
        root = archive.namelist()[0].split("/")[0]
        records = {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()}
    edit(records, mark)
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in records.items():
            archive.writestr(f"{root}/{name}", data)
    return target


def in_json(record: str, change: Callable[[Any], None]) -> Edits:
    def edit(records: Records, _: Path) -> None:
        told = json.loads(records[record])
        change(told)
        records[record] = json.dumps(told).encode()

    return edit


def pickled(config: str, *, raw: bool, prefix: str = "") -> Edits:
    """A record that is said to be a pickled weight, or an object of a class."""

    def edit(records: Records, mark: Path) -> None:
        told = json.loads(records[config])
        name = next(iter(json.loads(records[WEIGHTS])["config"]))
        payload = dict(json.loads(records[WEIGHTS])["config"][name], use_pickle=True)
        payload["path_name"] = f"{prefix or payload['path_name']}x"
        told["config"][name] = payload
        records[config] = json.dumps(told).encode()
        folder = config.rpartition("/")[0]
        records[f"{folder}/{payload['path_name']}"] = planted(mark, raw=raw)

    return edit


def sample(*, raw: bool) -> Edits:
    def edit(records: Records, mark: Path) -> None:
        records[SAMPLE] = planted(mark, raw=raw)

    return edit


def legacy(records: Records, mark: Path) -> None:
    records["data/weights/model.pt"] = planted(mark)


def added(name: str, data: bytes = b"x") -> Edits:
    def edit(records: Records, _: Path) -> None:
        records[name] = data

    return edit


def first_node(graph: Any) -> Any:
    return graph["graph_module"]["graph"]["nodes"][0]


def target(word: str) -> Edits:
    return in_json(GRAPH, lambda told: first_node(told).update(target=word))


def size(text: str) -> Edits:
    def change(told: Any) -> None:
        values = told["graph_module"]["graph"]["tensor_values"]
        next(iter(values.values()))["sizes"][0] = {"as_expr": {"expr_str": text, "hint": None}}

    return in_json(GRAPH, change)


def skipped_size(told: Any) -> None:
    """Under a name that stands for notes elsewhere."""
    values = told["graph_module"]["graph"]["tensor_values"]
    evil = {"as_expr": {"expr_str": "__import__('os').getpid()", "hint": None}}
    values["metadata"] = dict(next(iter(values.values())), sizes=[evil])


def huge(told: Any) -> None:
    meta = next(iter(told["config"].values()))["tensor_meta"]
    meta["sizes"] = [{"as_int": 1 << 40}, {"as_int": 1 << 20}]


def input_named(name: str) -> Edits:
    def edit(records: Records, _: Path) -> None:
        records[GRAPH] = records[GRAPH].replace(b'"pixels"', json.dumps(name).encode())

    return edit


def tree(told: Any) -> None:
    call = told["graph_module"]["module_call_graph"][0]["signature"]
    call["in_spec"] = call["in_spec"].replace("builtins.tuple", "collections.namedtuple")


CORPUS: dict[str, tuple[Edits, Code, str]] = {
    "a pickled weight": (pickled(WEIGHTS, raw=False), Code.REFUSED_FORMAT, "a pickle that calls"),
    "a raw pickle": (pickled(WEIGHTS, raw=True), Code.REFUSED_FORMAT, "a raw pickle"),
    "a pickled constant": (
        pickled(CONSTANTS, raw=False, prefix="tensor_"),
        Code.REFUSED_FORMAT,
        "a pickle that calls",
    ),
    "an object": (
        pickled(CONSTANTS, raw=True, prefix="opaque_obj_"),
        Code.REFUSED_FORMAT,
        "object of a class",
    ),
    "a script object": (
        pickled(CONSTANTS, raw=False, prefix="custom_obj_"),
        Code.REFUSED_FORMAT,
        "object of a class",
    ),
    "sample inputs": (sample(raw=False), Code.REFUSED_FORMAT, "a pickle that calls"),
    "raw sample inputs": (sample(raw=True), Code.REFUSED_FORMAT, "a raw pickle"),
    "weights of old": (legacy, Code.REFUSED_FORMAT, "as one pickle"),
    "native code": (
        added("data/aotinductor/model/a.so"),
        Code.REFUSED_FORMAT,
        "native code",
    ),
    "a library": (added("extra/lib.so"), Code.REFUSED_FORMAT, "native code"),
    "a way out": (added("../../planted"), Code.BAD_MODEL, "outside of its one folder"),
    "a command": (target("torch.os.system"), Code.REFUSED_FORMAT, "operator 'torch.os.system'"),
    "a loader": (target("torch.ops.load_library"), Code.REFUSED_FORMAT, "operator"),
    "a part of an operator": (
        target("torch.ops.aten.abs.__class__"),
        Code.REFUSED_FORMAT,
        "operator",
    ),
    "a reader of files": (
        target("torch.ops.aten.from_file.default"),
        Code.REFUSED_FORMAT,
        "operator",
    ),
    "a size that is code": (
        size("__import__('os').getpid()"),
        Code.REFUSED_FORMAT,
        "no expression of sizes",
    ),
    "a size under another name": (
        in_json(GRAPH, skipped_size),
        Code.REFUSED_FORMAT,
        "no expression of sizes",
    ),
    "an input that is code": (
        input_named("x=__import__('os')"),
        Code.REFUSED_FORMAT,
        "no identifier|does not write",
    ),
    "a class of inputs": (in_json(GRAPH, tree), Code.REFUSED_FORMAT, "not in tuples"),
    "a huge weight": (in_json(WEIGHTS, huge), Code.BAD_MODEL, "is said to reach"),
    "two programs": (added("models/other.json", b"{}"), Code.BAD_MODEL, "2 programs"),
    "no JSON": (added(GRAPH, b"{"), Code.BAD_MODEL, "is no JSON"),
    "another schema": (
        in_json(GRAPH, lambda told: told.update(schema_version={"major": 99, "minor": 1})),
        Code.BAD_MODEL,
        "schema 99.1",
    ),
}


@pytest.mark.parametrize("name", CORPUS)
def test_what_would_run_something_is_refused(program: Programs, tmp_path: Path, name: str) -> None:
    edit, code, words = CORPUS[name]
    mark = tmp_path / "planted"
    path = edited(program("mlp"), edit, tmp_path / "hostile.pt2", mark)
    with pytest.raises(BitgaugeError, match=words) as caught:
        runtime.load(path, SessionOptions())
    assert caught.value.code is code
    assert "\n" not in caught.value.sentence
    assert len(caught.value.sentence) < 400
    assert not mark.exists()


def test_the_library_itself_would_have_run_it(
    program: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The corpus is no straw man: loaded as everybody does, it makes the file."""
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)  # it cannot format it
    mark = tmp_path / "planted"
    path = edited(program("mlp"), sample(raw=False), tmp_path / "hostile.pt2", mark)
    with contextlib.suppress(Exception):  # it minds what it got, afterwards
        torch.export.load(str(path))
    assert mark.exists()


@pytest.mark.parametrize("raw", [False, True])
def test_what_the_look_missed_is_not_unpickled_at_load(
    program: Programs, tmp_path: Path, raw: bool
) -> None:
    """The fall-back itself is taken away, so that nothing hangs on the look alone."""
    mark = tmp_path / "planted"
    path = edited(program("mlp"), sample(raw=raw), tmp_path / "hostile.pt2", mark)
    unseen = exported.read(program("mlp"), "it")
    with pytest.raises(Exception, match=r"(?i)pickle|weights.only|unsupported") as caught:
        loading.load(path, unseen)
    assert not mark.exists()
    assert loading.explained(caught.value, loading=True).code is not Code.INTERNAL


def test_lines_that_guard_inputs_are_never_run(program: Programs, tmp_path: Path) -> None:
    mark = tmp_path / "planted"

    def guard(told: Any) -> None:
        told["guards_code"] = [f"__import__('pathlib').Path({str(mark)!r}).touch() or True"]

    path = edited(program("mlp"), in_json(GRAPH, guard), tmp_path / "guarded.pt2", mark)
    runtime.load(path, SessionOptions()).close()
    assert not mark.exists()


def test_a_bomb_is_refused_before_it_is_unpacked(program: Programs, tmp_path: Path) -> None:
    path = tmp_path / "bomb.pt2"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m/models/model.json", b" " * (64 << 20))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(BitgaugeError, match="is compressed, which the library never does"):
        runtime.load(path, SessionOptions())


def test_a_directory_that_reads_in_two_ways_is_refused(program: Programs, tmp_path: Path) -> None:
    whole = program("mlp").read_bytes()
    for name, data in (("before", b"x" * 100 + whole), ("behind", whole + b"x" * 10)):
        path = tmp_path / f"{name}.pt2"
        path.write_bytes(data)
        with pytest.raises(BitgaugeError) as caught:
            runtime.load(path, SessionOptions())
        assert caught.value.code is Code.BAD_MODEL


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_what_is_cut_is_a_sentence(program: Programs, tmp_path: Path, share: float) -> None:
    whole = program("mlp").read_bytes()
    path = tmp_path / "cut.pt2"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(BitgaugeError, match="no whole exported program") as caught:
        runtime.load(path, SessionOptions())
    assert caught.value.code is Code.BAD_MODEL


def test_plain_tensors_of_torchao_are_let_through(program: Programs) -> None:
    """By name, and without a sentence about any of them."""
    for name in ("mlp-dynamic", "mlp-weights"):
        found = loading.described(program(name))
        assert len(found.pickled) == 3
        assert loading.load(program(name), found) is not None
