"""What an environment is to hold: its digest, what its lock says, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, NotFound, Refused
from bitgauge.coordinator.environments.definition import Definition, definition, definitions

from tests.labs.environments import SCRIPT, plugin_folder

NAME = "copies"


def defined(place: Path, script: str = SCRIPT, lock: str = "") -> Definition:
    plugin_folder(place, script, lock)
    return definitions([place])[NAME]


def test_ours_are_sound_and_say_what_they_take() -> None:
    ours = definitions([])
    assert {"litert", "torch"} <= set(ours)
    for one in ours.values():
        one.require_sound()
        assert one.packages > 1
        assert one.cost is not None
        assert one.cost.size_bytes > 100e6
        assert one.cost.seconds > 10


def test_a_script_changes_what_is_built_and_not_what_is_installed(tmp_path: Path) -> None:
    before = defined(tmp_path / "a")
    script = defined(tmp_path / "b", SCRIPT + "# otherwise\n")
    lock = defined(tmp_path / "c", lock="tiny==1.0\n")
    assert len({before.toolchain, script.toolchain, lock.toolchain}) == 3
    assert before.made_with("3.11") == script.made_with("3.11") != lock.made_with("3.11")
    assert before.made_with("3.11") != before.made_with("3.12")


def test_its_comments_say_for_which_python_and_where_else(tmp_path: Path) -> None:
    one = defined(tmp_path, lock="# python >=3.11\n# python <3.13\n# index https://else.where/\n")
    one.require_sound()
    assert "3.12.1" in one.pythons
    assert "3.10.4" not in one.pythons
    assert "3.13.0" not in one.pythons
    assert one.indexes == ("https://else.where/",)
    assert one.packages == 0


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "numpy>=2",
        "numpy==2.*",
        "-e .",
        "-r other.txt",
        "numpy @ https://x/y.whl",
        "./a.whl",
    ],
)
def test_a_lock_that_leaves_anything_open_is_refused(tmp_path: Path, line: str) -> None:
    one = defined(tmp_path, lock=f"tiny==1.0  # pinned\n{line}\n")
    with pytest.raises(BadInput) as caught:
        one.require_sound()
    assert caught.value.code is Code.BAD_ENVIRONMENT
    assert repr(line) in caught.value.sentence


@pytest.mark.parametrize(
    "line", ["torch==2.13.0+cpu", "a-b_c[x,y]==1!2.0rc1", 'tomli==2.0; python_version < "3.11"']
)
def test_what_pins_one_version_is_taken(tmp_path: Path, line: str) -> None:
    one = defined(tmp_path, lock=f"{line}\n")
    one.require_sound()
    assert one.packages == 1


def test_a_python_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="says of Python"):
        defined(tmp_path, lock="# python the newest\n").require_sound()


def test_two_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in "ab":
        plugin_folder(tmp_path / name)
    with pytest.raises(Refused, match="define the builder environment copies"):
        definitions([tmp_path / "a", tmp_path / "b"])


def test_what_is_unknown_is_named_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(
        NotFound, match=r"No builder environment is called 'lite'; there are: .*litert"
    ):
        definition("lite")
    with pytest.raises(NotFound, match=r"has no script '\.\./x\.py'; there are: copy\.py\."):
        defined(tmp_path).script("../x.py")
