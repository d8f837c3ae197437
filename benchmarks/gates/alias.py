"""May an alias be moved? By a gate's pass, or by a person who says why. Pure."""

from __future__ import annotations

import re

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


def required_mover(
    run_id: str, verdict: GateVerdict | None, *, keeps_time: bool, by: str, reason: str
) -> str:
    """The use case whose gate moves an alias to a run; empty where a person does.

    Args:
        run_id: what the alias is to mean.
        verdict: the newest on that run; None: there is none.
        keeps_time: whether its device is no emulator, whose verdicts move nothing.
        by: whose word it is, where a person moves it.
        reason: why.

    Raises:
        Refused: `ALIAS_REFUSED`.
    """
    what = f"No alias moves to run {run_id}:"
    if not keeps_time:
        raise Refused(Code.ALIAS_REFUSED, f"{what} an emulated device vouches for no time.")
    if verdict is not None and verdict.outcome == FAILED:
        purpose = verdict.use_case.name
        raise Refused(Code.ALIAS_REFUSED, f"{what} it failed for {purpose}, whoever asks.")
    if verdict is not None and verdict.outcome == PASSED and not verdict.partial:
        return verdict.use_case.name
    if by and reason:
        return ""
    said = "no gate passed it"
    if verdict is not None:
        said = f"its gate for {verdict.use_case.name} needs a person"
    raise Refused(Code.ALIAS_REFUSED, f"{what} {said}, and nobody gave a name and a reason.")


def required_export(found: Lineage, *, ungated: bool, audited: bool) -> tuple[Digest, bool]:
    """The file of an artifact that may leave the lab, and whether a gate passed it.

    Args:
        found: the artifact, with what was said of it.
        ungated: take it though no gate passed it.
        audited: whether somebody remembers that; a database file does not.

    Raises:
        Refused: `WITHHELD`.
        NotFound: `BLOB_MISSING`, its file is not recorded.
    """
    passed = True
    own, newest = found.registered, next(iter(found.verdicts), None)
    what = f"{own.model_name} {own.recipe} of run {own.run_id}"
    if newest is None or newest.outcome != PASSED or newest.partial:
        passed = False
        said = "no gate judged it" if newest is None else f"its newest verdict is {newest.outcome}"
        if newest is not None and newest.outcome == PASSED:
            said = "an emulated device passed it, which vouches for no time"
        if not ungated:
            raise Refused(Code.WITHHELD, f"{what} is withheld: {said}.")
        if not audited:
            raise Refused(Code.WITHHELD, f"{what} is withheld: a file remembers no export.")
    if own.artifact is None:
        raise NotFound(Code.BLOB_MISSING, f"The file of {what} is not recorded.")
    return own.artifact, passed
