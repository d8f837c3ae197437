"""`policy.toml`: which formats are sanctioned for which models where, and the default. Pure.

A rule says it for a class of models on a class of hardware; the first that fits counts. Who ships
another format deviates, says why, and it is remembered with the verdict.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Annotated

import msgspec
from msgspec import Meta

from ..common.typed_toml import Document, Text, Word
from ..vocabulary.enums import FormatFamily, HardwareClass, ModelClass
from ..vocabulary.errors import Code
from ..vocabulary.recipes import parse
from ..vocabulary.values.gates import FAILED, PASSED, POLICY, REVIEW, RuleVerdict

FILE_NAME = "policy.toml"
MAX_FILE_BYTES = 1 << 20
"""Of a policy file."""

Patterns = Annotated[tuple[Text, ...], Meta(description="a list of recipes or patterns of them")]


@dataclass(frozen=True, slots=True)
class Sanction:
    """What is sanctioned for some models on some hardware.

    Attributes:
        formats: recipes, or patterns of them such as `int8-*`; FP32 is always sanctioned.
        default: the recipe to take where nothing speaks for another.
        deviate_when: when another may be taken, in words.
        model_class: for these models; None: for all.
        hardware_class: on this hardware; None: on all.
        until: its last day, where it ends.
    """

    formats: tuple[str, ...]
    default: str
    deviate_when: str = ""
    model_class: ModelClass | None = None
    hardware_class: HardwareClass | None = None
    until: datetime.date | None = None

    def fits(self, model_class: ModelClass | None, hardware_class: HardwareClass | None) -> bool:
        """Whether it speaks of these models on this hardware."""
        return self.model_class in (None, model_class) and self.hardware_class in (
            None,
            hardware_class,
        )

    def allows(self, recipe: str) -> bool:
        """Whether a recipe is sanctioned."""
        return any(fnmatchcase(recipe, each) for each in (*self.formats, self.default))


class _Sanction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    formats: Patterns
    default: Text
    deviate_when: Text = ""
    model_class: Word[ModelClass] | None = None
    hardware_class: Word[HardwareClass] | None = None
    until: Annotated[datetime.date, Meta(description="a date, such as 2027-06-30")] | None = None


class _Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sanction: tuple[_Sanction, ...] = ()


def shipped_policy() -> str:
    """The text of the `policy.toml` that Bitgauge brings."""
    return (files(__package__) / FILE_NAME).read_text("utf-8")


def parse_policy(text: str, file: str) -> tuple[Sanction, ...]:
    """The sanctions of a policy file, in its order.

    Args:
        text: the file.
        file: its name, for sentences.

    Raises:
        BadInput: `BAD_POLICY`; the sentence has file, line and key, and the nearest known key.
    """
    document = Document("Policy", file, Code.BAD_POLICY, text)
    said = document.read(_Policy)
    if not said.sanction:
        raise document.wrong((), "there is no [[sanction]]")
    found: list[Sanction] = []
    for index, one in enumerate(said.sanction):
        found.append(_sanction(document, index, one, found))
    return tuple(found)


def sanctioned(
    policy: Sequence[Sanction],
    recipe: str,
    model_class: ModelClass | None,
    hardware_class: HardwareClass | None,
    *,
    today: datetime.date,
    deviation: str = "",
) -> RuleVerdict:
    """What a policy says of a format.

    Args:
        policy: the sanctions.
        recipe: of the artifact.
        model_class: of its model; None: nobody knows.
        hardware_class: of the device; None: it is not registered any more.
        today: UTC.
        deviation: why another format is taken than is sanctioned; empty: nobody said.

    Returns:
        `passed` for what is sanctioned, or taken for a reason; `failed` for what is not;
        `manual_review` where the policy says nothing, or has ended.
    """
    if recipe == FormatFamily.FP32.value:
        return RuleVerdict(POLICY, "", PASSED, why="fp32 is always sanctioned")
    names = [one.value if one else "what nobody knows" for one in (model_class, hardware_class)]
    where = f"{names[0]} on {names[1]}"
    one = next((one for one in policy if one.fits(model_class, hardware_class)), None)
    if one is None:
        verdict, why = REVIEW, f"the policy says nothing of {where}"
    elif one.until is not None and one.until < today:
        verdict, why = REVIEW, f"what the policy says of {where} ended on {one.until.isoformat()}"
    elif one.allows(recipe):
        until = f" until {one.until.isoformat()}" if one.until else ""
        kind = "the default" if recipe == one.default else "sanctioned"
        return RuleVerdict(POLICY, "", PASSED, why=f"{recipe} is {kind} for {where}{until}")
    else:
        when = f"; another is for {one.deviate_when}" if one.deviate_when else ""
        listed = ", ".join(dict.fromkeys((one.default, *one.formats)))
        verdict = FAILED
        why = f"{recipe} is not sanctioned for {where}, which takes {listed}{when}"
    if deviation:
        return RuleVerdict(POLICY, "", PASSED, why=f"{why}; deviates: {deviation}")
    return RuleVerdict(POLICY, "", verdict, why=why)


def _sanction(
    document: Document, index: int, said: _Sanction, before: Sequence[Sanction]
) -> Sanction:
    at = ("sanction", index)
    document.made((*at, "default"), lambda: parse(said.default))
    for pattern in said.formats:
        if not any(sign in pattern for sign in "*?["):
            document.made((*at, "formats"), lambda text=pattern: parse(text))  # type: ignore[misc]
    found = Sanction(
        formats=said.formats,
        default=said.default,
        deviate_when=said.deviate_when,
        model_class=said.model_class.member if said.model_class else None,
        hardware_class=said.hardware_class.member if said.hardware_class else None,
        until=said.until,
    )
    for one in before:
        if one.model_class in (None, found.model_class) and one.hardware_class in (
            None,
            found.hardware_class,
        ):
            raise document.wrong(at, "says nothing: a sanction before it speaks of all of these")
    return found
