from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import filelock
import pytest
from bitgauge.benchmarks.common.home import DEFAULT_PORT
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Internal, Refused
from bitgauge.coordinator.cli.demo import demo
from bitgauge.coordinator.cli.demo import plan as planning
from bitgauge.coordinator.cli.demo.plan import DemoPlan, plan_of, questions_of, specs_of
from bitgauge.coordinator.cli.demo.processes import DemoLab, DemoProcess
from bitgauge.coordinator.client.upload import local_file
from bitgauge.coordinator.config import CoordinatorConfig
from bitgauge.coordinator.store import state_folder

from tests.labs.values import device, view

DEVICE = view(device("here"))


def plan(home: Path, **changes: str | int | None) -> DemoPlan:
    typed: dict[str, str | int | None] = {
        "port": 0,
        "batches": "1,64",
        "models": "all",
        "recipes": "all",
        "runtime": "litert",
    }
    return plan_of(home, **(typed | changes))  # type: ignore[arg-type]


def test_the_plan_is_checked_before_anything_starts(tmp_path: Path) -> None:
    whole = plan(tmp_path)
    assert whole.batches == (1, 64)
    assert len(whole.models) == 3
    assert whole.recipes[0] == "fp32"
    assert whole.database == tmp_path / "store.db"
    assert [model.name for model in plan(tmp_path, models="digits-mlp").models] == ["digits-mlp"]
    for wrong in (
        {"models": "digits"},
        {"recipes": "fp8"},
        {"batches": "0"},
        {"runtime": "lite"},
    ):
        with pytest.raises(BadInput):
            plan(tmp_path, **wrong)


def test_the_other_runtime_has_the_files_of_the_batch_that_they_hold(tmp_path: Path) -> None:
    both = plan(tmp_path, models="digits-cnn", recipes="fp16")
    one, many = specs_of(both, both.models[0], DEVICE.description.device_id)
    lite = [entry for entry in one.entries if entry.runtime == "litert"]
    assert [entry.recipe for entry in lite] == [
        "fp32",
        "int8-dynamic-s8s8-pc",
        "int8-static-s8s8-pc",
    ]
    assert [form.artifact for form in one.sources] == [lite[0].artifact]
    assert {entry.artifact for entry in one.entries if entry.artifact} <= {
        local_file(path).digest for path in both.files
    }
    assert (many.sources, {entry.runtime for entry in many.entries}) == ((), {""})
    alone = plan(tmp_path, runtime="none")
    assert all(not spec.sources for spec in specs_of(alone, alone.models[0], "it"))


def test_a_runtime_of_decoders_measures_the_decoder_alone(tmp_path: Path) -> None:
    chosen = plan(tmp_path, recipes=None, runtime="llamacpp")
    (model,) = chosen.models
    (spec,) = specs_of(chosen, model, "it")
    digests = [local_file(path).digest for path in chosen.files]
    assert [entry.recipe for entry in spec.entries] == [
        "fp32",
        "fp16",
        "int8-q8_0",
        "int4-q4_k_m",
    ]
    assert [spec.evaluation, spec.calibration, spec.baseline] == digests
    assert [entry.artifact for entry in spec.entries] == [spec.baseline, None, None, None]
    assert spec.workload.is_llm
    assert (spec.runtime, spec.selector.runtime) == ("llamacpp", "llamacpp")
    (question,) = questions_of(chosen, model, DEVICE)
    assert question.workload == spec.workload
    assert question.max_perplexity_ratio == 1 + spec.perplexity_margin / 100
    with pytest.raises(BadInput, match="tiny-llama"):
        plan(tmp_path, models="digits-cnn", runtime="llamacpp")
    with pytest.raises(Refused, match=r"bitgauge\[llamacpp\]"):
        demo._with_what_is_there(chosen, DEVICE)


def test_a_runtime_beside_the_reference_may_be_missing(tmp_path: Path) -> None:
    assert demo._with_what_is_there(plan(tmp_path, runtime="torch"), DEVICE).runtime == ""


def test_a_taken_port_is_refused_when_named_and_avoided_when_usual(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        with pytest.raises(Refused) as caught:
            plan(tmp_path, port=taken)
        assert caught.value.code is Code.PORT_IN_USE
        monkeypatch.setattr(planning, "DEFAULT_PORT", taken)
        assert plan(tmp_path, port=None).port not in (0, taken, DEFAULT_PORT)


def test_a_home_with_a_coordinator_is_refused(tmp_path: Path) -> None:
    config = CoordinatorConfig(str(tmp_path))
    with filelock.FileLock(config.lock_path):
        state_folder.write_holder(config.holder_path, os.getpid())
        with pytest.raises(Refused, match=str(tmp_path)) as caught:
            plan(tmp_path)
    assert caught.value.code is Code.COORDINATOR_RUNNING


@pytest.mark.parametrize(
    ("runtime", "model_class"), [("litert", "mlp"), ("llamacpp", "transformer")]
)
def test_the_next_query_works_as_typed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], runtime: str, model_class: str
) -> None:
    from bitgauge.coordinator.store.store import Store

    home = tmp_path / "a home"
    ready = plan(home, runtime=runtime)
    Store.open(ready.database).close()
    command = demo._next_query(ready, DEVICE).splitlines()[-1]
    finished = subprocess.run(command, shell=True, check=False, timeout=60)
    assert finished.returncode == 0
    assert f"Nothing was measured for {model_class}" in capfd.readouterr().out


def test_the_program_is_named_so_that_it_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    own = tmp_path / "bin" / "bitgauge"
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    assert demo.program() == [sys.executable, "-m", "bitgauge.coordinator.cli.app"]
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    assert demo.program() == [str(own)]
    monkeypatch.chdir(tmp_path)
    assert demo.program() == ["bin/bitgauge"]
    monkeypatch.setenv("PATH", str(own.parent))
    assert demo.program() == ["bitgauge"]
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "bitgauge").write_text("#!/bin/sh\n")
    (other / "bitgauge").chmod(0o755)
    monkeypatch.setenv("PATH", str(other))
    assert demo.program() == ["bin/bitgauge"]


def child(tmp_path: Path, code: str) -> DemoProcess:
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", code], stdout=output, stderr=output, start_new_session=True
        )
    return DemoProcess("agent", process, log)


def wait_for(log: Path, word: str) -> str:
    for _ in range(500):
        if word in log.read_text():
            return log.read_text()
        time.sleep(0.02)
    raise AssertionError(log.read_text())


def test_a_child_that_ended_is_named_with_its_last_line(tmp_path: Path) -> None:
    ended = child(tmp_path, "print('error: no.'); raise SystemExit(3)")
    ended.process.wait()
    with pytest.raises(Internal, match=r"agent ended with 3 \(error: no\.\); its log is"):
        ended.require_alive()
    ended.stop(1)


def test_a_child_that_will_not_end_is_ended_with_its_own(tmp_path: Path) -> None:
    stubborn = child(
        tmp_path,
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "own = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print('pid', own.pid)\n"
        "time.sleep(60)\n",
    )
    grandchild = int(wait_for(stubborn.log, "pid").split()[1])
    stubborn.stop(0.2)
    assert stubborn.process.returncode == -signal.SIGKILL
    for _ in range(100):
        stat = Path(f"/proc/{grandchild}/stat")
        if not stat.exists() or stat.read_text().split()[2] == "Z":
            return
        time.sleep(0.05)
    raise AssertionError("the grandchild is left over")


def test_a_coordinator_that_does_not_start_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with (
            DemoLab(tmp_path, address) as lab,
            pytest.raises(Internal, match="is used by another process") as caught,
        ):
            lab.start_coordinator()
    assert caught.value.code is Code.START_FAILED
    assert str(tmp_path / "logs" / "demo-coordinator.log") in caught.value.sentence


def test_signal_handlers_are_put_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with demo._terminable(), DemoLab(tmp_path, "127.0.0.1:1"), pytest.raises(SystemExit) as caught:
        signal.raise_signal(signal.SIGTERM)
    assert caught.value.code == 143
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
