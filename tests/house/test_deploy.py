"""The files of deploy/: read, and asked of systemd where it is installed."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
CONTAINERFILES = sorted(DEPLOY.glob("Containerfile.*"))
# A sandbox around each child and each step needs namespaces and an open /proc.
WORST_EXPOSURE = {"bitgauge-agent": 3.5, "bitgauge-coordinator": 3.5}
# These put mounts over /proc, forbid namespaces or take control groups away: neither a child of an
# agent nor a step of a coordinator could be confined.
AGAINST_SANDBOXES = (
    *("ProtectHostname", "ProtectKernelLogs", "ProtectKernelTunables", "ProtectProc"),
    *("ProtectControlGroups", "RestrictNamespaces"),
)

unit = pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
containerfile = pytest.mark.parametrize("path", CONTAINERFILES, ids=lambda path: path.name)


def settings(path: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        if "=" in line and not line.startswith(("#", "[")):
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value)
    return found


@pytest.fixture
def analyze(capsys: pytest.CaptureFixture[str]) -> str:
    program = shutil.which("systemd-analyze")
    if program is None:
        reason = "NOT RUN: systemd-analyze is missing (Debian package systemd)"
        with capsys.disabled():
            print(f"\n{reason}")
        pytest.skip(reason)
    return program


def installed(path: Path, folder: Path) -> Path:
    """The unit as it would be installed, with the programs of this environment."""
    programs = Path(sys.executable).parent
    copy = folder / path.name
    copy.write_text(path.read_text().replace("/opt/bitgauge/bin", str(programs)))
    return copy


def test_both_units_are_there() -> None:
    assert [path.stem for path in UNITS] == ["bitgauge-agent", "bitgauge-coordinator"]


@unit
def test_systemd_finds_nothing_wrong(path: Path, analyze: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [analyze, "verify", str(installed(path, tmp_path))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@unit
def test_the_exposure_is_low(path: Path, analyze: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [analyze, "security", "--offline=yes", str(installed(path, tmp_path))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("NOT RUN: this systemd-analyze cannot judge a unit that is not loaded")
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert exposure is not None, done.stderr
    assert float(exposure.group(1)) <= WORST_EXPOSURE[path.stem]


@unit
def test_a_unit_is_no_root_and_keeps_its_state(path: Path) -> None:
    found = settings(path)
    name = found["StateDirectory"][0]
    assert found["User"] == found["Group"] == [name]
    environment = {
        pair.split("=", 1)[0]: pair.split("=", 1)[1]
        for line in found["Environment"]
        for pair in shlex.split(line)
    }
    assert environment["BITGAUGE_HOME"] == f"%S/{name}"
    assert environment["PYTHONSAFEPATH"] == "1"
    assert found["StateDirectoryMode"] == ["0700"]
    for key, value in {
        "ProtectSystem": "strict",
        "NoNewPrivileges": "yes",
        "CapabilityBoundingSet": "",
        "PrivateTmp": "yes",
        "Restart": "on-failure",
        "KillMode": "mixed",
        "OOMPolicy": "continue",
    }.items():
        assert found[key] == [value], key
    # These would take away what is measured, or how.
    for key in ("ProcSubset", "MemoryDenyWriteExecute", "PrivateNetwork"):
        assert found.get(key, ["all"]) == ["all"], key


@unit
def test_a_unit_starts_a_command_that_exists(path: Path) -> None:
    (command,) = settings(path)["ExecStart"]
    program, *arguments = shlex.split(command)
    options = [word for word in arguments if word.startswith("--")]
    asked = [str(Path(sys.executable).parent / Path(program).name), arguments[0], "--help"]
    helped = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True).stdout
    assert all(option in helped for option in options)


@unit
def test_a_unit_lets_sandboxes_work(path: Path) -> None:
    found = settings(path)
    assert found.get("Delegate", []) == (["memory pids"] if "agent" in path.stem else [])
    assert not [key for key in AGAINST_SANDBOXES if key in found]
    assert set(" ".join(found["SystemCallFilter"]).split()) == {
        *("@system-service", "@mount", "seccomp"),
        *("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"),
    }


def test_the_samples_name_options_that_exist() -> None:
    for name, command in (
        ("coordinator.env", ["bitgauge", "up"]),
        ("agent.env", ["bitgauge-agent", "run"]),
    ):
        text = (DEPLOY / "systemd" / name).read_text()
        options = re.findall(r"--[a-z][a-z-]+(?= )", re.sub(r"`[^`]*`", "", text))
        program = str(Path(sys.executable).parent / command[0])
        helped = subprocess.run(
            [program, command[1], "--help"], capture_output=True, text=True, timeout=60, check=True
        ).stdout
        assert options
        assert all(option in helped for option in options)


def test_the_users_of_the_units_are_made() -> None:
    made = re.findall(r"^u (\S+)", (DEPLOY / "systemd/bitgauge.sysusers.conf").read_text(), re.M)
    assert sorted(made) == sorted(settings(path)["User"][0] for path in UNITS)


# -- containers ---------------------------------------------------------------------------
def instructions(path: Path) -> list[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", path.read_text(), flags=re.M).replace("\\\n", " ")
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in text.splitlines() if line]


def test_both_containerfiles_are_there() -> None:
    assert [path.suffix for path in CONTAINERFILES] == [".agent", ".coordinator"]


@containerfile
def test_a_container_is_pinned_and_no_root(path: Path) -> None:
    found = instructions(path)
    default = next(value for name, value in found if name == "ARG" and "PYTHON_IMAGE=" in value)
    assert re.fullmatch(r"PYTHON_IMAGE=docker\.io/library/python:3\.\d+-slim-\w+", default)
    final = found[max(index for index, (name, _) in enumerate(found) if name == "FROM") :]
    last = dict(final)
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last["USER"])
    assert "PYTHONSAFEPATH=1" in last["ENV"].split()
    assert "BITGAUGE_HOME=/var/lib/bitgauge" in last["ENV"].split()
    assert json.loads(last["VOLUME"]) == ["/var/lib/bitgauge"]
    (program,) = json.loads(last["ENTRYPOINT"])
    assert (Path(sys.executable).parent / program).exists()
    assert json.loads(last["CMD"])
    assert not [value for name, value in found if name == "ADD"]


@containerfile
def test_a_container_is_built_of_all_that_the_package_is(path: Path) -> None:
    copied = {
        word
        for name, value in instructions(path)
        if name == "COPY" and not value.startswith("--from")
        for word in value.split()[:-1]
    }
    assert copied == {
        *("agents", "benchmarks", "coordinator", "protos"),
        *("pyproject.toml", "constraints.txt", "README.md", "LICENSE"),
    }
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line[1:] for line in allowed if line.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)


def test_compose_brings_up_a_coordinator_and_an_agent() -> None:
    yaml: Any = pytest.importorskip("yaml", reason="NOT RUN: PyYAML is missing")
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = compose["services"]
    assert set(services) == {"coordinator", "token", "agent"}
    for name, service in services.items():
        if name != "token":
            build = service["build"]
            assert (DEPLOY / build["context"]).resolve() == ROOT
            assert ROOT / build["dockerfile"] == DEPLOY / f"Containerfile.{name}"
        assert service["read_only"] is True
        assert service["init"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not service.get("privileged")
        # Nothing is open to other machines.
        assert "ports" not in service
        for volume in service["volumes"]:
            assert volume.split(":")[0] in compose["volumes"]
    agent = services["agent"]
    assert agent["network_mode"] == "service:coordinator"
    assert agent["depends_on"]["coordinator"]["condition"] == "service_healthy"
    # The agent's own token comes to it alone, not the folder with the user's.
    assert agent["depends_on"]["token"]["condition"] == "service_completed_successfully"
    assert agent["volumes"] == ["agent:/var/lib/bitgauge", "agent-token:/run/bitgauge:ro"]
    token = services["token"]
    assert token["image"] == services["coordinator"]["image"]
    assert token["volumes"] == ["tokens:/from:ro", "agent-token:/to"]
    assert token["entrypoint"][-2:] == ["/from/agent", "/to/agent"]
    assert services["coordinator"]["shm_size"]


def test_the_page_names_every_file_and_no_other() -> None:
    page = (DEPLOY / "README.md").read_text()
    table = re.findall(r"^\| (`.*?) \|", page, re.M)
    named = {name for cell in table for name in re.findall(r"`([^`]+)`", cell)}
    files = {
        str(path.relative_to(DEPLOY))
        for path in DEPLOY.rglob("*")
        if path.is_file() and path.name != "README.md" and path.suffix != ".pyc"
    }
    assert named == files
