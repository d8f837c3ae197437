"""Every parser of bytes that come from outside, as a function of bytes that must not fail.

A target may refuse its input with a `BitgaugeError` whose sentence ends in a full stop; anything
else that it raises, and any promise of a parser that it finds broken, is a defect.
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bitgauge.agents.launcher.exit import printable
from bitgauge.agents.launcher.supervision import LOG_HEAD_BYTES, LOG_TAIL_BYTES, Log
from bitgauge.agents.spec import PHASES, decode_event
from bitgauge.benchmarks.common.gguf.decoder import decoder_of
from bitgauge.benchmarks.common.gguf.header import read_header
from bitgauge.benchmarks.common.join_line import SCHEME, parse_host_port, parse_join_line
from bitgauge.benchmarks.common.manifest import decoded, encoded, manifest_of
from bitgauge.benchmarks.common.wire import from_wire, message_class, to_wire
from bitgauge.benchmarks.quality.sets import read_evaluation_set
from bitgauge.benchmarks.raw.container import RawFile, read_raw
from bitgauge.benchmarks.raw.given import given_of
from bitgauge.benchmarks.raw.origin import raw_origin
from bitgauge.benchmarks.record.sources import PARSERS
from bitgauge.benchmarks.refresh.suite import parse_suite, volumes_of_csv
from bitgauge.benchmarks.table.file import TableFile, from_json, to_json
from bitgauge.benchmarks.vocabulary.enums import (
    HardwareClass,
    PassName,
    Profile,
    RawRole,
    RunStatus,
)
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.recipes import DEFAULT_RECIPES, parse
from bitgauge.benchmarks.vocabulary.typed import parse_size_bytes, parse_time_ns, parse_word
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec
from bitgauge.benchmarks.vocabulary.values.runs import Progress, RawRef, RunReport
from bitgauge.coordinator.cli.orders import parse_batches, parse_recipes, parse_selector
from bitgauge.coordinator.models.formats.onnx import facts_of
from bitgauge.coordinator.store.blobs.blob_store import BlobStore
from google.protobuf.message import DecodeError

from tests.labs.decoders.gguf import Gguf, tiny
from tests.labs.hostile.archives import HOSTILE

ROOT = Path(__file__).parents[2]
SMALL_BYTES = 10_000
"""Of a seed: hypothesis keeps all of them at hand."""
ZOO = ROOT / "benchmarks" / "zoo"
RAW_FILES = [
    read_raw(next((ROOT / "benchmarks" / "snapshot" / "raw").glob(f"*/{name}-0-*.npz")))
    for name in ("absolute", "memory", "numerics", "operators", "pair", "quality")
]
RAW_ARRAYS = [file.arrays for file in RAW_FILES]


@dataclass(frozen=True)
class Target:
    """A parser, and inputs that it takes, to begin from."""

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """A refusal is an answer; its sentence is one that a person can read."""
    try:
        yield
    except BitgaugeError as error:
        _require_readable(error)


def _require_readable(error: BitgaugeError) -> None:
    assert error.sentence.endswith("."), error.sentence
    assert len(error.sentence) < 10_000, len(error.sentence)
    assert str(error).encode("utf-8", "surrogateescape")


# -- names that people type ---------------------------------------------------------------
def names(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    with refusing():
        recipe = parse(text)
        assert str(recipe) == text.strip()
        assert parse(str(recipe)) == recipe
    for read in (
        lambda: parse_size_bytes(text),
        lambda: parse_time_ns(text),
        lambda: parse_word(HardwareClass, text, "hardware class"),
        lambda: parse_word(Profile, text, "profile"),
        lambda: parse_batches(text.split("\n")),
        lambda: parse_selector(text.split("\n")),
        lambda: parse_recipes(text, calibrated=True),
    ):
        with refusing():
            read()


def digests(data: bytes) -> None:
    """What is no digest never becomes a path; what is one stays inside the folder."""
    text = data.decode("utf-8", "surrogateescape")
    sha256, _, size = text.rpartition(".")
    number = int(size) if size.isascii() and size.isdigit() and len(size) < 19 else -1
    blobs = BlobStore.__new__(BlobStore)  # its path is all that is asked, and no disk
    blobs.root = ROOT
    with refusing():
        path = blobs.path(Digest(sha256, number))
        assert path.parent.parent == ROOT
        assert ".." not in path.parts


# -- join lines ---------------------------------------------------------------------------
def join_line(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    with refusing():
        line = parse_join_line(text)
        assert parse_join_line(str(line)) == line
        assert line.token not in repr(line).replace(line.address.host, "")
    with contextlib.suppress(ValueError):
        address = parse_host_port(text)
        assert 0 < address.port < 65536
        assert "/" not in address.host
        assert parse_host_port(str(address)) == address


# -- sets and raw files -------------------------------------------------------------------
def npz(data: bytes) -> None:
    with refusing():
        found = read_evaluation_set(data)
        assert len(found) == len(set(found.ids.tolist()))
        for array in found.inputs.values():
            assert array.shape[0] == len(found)
    with refusing():
        assert isinstance(read_raw(data).meta, dict)


def raw(data: bytes) -> None:
    """What a raw file says of itself, beside arrays that are as they should be."""
    try:
        meta = json.loads(data)
    except (ValueError, RecursionError):
        return
    for arrays in RAW_ARRAYS:
        file = RawFile(meta if isinstance(meta, dict) else {}, arrays)
        given_of(file)
        for reader in (raw_origin, *PARSERS.values()):
            with refusing():
                reader(file)


# -- files that people write --------------------------------------------------------------
def suite(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    with refusing():
        found = parse_suite(text, "suite.toml", ("digits-cnn",), "suite")
        assert found.models
    with refusing():
        for volume in volumes_of_csv(text, "volumes.csv"):
            assert volume.per_day > 0


def manifest(data: bytes) -> None:
    """What an artifact lists never leaves its folder."""
    with refusing():
        found = decoded(data)
        assert encoded(found) == data
        for file in found.files:
            assert (ROOT / file.name).resolve().is_relative_to(ROOT)


def table(data: bytes) -> None:
    with refusing():
        assert to_json(from_json(data, "table.json"))


# -- what comes over the wire -------------------------------------------------------------
def report(data: bytes) -> None:
    for kind in (RunReport, JobSpec, DeviceDescription, Progress):
        try:
            message = message_class(kind).FromString(data)
        except DecodeError:
            continue
        with refusing():
            value = from_wire(kind, message)
            assert from_wire(kind, to_wire(value)) is not None


# -- what a child says --------------------------------------------------------------------
def events(data: bytes) -> None:
    for line in data.split(b"\n"):
        event = decode_event(line)
        if event is not None:
            assert isinstance(event.hold_ms, int)
            assert event.phase in PHASES or event.phase is not None
    # Whatever an artifact prints, in whatever pieces: what is kept is bounded and can be shown.
    log = Log(head_bytes=64, tail_bytes=32)
    for start in range(0, len(data), 7):
        log.feed(data[start : start + 7])
    assert log.seen == len(data)
    text = log.text()
    assert len(text) <= 64 + 32 + 60
    text.encode()
    shown = printable(log.tail())
    assert "\x1b" not in shown
    assert "\0" not in shown
    assert LOG_HEAD_BYTES + LOG_TAIL_BYTES <= 1 << 20


# -- models -------------------------------------------------------------------------------
def gguf(data: bytes) -> None:
    """What a header says lies within the file, each byte in one tensor at most."""
    with tempfile.NamedTemporaryFile() as file, refusing():
        file.write(data)
        file.flush()
        header = read_header(Path(file.name), "the model")
        at = 0
        for one in header.tensors:
            assert at <= one.offset
            at = one.offset + one.size_bytes
        assert at <= len(data)
        assert decoder_of(header).vocabulary <= len(data)


def model(data: bytes) -> None:
    with refusing():
        facts = facts_of(data, "the model")
        assert facts.size_bytes == len(data)


def _npz_seeds() -> tuple[bytes, ...]:
    out = []
    for arrays in (
        {"inputs/x": np.zeros((3, 2), np.float32), "ids": np.array(["a", "b", "c"])},
        {
            "schema": np.array("bitgauge.raw/1"),
            "meta": np.frombuffer(json.dumps({"a": 1}).encode(), np.uint8),
            "values": np.arange(4.0),
        },
    ):
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        out.append(buffer.getvalue())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../inputs/x.npy", b"\x93NUMPY" + b"\0" * 200)
    hostile = (one for one, _ in HOSTILE.values() if len(one) < SMALL_BYTES)
    return (*out, buffer.getvalue(), *hostile)


def _table_seed() -> bytes:
    return to_json(TableFile((), (), (), ()))


def _manifest_seed() -> bytes:
    one, other = Digest("a" * 64, 3), Digest("b" * 64, 4)
    return encoded(manifest_of("onnx", one, {"weights/model.bin": other}))


def _report_seed() -> bytes:
    value = RunReport(
        run_id="r",
        job_id="j",
        epoch=1,
        lease_token=b"t" * 16,
        entry_index=0,
        status=RunStatus.MEASURED,
        started_unix_ns=1,
        ended_unix_ns=2,
        device_id="d",
        sandbox="rlimits",
        raw=(RawRef(PassName.PAIR, 0, RawRole.BOTH, Digest("a" * 64, 3)),),
    )
    return bytes(to_wire(value).SerializeToString())


TARGETS = {
    "names": Target(
        names,
        (
            *(str(recipe).encode() for recipe in DEFAULT_RECIPES),
            b"1.5 GiB",
            b"250us",
            b"cpu_only",
            b"class:cpu_only\ntag:a=b\nmemory:2GiB",
            b"1,8,64",
        ),
    ),
    "digests": Target(digests, (b"a" * 64 + b".12", b"../../etc/passwd.1", b"A" * 64 + b".1")),
    "join_line": Target(
        join_line,
        (
            f"{SCHEME}192.0.2.1:50951/{'a' * 64}/{'b' * 32}".encode(),
            f"{SCHEME}[2001:db8::1]:1/{'a' * 64}/{'b' * 32}".encode(),
            b"host:80",
        ),
    ),
    "npz": Target(npz, _npz_seeds()),
    "manifest": Target(manifest, (_manifest_seed(), _manifest_seed().replace(b"w", b"../w"))),
    "table": Target(table, (_table_seed(), b'{"schema":"bitgauge.table/1","rows":[[[]]]}')),
    "raw": Target(raw, tuple(json.dumps(file.meta).encode() for file in RAW_FILES)),
    "suite": Target(
        suite,
        (
            b'profile = "quick"\nrecipes = ["fp16"]\n[[model]]\nzoo = "digits-cnn"\n'
            b'[[selector]]\nmemory = "2 GiB"\ntags = {room = "a"}\n[overrides]\nlaunches = 1\n',
            b"model_class,per_day,batch\ncnn,5,\n,7,8\n",
        ),
    ),
    "report": Target(report, (_report_seed(), b"")),
    "events": Target(
        events,
        (
            b'{"kind":"phase","phase":"measure"}\n{"kind":"gap","hold_ms":5,"fraction":0.5}',
            b'{"kind":"\xff"}',
            b'{"kind":"gap","more":' + b"[" * 50_000,
            b'{"kind":"failed","code":"run_failed","message":"it broke"}\n\x1b[31mred\x00',
        ),
    ),
    "gguf": Target(
        gguf, tuple(one.bytes() for one in (tiny(), tiny("q8_0"), Gguf(), tiny(width=256)))
    ),
    "model": Target(model, ((ZOO / "digits-mlp.onnx").read_bytes()[:4000], b"\x80\x04pickle")),
}
