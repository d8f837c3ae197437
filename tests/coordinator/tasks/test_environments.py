"""A build in an environment, at each level of the sandbox: it reads that and nothing else."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from bitgauge.benchmarks.common.digests import digest_of
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.coordinator.decisions.steps import End, Ending, StepLimit
from bitgauge.coordinator.environments.definition import definition
from bitgauge.coordinator.environments.making import MakingTerms, made
from bitgauge.coordinator.environments.shelf import Ready, Shelf
from bitgauge.coordinator.store.values import BuildKey
from bitgauge.coordinator.tasks import steps
from bitgauge.coordinator.tasks.nursery.nursery import Nursery
from bitgauge.coordinator.tasks.nursery.order import Order, Site
from bitgauge.coordinator.tasks.nursery.said import files_in
from bitgauge.coordinator.tasks.work import _readable

from tests.labs.environments import RECIPE, SCRIPT, plugin_folder
from tests.labs.steps.nurseries import LEVELS, settled

LIMIT = StepLimit(60.0, 512 << 20)
REACHES = """
import json, os, socket, sys

spec = json.load(open(sys.argv[1]))
reached = []


def attempt(name, work):
    try:
        work()
    except OSError:
        return
    reached.append(name)


open(spec["output"], "w").close()
attempt("secret", lambda: open(os.path.join(sys.prefix, "../../tokens")).read())
attempt("environment", lambda: open(os.path.join(sys.prefix, "mine"), "w"))
attempt("network", lambda: socket.create_connection(("127.0.0.1", PORT), 2))
json.dump({"by": " ".join(reached)}, open(sys.argv[2], "w"))
"""


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    patch = pytest.MonkeyPatch()
    folder = plugin_folder(tmp_path_factory.mktemp("plugins") / "plug")
    patch.setenv("BITGAUGE_PLUGIN_PATH", str(folder))
    yield folder
    patch.undo()


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A coordinator's state folder, with a secret beside the environments."""
    folder = tmp_path_factory.mktemp("state")
    (folder / "tokens").write_text("secret")
    return folder


@pytest.fixture(scope="module")
def ready(plugins: Path, state: Path) -> Ready:
    return made(definition("copies"), Shelf(state / "environments"), MakingTerms())


@pytest.fixture(scope="module", params=LEVELS)
def nursery(
    request: pytest.FixtureRequest,
    ready: Ready,
    state: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Nursery]:
    site = Site(tmp_path_factory.mktemp(request.param), request.param, (state,))
    found = settled(site)
    yield found
    found.end()


def order(model: Path, ready: Ready, limit: StepLimit = LIMIT) -> Order:
    key = BuildKey(digest_of(model), RECIPE, None, "", artifact_kind="copy")
    arguments = (key, model, None, ready.path)
    return Order(steps.build, arguments, limit, (model, *_readable(ready)))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    path.write_bytes(b"weights")
    return path


def test_it_builds_with_what_lies_in_a_hidden_folder(
    nursery: Nursery, model: Path, ready: Ready
) -> None:
    with nursery.step(order(model, ready), steps.Built) as (built, folder):
        assert isinstance(built, steps.Built), built
        assert built.notes == (str(ready.path),)
        made_file = files_in(folder, (steps.ARTIFACT,), 1 << 20)[steps.ARTIFACT]
        assert made_file.read_bytes() == b"weights"


@pytest.fixture
def script(plugins: Path) -> Iterator[Path]:
    """The builder's script, which a test may write anew."""
    path = plugins / "builders/environments/copies/copy.py"
    yield path
    path.write_text(SCRIPT)


def test_what_it_runs_reaches_nothing_but_its_inputs(
    nursery: Nursery, model: Path, ready: Ready, script: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        script.write_text(REACHES.replace("PORT", str(server.getsockname()[1])))
        built = nursery.raised(order(model, ready), steps.Built)
    confined = nursery.sandbox.split()[0].rstrip(",:") != "rlimits"
    assert built.notes == ("" if confined else "secret environment network",)
    (ready.path / "mine").unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("text", "limit", "ended"),
    [
        ("while True: pass", StepLimit(1.0), End.TIME),
        (
            "held = [bytearray(1 << 20) for _ in range(4096)]",
            StepLimit(60.0, 128 << 20),
            End.MEMORY,
        ),
        ("raise MemoryError", LIMIT, End.MEMORY),
    ],
)
def test_its_limits_are_those_of_the_step(
    nursery: Nursery,
    model: Path,
    ready: Ready,
    script: Path,
    text: str,
    limit: StepLimit,
    ended: End,
) -> None:
    script.write_text(text)
    answer = nursery.raised(order(model, ready, limit), steps.Built)
    assert isinstance(answer, Ending), answer
    assert answer.end is ended


def test_a_crash_of_it_is_a_sentence(
    nursery: Nursery, model: Path, ready: Ready, script: Path
) -> None:
    script.write_text("import ctypes; ctypes.string_at(0)")
    answer = nursery.raised(order(model, ready), steps.Built)
    assert isinstance(answer, BadInput), answer
    assert answer.code is Code.BUILD_FAILED
    assert "a library ended the script with SIGSEGV" in answer.sentence
