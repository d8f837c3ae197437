"""Finds the builder of a recipe.

A new builder is one new file beside this one, or in ``builders/`` below a folder of
``BITGAUGE_PLUGIN_PATH``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from bitgauge.benchmarks.common.plugins import Found, Kind, find
from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.numerics.decoded import decoded
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, Internal, Refused
from bitgauge.benchmarks.vocabulary.recipes import (
    DEFAULT_RECIPES,
    Recipe,
    default_recipes,
    known_recipes,
    nearest,
)
from bitgauge.benchmarks.vocabulary.recipes import parse as parse_among

from ..environments.definition import definition
from ..models.chains import Chain, Link, chain, would_do
from .base import USUAL_SOURCE, Builder, BuildRequest, Unsupported, kind_taken

_BUILDERS = Kind(
    "builders", ("VERSION", "DISTRIBUTIONS", "MAKES", "accepts", "build"), str(__package__)
)
# One import name, several distributions: whichever is installed did the work.
_ALTERNATIVES = {"onnxruntime": ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino")}

_CHECKS = Kind("checks", ("VERSION", "check"), f"{__package__}._checks")
"""By artifact kind: what looks at an artifact after it was built."""


def builders() -> dict[str, Builder]:
    """Every builder by its file name, in alphabetical order."""
    return dict(found().modules)


def found() -> Found:
    """Every builder, and one line for each file that was skipped."""
    there = find(_BUILDERS)
    wrong = {name: text for name, one in there.modules.items() for text in _misnamed(one)}
    modules = {name: one for name, one in there.modules.items() if name not in wrong}
    lines = [
        f"The builder {name} was skipped: {text!r} in RECIPES is not FAMILY-NAME in small letters,"
        " with an underscore in the name"
        for name, text in wrong.items()
    ]
    return replace(there, modules=modules, problems=(*there.problems, *lines))


def _misnamed(builder: object) -> Iterator[str]:
    """What stands in a builder's RECIPES and is no runtime's own name."""
    for text in getattr(builder, "RECIPES", ()):
        try:
            if parse_among(text).own is not None:
                continue
        except BadInput:
            pass
        yield str(text)


def buildable_recipes(kinds: Sequence[str] = ()) -> tuple[Recipe, ...]:
    """Every known recipe that a builder makes (as one of `kinds`, if any), in their known order."""
    there = [one for one in builders().values() if not kinds or one.MAKES in kinds]
    own = tuple(parse_among(text) for text in own_names())
    return tuple(
        recipe
        for recipe in (*known_recipes(), *own)
        if any(_takes(builder, recipe) for builder in there)
    )


def _takes(builder: Builder, recipe: Recipe) -> bool:
    """Whether it makes `recipe`; of a runtime's own names it is its list that says so."""
    if recipe.kept:
        return bool(getattr(builder, "KEEPS", False)) and _takes(builder, replace(recipe, kept=()))
    if recipe.own is not None:
        return str(recipe) in getattr(builder, "RECIPES", ())
    return builder.accepts(recipe)


def own_names() -> tuple[str, ...]:
    """What builders make under names that runtimes have of their own."""
    given = (text for one in builders().values() for text in getattr(one, "RECIPES", ()))
    return tuple(dict.fromkeys(given))


def parse(text: str) -> Recipe:
    """The recipe spelled `text`; also the builders' own names are suggested.

    Raises:
        BadInput: BAD_RECIPE; the sentence names the nearest spelling.
    """
    return parse_among(text, own_names())


def builder_for(recipe: Recipe, kinds: Sequence[str] = (), source: str = "") -> tuple[str, Builder]:
    """The one builder of `recipe`, with its file name.

    Args:
        recipe: what to build.
        kinds: artifact kinds that will do, the best first; any when none is named.
        source: artifact kind of the file that it is to take; the usual one, else any, when empty.

    Raises:
        BadInput: BAD_RECIPE, no builder makes it; the sentence names what can be built.
        Internal: two builders claim it.
    """
    takers = [
        (name, one)
        for name, one in builders().items()
        if _takes(one, recipe)
        and (not kinds or one.MAKES in kinds)
        and (not source or kind_taken(one) == source)
    ]
    if not takers:
        raise _unbuildable(recipe, kinds)

    def rank(one: Builder) -> tuple[int, bool, str]:
        takes = kind_taken(one)
        return (kinds.index(one.MAKES) if kinds else 0), takes != USUAL_SOURCE, takes

    best = min(rank(one) for _, one in takers)
    takers = [taker for taker in takers if rank(taker[1]) == best]
    takers = [taker for taker in takers if taker[1].MAKES == takers[0][1].MAKES]
    if len(takers) > 1:
        names = " and ".join(name for name, _ in takers)
        raise Internal(Code.INTERNAL, f"Builders {names} both claim {recipe}.")
    return takers[0]


def chain_for(recipe: Recipe, kinds: Sequence[str], there: Sequence[str], on: str = "") -> Chain:
    """How `recipe` is made of the sources that there are.

    Args:
        recipe: what to build.
        kinds: artifact kinds that will do, the best first; any when none is named.
        there: artifact kinds of the sources, the baseline's first.
        on: the runtime that it is for, for the sentence.

    Raises:
        BadInput: BAD_RECIPE, no builder makes it, or none of what there is.
    """
    plain = recipe.family is FormatFamily.FP32
    lasts, converters = _links(recipe), _converters()
    found = chain(there, converters, lasts, kinds, plain=plain)
    if found is not None:
        return found
    wanted = {one for one in lasts if not kinds or one.makes in kinds}
    if not wanted and not plain:
        raise _unbuildable(recipe, kinds)
    given = set(kinds) if plain else set()
    needed = " or ".join(sorted(given | {*would_do(converters, wanted)}))
    raise BadInput(
        Code.BAD_RECIPE,
        f"{recipe}{f' on {on}' if on else ''} needs a source of kind {needed}, and the job has"
        f" {' and '.join(dict.fromkeys(there))}; give one with --source FILE.",
    )


def _links(recipe: Recipe) -> set[Link]:
    return {Link(kind_taken(one), one.MAKES) for one in builders().values() if _takes(one, recipe)}


def _converters() -> set[Link]:
    """What makes an FP32 artifact of another kind."""
    return {one for one in _links(Recipe(FormatFamily.FP32)) if one.takes != one.makes}


def usual_recipes(kinds: Sequence[str], there: Sequence[str]) -> tuple[Recipe, ...]:
    """What is built where all is asked for, as one of `kinds`, of the sources that there are."""
    plain = Recipe(FormatFamily.FP32)
    wanted: dict[Recipe, set[Link]] = {plain: _links(plain)}
    for one in builders().values():
        declared = getattr(one, "USUAL", getattr(one, "RECIPES", ()))
        usual = tuple(map(parse, declared)) or default_recipes(one.MAKES)
        for recipe in usual if one.MAKES in kinds else ():
            if not _takes(one, recipe):
                continue
            wanted.setdefault(recipe, set()).add(Link(kind_taken(one), one.MAKES))
    return tuple(
        recipe
        for recipe in dict.fromkeys((*DEFAULT_RECIPES, *known_recipes(), *map(parse, own_names())))
        if recipe in wanted
        and chain(there, _converters(), wanted[recipe], kinds, plain=recipe == plain)
    )


def _unbuildable(recipe: Recipe, kinds: Sequence[str]) -> BadInput:
    family = recipe.family
    made = buildable_recipes(kinds)
    others = [known for known in made if known.family is family] or made
    listed = ", ".join(map(str, others[:6])) or "none"
    skipped = "".join(f" {line}." for line in found().problems)
    of = f" as {' or '.join(kinds)}" if kinds and buildable_as(recipe) else ""
    near = nearest(str(recipe), map(str, made)) if recipe.own else ""
    meant = f"; the nearest that is built is {near}" if near in map(str, made) else ""
    return BadInput(
        Code.BAD_RECIPE, f"No builder makes {recipe}{of}; there are {listed}{meant}.{skipped}"
    )


def buildable_as(recipe: Recipe) -> tuple[str, ...]:
    """The artifact kinds that `recipe` can be built as."""
    made = (one.MAKES for one in builders().values() if _takes(one, recipe))
    return tuple(dict.fromkeys(made))


def toolchain(recipe: Recipe, kinds: Sequence[str] = (), source: str = "") -> str:
    """Versions of everything that shapes an artifact of `recipe`: part of the build cache's key.

    Args:
        recipe: what to build.
        kinds: as for `builder_for`.
        source: as for `builder_for`.

    Raises:
        BadInput: BAD_RECIPE, no builder makes it.
    """
    name, builder = builder_for(recipe, kinds, source)
    packages = (f"{package}={version_of(package)}" for package in builder.DISTRIBUTIONS)
    own = environment_of(builder)
    beside = (definition(own).toolchain,) if own else ()
    check = find(_CHECKS).modules.get(builder.MAKES)
    looked_at = (f"check/{check.VERSION}",) if check is not None else ()
    return " ".join((f"{name}/{builder.VERSION}", *beside, *packages, *looked_at))


def environment_of(builder: Builder) -> str:
    """The name of the environment that a builder works in; empty for one that works in ours."""
    return str(getattr(builder, "ENVIRONMENT", ""))


def recipes_by_environment() -> dict[str, dict[str, tuple[str, ...]]]:
    """What is built in each environment: by its name and artifact kind, the known recipes."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for one in filter(environment_of, builders().values()):
        made = found.setdefault(environment_of(one), {})
        taken = (str(recipe) for recipe in known_recipes() if _takes(one, recipe))
        made[one.MAKES] = tuple(dict.fromkeys((*made.get(one.MAKES, ()), *taken)))
    return found


def known_toolchains() -> dict[str, str]:
    """What builds each recipe that can be built here, by canonical spelling.

    A recipe that several kinds of artifact are built in has a line for each.
    """
    return {
        str(recipe): "\n".join(toolchain(recipe, (kind,)) for kind in buildable_as(recipe))
        for recipe in buildable_recipes()
    }


@cache
def version_of(package: str) -> str:
    """Version of an installed package; reading it costs milliseconds and it cannot change."""
    for distribution in _ALTERNATIVES.get(package, (package,)):
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return "absent"


def build(request: BuildRequest, kinds: Sequence[str] = (), source: str = "") -> tuple[str, ...]:
    """Build one artifact; on any failure no output is left behind.

    Args:
        request: what to build, and where.
        kinds: as for `builder_for`.
        source: as for `builder_for`.

    Returns:
        What was found of the artifact, in few words each.

    Raises:
        Unsupported: the model cannot take the recipe.
        BadInput: BAD_RECIPE without a builder, BAD_CALIBRATION_SET, or BUILD_FAILED when the
            quantizer itself failed on this model.
        Refused: BUILD_TOOLS_MISSING, a quantizer is not installed.
    """
    _, builder = builder_for(request.recipe, kinds, source)
    try:
        builder.build(request)
    except BaseException as error:
        request.output.unlink(missing_ok=True)
        if isinstance(error, (Unsupported, BitgaugeError)) or not isinstance(error, Exception):
            raise
        raise _explained(request, error) from error
    check = find(_CHECKS).modules.get(builder.MAKES)
    return () if check is None else _look_at(check, request)


def _look_at(check: Any, request: BuildRequest) -> tuple[str, ...]:
    try:
        words: tuple[str, ...] = check.check(request).words
        return words
    except BaseException as error:
        request.output.unlink(missing_ok=True)
        if isinstance(error, (Unsupported, BitgaugeError)) or not isinstance(error, Exception):
            raise
        raise BadInput(
            Code.BUILD_FAILED,
            f"What was built as {request.recipe} could not be looked at:"
            f" {said(error, decoded(request.baseline))}.",
        ) from error


def _explained(request: BuildRequest, error: Exception) -> BitgaugeError:
    recipe = request.recipe
    if isinstance(error, ModuleNotFoundError):
        return Refused(
            Code.BUILD_TOOLS_MISSING,
            f"Building {recipe} needs the package {error.name}, which is not installed.",
        )
    return BadInput(
        Code.BUILD_FAILED, f"{recipe} could not be built: {said(error, decoded(request.baseline))}."
    )
