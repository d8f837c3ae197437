"""A TOML text into a struct: what arrives, and one sentence with file, line and key if not."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
import pytest
from bitgauge.benchmarks.common.typed_toml import Count, Document, Positive, Size, Text, Time, Word
from bitgauge.benchmarks.vocabulary.enums import HardwareClass
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    most: Positive
    counts: tuple[Count, ...] = ()


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Text = ""
    where: Word[HardwareClass] | None = None
    wait: Time | None = None
    room: Size | None = None
    how: Literal["strict", "loose"] = "strict"
    limits: tuple[Limit, ...] = ()
    default: Limit = Limit(1.0)
    lists: dict[str, list[int]] = {}
    plain: Annotated[int, msgspec.Meta(ge=5)] = 5


GOOD = """\
name = "a"
where = "cpu-only"
wait = "1.5 h"
room = "2 KiB"

[[limits]]
most = 2

[[limits]]
most = 0.5
counts = [1, 2]

[default]
most = 3.0
"""


def document(text: str) -> Document:
    return Document("Policy", "policy.toml", Code.BAD_ARGUMENT, text)


def test_what_is_right_arrives_typed() -> None:
    rules = document(GOOD).read(Rules)
    assert rules.where is not None
    assert rules.where.member is HardwareClass.CPU_ONLY
    assert rules.wait is not None
    assert (rules.wait.seconds, rules.wait.milliseconds) == (5400, 5_400_000)
    assert rules.room == 2048
    assert rules.limits == (Limit(2.0), Limit(0.5, (1, 2)))
    assert rules.default == Limit(3.0)
    assert document("").read(Rules) == Rules()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("name", "nam", "line 1: nam: is no key here; did you mean name? (known: default, "),
        ('"a"', '" "', "line 1: name: ' ' is not a text that says something."),
        ('"a"', "[1]", "line 1: name: it is not a text that says something."),
        ("cpu-only", "cpu", "line 2: where: Unknown hardware class 'cpu'; did you mean cpu_only?"),
        ('"cpu-only"', "7", "line 2: where: 7 is not a text that says something."),
        ("1.5 h", "1.5", "line 3: wait: '1.5' is not a time with its unit"),
        ("2 KiB", "two", "line 4: room: 'two' is not a size with its unit"),
        ("most = 2", "most = -2", "line 7: limits[1].most: -2 is not a number above 0."),
        ("most = 2", "most = nan", "line 7: limits[1].most: nan is not a number above 0."),
        ("most = 2", "mst = 2", "line 7: limits[1].mst: is no key here; did you mean most?"),
        ("most = 0.5\n", "", "line 9: limits[2]: most is missing: a number above 0."),
        ("[1, 2]", "[1, 0]", "line 11: limits[2].counts[2]: 0 is not a whole number above 0."),
        ("[1, 2]", "[1, true]", "limits[2].counts[2]: True is not a whole number above 0."),
        ("most = 3.0", 'most = "3"', "line 14: default.most: '3' is not a number above 0."),
        (GOOD, "limits = 3", "line 1: limits: 3 is not a list of tables, each written [[limits]]."),
        (GOOD, "default = 3", "line 1: default: 3 is not a table, written [default]."),
        (GOOD, 'how = "lose"', "line 1: how: 'lose' is not known; did you mean loose? (known: "),
        (GOOD, "plain = 3", "line 1: plain: Expected `int` >= 5."),
        (GOOD, "[lists]\na = [1]\nb = ['x']", "lists[1]: Expected `int`, got `str`."),
        (GOOD, "name = 'a'\nname = 'b'", "line 2: not valid TOML: Cannot overwrite a value."),
        (GOOD, "name = 'a'\nwhere = '", "line 2: not valid TOML: "),
    ],
)
def test_what_is_wrong_is_one_sentence(old: str, new: str, sentence: str) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(BadInput) as caught:
        document(GOOD.replace(old, new)).read(Rules)
    assert caught.value.code is Code.BAD_ARGUMENT
    assert caught.value.sentence.startswith("Policy policy.toml, line ")
    assert sentence in caught.value.sentence
    assert caught.value.sentence.endswith(".")
    assert "\n" not in caught.value.sentence


def test_complaints_of_rules_between_keys_look_the_same() -> None:
    one = document(GOOD)

    def refuse() -> Any:
        raise BadInput(Code.BAD_MODEL, "This cannot be.")

    assert str(one.wrong(("limits", 1), "is too much").sentence) == (
        "Policy policy.toml, line 9: limits[2]: is too much."
    )
    with pytest.raises(BadInput, match=r"line 13: default: This cannot be\.") as caught:
        one.made(("default",), refuse)
    assert caught.value.code is Code.BAD_ARGUMENT
    row = Document("Volumes", "v.csv", Code.BAD_ARGUMENT, line=7)
    with pytest.raises(BadInput, match=r"Volumes v\.csv, line 7: most: 0 is not a number above 0"):
        row.fitted({"most": 0}, Limit)
