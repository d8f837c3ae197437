"""What onnxruntime can place work with besides the processor: one file each, found by its name.

`base` says what a file here holds. Nothing here imports onnxruntime before a session is made.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from typing import cast

from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from bitgauge.benchmarks.vocabulary.session_options import PROVIDER, provider_of
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeOption, StackItem

from ....host.packages import foreign
from ...base import Offer, SessionOptions
from .base import Provider

_WORDS = "the artifact runs on what is named alone, the reference where it did"
_NO_PROVIDERS = ("base", "bound", "cards", "floats", "placing", "session", "work")


@cache
def every() -> tuple[Provider, ...]:
    """All that there are."""
    names = sorted(one.name for one in pkgutil.iter_modules(__path__))
    return tuple(
        cast(Provider, importlib.import_module(f"{__name__}.{name}"))
        for name in names
        if name not in _NO_PROVIDERS
    )


def offer(stack: Mapping[str, str]) -> Offer:
    """What a device of this stack can be measured with; see `base.Traits`."""
    concerned = [one for one in every() if one.concerns(stack)]
    lacking = {one: why for one in concerned if (why := _why_not_there(one))}
    missing = tuple(f"{why} {one.HINT}" for one, why in lacking.items())
    there = [one for one in concerned if one not in lacking]
    if not there:
        return Offer(missing=missing)
    versions = {one.DISTRIBUTION: str(_version(one)) for one in there}
    return Offer(
        providers=tuple(one.NAME for one in there),
        options=_options(there),
        versions=tuple(StackItem(name, version) for name, version in versions.items()),
        missing=missing,
    )


def _options(there: Sequence[Provider]) -> tuple[RuntimeOption, ...]:
    """Each once; a provider that is usual has no name to be asked for by."""
    named = tuple(one.NAME for one in there if not one.USUAL)
    first = (RuntimeOption(PROVIDER, named, _WORDS),) if named else ()
    return tuple(dict.fromkeys((*first, *(option for one in there for option in one.options()))))


def chosen(options: SessionOptions, environment: Mapping[str, str] = os.environ) -> Provider | None:
    """What a session is asked to be placed with; None where that is the processor alone.

    Raises:
        Refused: `unsupported_artifact`, an option is none of those that the device has, or has
            not this value; the sentence names it.
    """
    given = {one.name: one.value for one in options.further}
    stack = {one.name: one.value for one in options.device}
    there = [
        one
        for one in every()
        if (one.concerns(stack) or one.is_here(environment)) and not _why_not_there(one)
    ]
    known = {one.name: one.values for one in _options(there)}
    for name, value in given.items():
        if name.partition(".")[0] == PROVIDER and value not in known.get(name, ()):
            listed = ", ".join(f"{one}={' or '.join(values)}" for one, values in known.items())
            raise Refused(
                Code.UNSUPPORTED_ARTIFACT,
                f"ONNX Runtime has no option {name[:80]}={value[:80]} on this device; it has"
                f" {listed or 'no provider besides the processor'}.",
            )
    name = provider_of(options.further)
    found = next((one for one in there if (name == one.NAME if name else one.USUAL)), None)
    if found is None and any(one.startswith(f"{PROVIDER}.") for one in given):
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT,
            f"Options of a provider need {PROVIDER} itself: {', '.join(sorted(given))}.",
        )
    return found


def _why_not_there(one: Provider) -> str:
    """Why its package cannot be used here, as a sentence; "" where it can."""
    if _version(one) is None:
        return one.MISSING
    return foreign(one.DISTRIBUTION) or one.lacks()


def _version(one: Provider) -> str | None:
    try:
        return importlib.metadata.version(one.DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return None
