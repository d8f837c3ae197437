"""A script of a builder's environment: what becomes of whatever it answers."""

from __future__ import annotations

import venv
from collections.abc import Callable
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders._outside import MAX_OUTSIDE_ANSWER_BYTES
from bitgauge.coordinator.builders.base import BuildRequest, Unsupported

from tests.labs.environments import RECIPE, SCRIPT, plugin_folder

Requests = Callable[[str], BuildRequest]
ANSWERING = "import json, os, sys\nwhere = sys.argv[2]\n"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("venv")
    venv.create(root)
    return root


@pytest.fixture
def request_of(tmp_path: Path, environment: Path, monkeypatch: pytest.MonkeyPatch) -> Requests:
    def made(script: str) -> BuildRequest:
        folder = plugin_folder(tmp_path / "plugins", script)
        monkeypatch.setenv("BITGAUGE_PLUGIN_PATH", str(folder))
        (tmp_path / "model").write_bytes(b"weights")
        output = tmp_path / "artifact"
        return BuildRequest(parse(RECIPE), tmp_path / "model", output, environment=environment)

    return made


def test_its_work_is_the_artifact_and_its_answer_the_builders(
    request_of: Requests, environment: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    request = request_of(SCRIPT)
    registry.build(request, ("copy",))
    assert request.output.read_bytes() == b"weights"
    assert request.log.notes == [str(environment)]
    assert "copying" in capfd.readouterr().out


def test_the_toolchain_names_the_environment_and_each_byte_of_lock_and_scripts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for number, (script, lock) in enumerate(
        [(SCRIPT, ""), (SCRIPT + "#\n", ""), (SCRIPT, "# x\n")]
    ):
        folder = plugin_folder(tmp_path / str(number), script, lock)
        monkeypatch.setenv("BITGAUGE_PLUGIN_PATH", str(folder))
        found.append(registry.toolchain(parse(RECIPE), ("copy",)))
    assert len(set(found)) == 3
    assert all(one.startswith("copies/1 copies@") for one in found)


def test_what_the_model_cannot_take_is_a_fact(request_of: Requests) -> None:
    request = request_of(ANSWERING + "json.dump({'unsupported': 'No weights.'}, open(where, 'w'))")
    with pytest.raises(Unsupported, match=r"^No weights\.$"):
        registry.build(request, ("copy",))


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("json.dump({'bad': 'It is \\x1b[31mred.'}, open(where, 'w'))", "It is red"),
        ("pass", "its script ended without an answer"),
        ("open(where, 'w').write('[1]')", "its script's answer is no object"),
        ("open(where, 'w').write('{')", "its script's answer cannot be read"),
        ("open(where, 'w').write('{\"a\": NaN}')", "its script's answer cannot be read"),
        ("open(where, 'w').write('[' * 100000)", "its script's answer cannot be read"),
        (f"open(where, 'w').write(' ' * {MAX_OUTSIDE_ANSWER_BYTES + 1})", "cannot be read"),
        ("os.symlink('/etc/passwd', where)", "its script's answer cannot be read"),
        ("os.mkfifo(where)", "its script's answer cannot be read"),
        ("raise ValueError('axis 3 is not there')", "ValueError: axis 3 is not there"),
        ("os.kill(os.getpid(), 11)", "a library ended the script with SIGSEGV"),
        ("sys.exit(3)", "its script said nothing"),
    ],
)
def test_every_other_end_is_one_sentence(request_of: Requests, script: str, why: str) -> None:
    request = request_of(ANSWERING + script)
    with pytest.raises(BadInput) as caught:
        registry.build(request, ("copy",))
    assert caught.value.code is Code.BUILD_FAILED
    assert why in caught.value.sentence
    assert not request.output.exists()
