"""Model files of a user as artifacts: which files are sent, and under which name."""

from __future__ import annotations

import shutil
from pathlib import Path

import onnx
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.common.digests import digest_of
from bitgauge.benchmarks.common.manifest import decoded
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.coordinator.client.artifacts import local_artifact
from bitgauge.coordinator.client.upload import upload

from tests.labs.host import running
from tests.labs.sets import WEIGHTS, with_external_data


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return with_external_data(onnx.load(str(zoo.models()[0].path)), tmp_path / "mine")


def test_one_file_is_itself() -> None:
    model = zoo.models()[0].path
    found = local_artifact(model)
    assert found.digest == digest_of(model)
    assert [file.path for file in found.files] == [model]


def test_a_model_brings_its_files_and_their_manifest(path: Path) -> None:
    found = local_artifact(path)
    *files, last = found.files
    assert last.content is not None
    manifest = decoded(last.content)
    assert last.digest == found.digest
    assert (manifest.kind, manifest.entry) == ("onnx", "artifact")
    assert {one.name: one.digest for one in manifest.files} == {
        "artifact": digest_of(path),
        WEIGHTS: digest_of(path.parent / WEIGHTS),
    }
    assert {file.digest for file in files} == {one.digest for one in manifest.files}


def test_the_name_of_a_file_is_no_part_of_its_content(path: Path) -> None:
    first = local_artifact(path)
    assert local_artifact(path.rename(path.with_name("other.onnx"))).digest == first.digest


def test_links_into_a_store_of_files_are_followed_and_others_are_not(
    path: Path, tmp_path: Path
) -> None:
    """As a hub's cache lays out what it downloaded."""
    snapshot = tmp_path / "snapshot"
    (snapshot / "weights").mkdir(parents=True)
    (snapshot / "model.onnx").symlink_to(path)
    (snapshot / WEIGHTS).symlink_to(path.parent / WEIGHTS)
    assert local_artifact(snapshot / "model.onnx").digest == local_artifact(path).digest
    copied = tmp_path / "copied"
    (copied / "weights").mkdir(parents=True)
    shutil.copyfile(path, copied / "model.onnx")
    (copied / WEIGHTS).symlink_to(path.parent / WEIGHTS)
    with pytest.raises(BadInput, match="a link that leads out of its folder") as caught:
        local_artifact(copied / "model.onnx")
    assert caught.value.code is Code.EXTERNAL_DATA


def test_a_file_that_is_not_there_is_one_sentence(path: Path) -> None:
    (path.parent / WEIGHTS).unlink()
    with pytest.raises(BadInput, match=r"weights in 'weights/model\.bin', which is not beside"):
        local_artifact(path)


def test_the_coordinator_has_it_when_it_has_every_file(path: Path, tmp_path: Path) -> None:
    artifact = local_artifact(path)
    told: list[tuple[int, int]] = []
    with running(tmp_path / "home", loops=False) as host, host.client() as client:
        weights, manifest = artifact.files[1], artifact.files[2]
        upload(client, [one for one in artifact.files if one is not weights])
        assert set(client.find_missing([artifact.digest])) == {manifest.digest}
        upload(client, artifact.files, lambda *sent: told.append(sent))
        assert client.find_missing([artifact.digest]) == ()
        assert client.upload(path) == (artifact.digest,)
        stored = host.call(host.writer.call(lambda store: store.artifact_bytes(artifact.digest)))
        assert stored == path.stat().st_size + (path.parent / WEIGHTS).stat().st_size
    assert told[-1][0] == weights.digest.size_bytes
