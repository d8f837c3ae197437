"""May an alias be moved? By a gate's pass, or by a person who says why. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..vocabulary.errors import BadInput, Code, NotFound, Refused
from ..vocabulary.values.digests import Digest
from ..vocabulary.values.gates import FAILED, PASSED, GateVerdict
from ..vocabulary.values.registry import Lineage

_ALIAS = re.compile(r"[a-z][a-z0-9_-]{0,63}")


def required_alias(alias: str) -> str:
    """An alias as it may be called.

    Raises:
        BadInput: `BAD_ARGUMENT`.
    """
    if not _ALIAS.fullmatch(alias):
        what = "small letters, digits, _ and -, a letter first, 64 at most"
        raise BadInput(Code.BAD_ARGUMENT, f"{alias!r} is no alias; one has {what}.")
    return alias


def standing(verdicts: Sequence[GateVerdict]) -> tuple[GateVerdict, ...]:
    """Of each use case the newest verdict, which counts; `verdicts` come newest first."""
    found: dict[str, GateVerdict] = {}
    for one in verdicts:
        found.setdefault(one.use_case.name, one)
    return tuple(found.values())


def required_mover(
    run_id: str, verdicts: Sequence[GateVerdict], *, keeps_time: bool, by: str, reason: str
) -> str:
    """The use case whose gate moves an alias to a run; empty where a person does.

    Args:
        run_id: what the alias is to mean.
        verdicts: on that run, newest first.
        keeps_time: whether its device is no emulator, whose verdicts move nothing.
        by: whose word it is, where a person moves it.
        reason: why.

    Raises:
        Refused: `ALIAS_REFUSED`.
    """
    what = f"No alias moves to run {run_id}:"
    if not keeps_time:
        raise Refused(Code.ALIAS_REFUSED, f"{what} an emulated device vouches for no time.")
    counting = standing(verdicts)
    if passed := _passed(counting):
        return passed
    failed = [one.use_case.name for one in counting if one.outcome == FAILED]
    if failed:
        sentence = f"{what} it failed for {', '.join(failed)}, whoever asks."
        raise Refused(Code.ALIAS_REFUSED, sentence)
    if by and reason:
        return ""
    said = "no gate passed it"
    if counting:
        said = f"its gate for {counting[0].use_case.name} needs a person"
    raise Refused(Code.ALIAS_REFUSED, f"{what} {said}, and nobody gave a name and a reason.")


def _passed(counting: Sequence[GateVerdict]) -> str:
    """A use case that passed on a device that keeps time; empty: there is none."""
    names = (one.use_case.name for one in counting if one.outcome == PASSED and not one.partial)
    return next(names, "")


def required_export(found: Lineage, *, ungated: bool, audited: bool) -> tuple[Digest, str]:
    """The file of an artifact that may leave the lab, and for which use case it passed.

    The use case is empty where none passed.

    Args:
        found: the artifact, with what was said of it.
        ungated: take it though no gate passed it.
        audited: whether somebody remembers that; a database file does not.

    Raises:
        Refused: `WITHHELD`.
        NotFound: `BLOB_MISSING`, its file is not recorded.
    """
    own, counting = found.registered, standing(found.verdicts)
    passed = _passed(counting)
    what = f"{own.model_name} {own.recipe} of run {own.run_id}"
    if not passed:
        if not counting:
            said = "no gate judged it"
        elif counting[0].partial and counting[0].outcome == PASSED:
            said = "an emulated device passed it, which vouches for no time"
        else:
            said = f"its newest verdict is {counting[0].outcome}"
        if not ungated:
            raise Refused(Code.WITHHELD, f"{what} is withheld: {said}.")
        if not audited:
            raise Refused(Code.WITHHELD, f"{what} is withheld: a file remembers no export.")
    if own.artifact is None:
        raise NotFound(Code.BLOB_MISSING, f"The file of {what} is not recorded.")
    return own.artifact, passed
