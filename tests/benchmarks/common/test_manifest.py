"""Artifacts of several files: one form, and a sentence for each that is none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bitgauge.benchmarks.common.manifest import (
    MAX_FILES,
    Manifest,
    decoded,
    encoded,
    laid_out,
    manifest_in,
    manifest_of,
    what_is_wrong,
)
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from hypothesis import given
from hypothesis import strategies as st

DIGESTS = st.builds(
    Digest, st.text("0123456789abcdef", min_size=64, max_size=64), st.integers(0, 1 << 34)
)
PARTS = st.text(st.characters(codec="utf-8", exclude_characters="/\\\0"), min_size=1, max_size=20)
NAMES = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
WELL_NAMED = NAMES.filter(lambda name: not what_is_wrong(name))
ONE = Digest("a" * 64, 3)


def digest_of(data: bytes) -> Digest:
    return Digest(hashlib.sha256(data).hexdigest(), len(data))


@given(entry=DIGESTS, others=st.dictionaries(WELL_NAMED, DIGESTS, max_size=6))
def test_what_is_written_is_read_and_has_one_form(entry: Digest, others: dict[str, Digest]) -> None:
    refused = refusal(lambda: manifest_of("onnx", entry, others))
    if refused is not None:
        assert "below another file" in refused.sentence
        return
    manifest = manifest_of("onnx", entry, others)
    data = encoded(manifest)
    assert decoded(data) == manifest
    assert encoded(manifest_of("onnx", entry, dict(reversed(others.items())))) == data
    assert manifest.size_bytes == entry.size_bytes + sum(one.size_bytes for one in others.values())
    assert {file.name: file.digest for file in manifest.files} == {manifest.entry: entry, **others}


@given(name=st.one_of(NAMES, st.text(max_size=30), st.just("a/../b"), st.just("./a")))
def test_a_name_lies_inside_the_folder_or_is_refused(name: str) -> None:
    if what_is_wrong(name):
        return
    folder = Path("/top/folder")
    assert (folder / name).is_relative_to(folder)
    assert ".." not in (folder / name).parts
    assert str(folder / name) == f"/top/folder/{name}"


@given(data=st.binary(max_size=80), at=st.integers(0, 400))
def test_damage_is_one_sentence(data: bytes, at: int) -> None:
    good = encoded(manifest_of("onnx", ONE, {"weights": ONE}))
    spoilt = good[:at] + data + good[at + len(data) :]
    if spoilt == good:
        return
    refused = refusal(lambda: decoded(spoilt))
    if refused is None:
        assert encoded(decoded(spoilt)) == spoilt
        return
    assert refused.code is Code.BAD_MODEL
    assert refused.sentence.startswith("The manifest of an artifact ")


def refusal(make: Callable[[], object]) -> BadInput | None:
    try:
        make()
    except BadInput as error:
        return error
    return None


def written(change: Callable[[Any], None]) -> bytes:
    values = json.loads(encoded(manifest_of("onnx", ONE, {"weights": ONE})))
    change(values)
    return json.dumps(values, separators=(",", ":")).encode()


def renamed(name: str) -> Callable[[Any], None]:
    return lambda values: values["files"][1].update(name=name)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (renamed("/etc/passwd"), "'/etc/passwd', which is an absolute path"),
        (renamed("x/../../y"), "leaves the folder of the model"),
        (renamed("x//y"), "no plain relative path"),
        (renamed("x\\y"), "holds characters"),
        (renamed("x\0y"), "holds characters"),
        (renamed("w" * 300), "is too long"),
        (renamed("artifact"), "lists a file twice"),
        (renamed("artifact/w"), "below another file"),
        (lambda values: values["files"].clear(), "lists 0 files"),
        (lambda values: values["files"].extend(values["files"] * MAX_FILES), "lists 20002 files"),
        (lambda values: values["files"].reverse(), "out of order"),
        (lambda values: values.update(entry="other"), "no file 'other' to load"),
        (lambda values: values.update(kind="ON NX"), "names no artifact kind"),
        (lambda values: values.update(more=1), "cannot be read"),
        (lambda values: values["files"][0].update(sha256="A" * 64), "no digest and size"),
        (lambda values: values["files"][0].update(size_bytes=-1), "no digest and size"),
        (lambda values: values["files"][0].update(size_bytes=1 << 50), "are taken at most"),
    ],
)
def test_each_fault_has_its_sentence(change: Callable[[Any], None], said: str) -> None:
    with pytest.raises(BadInput) as caught:
        decoded(written(change))
    assert said in caught.value.sentence
    assert "a" * 64 not in caught.value.sentence


def test_a_manifest_of_a_million_files_is_not_even_parsed() -> None:
    data = encoded(manifest_of("onnx", ONE, {}))
    with pytest.raises(BadInput, match="is larger than"):
        decoded(data + b" " * (4 << 20))


def test_only_what_calls_itself_a_manifest_is_one(tmp_path: Path) -> None:
    manifest = manifest_of("onnx", ONE, {})
    path = tmp_path / "blob"
    path.write_bytes(encoded(manifest))
    assert manifest_in(path) == manifest
    for other in (b"", b"{}", b'{"schema":"x"}', b"\x08\x08weights"):
        path.write_bytes(other)
        assert manifest_in(path) is None


def test_the_files_lie_where_the_manifest_says(tmp_path: Path) -> None:
    blobs = {digest_of(data): data for data in (b"graph", b"weights")}
    entry, weights = blobs
    manifest = manifest_of("onnx", entry, {"deep/weights": weights, "again": weights})
    found = laid_out(manifest, tmp_path, lambda digest, path: _put(path, blobs[digest]))
    assert found.path == tmp_path / "artifact"
    assert (tmp_path / "deep/weights").read_bytes() == (tmp_path / "again").read_bytes()


def test_a_manifest_that_lists_a_manifest_is_refused(tmp_path: Path) -> None:
    inner = encoded(manifest_of("onnx", ONE, {}))
    outer: Manifest = manifest_of("onnx", digest_of(inner), {})
    with pytest.raises(BadInput, match="lists another manifest, 'artifact'"):
        laid_out(outer, tmp_path, lambda _, path: _put(path, inner))


def test_a_file_that_has_the_name_of_the_entry_gives_it_another() -> None:
    assert manifest_of("onnx", ONE, {"artifact": ONE, "artifact_/w": ONE}).entry == "artifact__"


def _put(path: Path, data: bytes) -> None:
    path.write_bytes(data)
