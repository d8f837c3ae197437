"""A session of which every node runs where it was asked for, or none at all.

What onnxruntime says it may use is not what it uses: a provider that fails is left out with a line
on the log, a node that it does not take runs on the processor, and the list of providers names both
all the same. So its own fall-back is forbidden, in loading and in running, and where each node went
is read from the graph that it made (DESIGN 11.7).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.numerics.decoded import decoded
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused

from ...base import SessionOptions
from ..opening import explain, session_options
from .base import Provider
from .work import PlacedWork, work_of

FALLBACK = "provider.fallback"
"""Option: what the provider does not take runs on the processor, and that is told."""
PROCESSOR = "processor"
_NO_FALLBACK = "session.disable_cpu_ep_fallback"
_RECORD = "session.record_ep_graph_assignment_info"
_FELL_BACK = ("fallback to cpu ep has been explicitly disabled", "was not selected by that ep")
_NAMED = re.compile(r"Node '([^']{1,200})' OpType:(\w+)")
_OWN_SUFFIX = re.compile(r"_token_\d+$")
_PREBUILT = "EPContext"
_MOST_NAMED = 6


@dataclass(frozen=True, slots=True)
class AssignedNode:
    """One node, and what executes it."""

    name: str
    op_type: str
    executes: str


@dataclass(frozen=True, slots=True)
class PlacedModel:
    """A session of the binding, the nodes that it executes, and whence its program came."""

    session: Any
    nodes: tuple[AssignedNode, ...]
    built: str
    work: PlacedWork


def free_axes(model: Any) -> dict[str, str]:
    """Names of axes without a size: ``first`` where it is the first of an input, else ``other``."""
    found: dict[str, str] = {}
    stored = {one.name for one in model.graph.initializer}
    for one in model.graph.input:
        for at, size in enumerate(one.type.tensor_type.shape.dim):
            if one.name not in stored and not size.HasField("dim_value"):
                name = size.dim_param or f"of {one.name}"
                found[name] = found.get(name, "first") if at == 0 else "other"
    return found


def placed(path: Path, options: SessionOptions, provider: Provider) -> PlacedModel:
    """A session on an ONNX file whose every node the provider executes.

    Raises:
        BitgaugeError: `fell_back` where it does not take them all, and the sentence names them;
            else what the provider or the library said.
    """
    model = decoded(path)
    if model is None:
        raise BadInput(Code.BAD_MODEL, "The artifact is no ONNX model that can be read.")
    refuse_prebuilt(model)
    given, stack = ({o.name: o.value for o in kind} for kind in (options.further, options.device))
    provider.require_fitting(model, given, stack)
    before = _built(options)
    into = options.build_into if before is None else None
    may_fall_back = provider.FALLS_BACK and given.get(FALLBACK) == PROCESSOR
    wanted = _wanted(options, provider, model, into)
    if not may_fall_back:
        wanted.add_session_config_entry(_NO_FALLBACK, "1")
    try:
        session = _session(before or path, wanted, provider)
    except Exception as error:  # the binding raises a dozen types that share no base
        if into is not None:
            into.unlink(missing_ok=True)
        if any(words in str(error).lower() for words in _FELL_BACK):
            tried = _tried(path, _wanted(options, provider, model, None), provider)
            raise _refused(tried or _named_in(str(error)), provider, options) from error
        raise provider.error_of(error) or explain(error, loading=True, path=path) from error
    nodes = nodes_of(session.get_provider_graph_assignment_info())
    fallen = elsewhere(nodes, provider.EXECUTES)
    if not nodes or len(fallen) == len(nodes) or (fallen and not may_fall_back):
        raise _refused(nodes, provider, options)
    work = work_of(model, options.batch, {one.name for one in fallen})
    return PlacedModel(session, nodes, "before" if before is not None else "now", work)


def refuse_prebuilt(model: Any) -> None:
    """Refuse a file that wraps a program built elsewhere: it is built on the device alone.

    Raises:
        BadInput: `refused_format`.
    """
    if any(one.op_type == _PREBUILT for one in _every_node(model.graph)):
        raise BadInput(
            Code.REFUSED_FORMAT,
            f"The artifact is an ONNX file around a prebuilt program (an {_PREBUILT} node); such a"
            " program is built on the device that runs it, from the model, and accepted from"
            " nobody.",
        )


def _every_node(graph: Any) -> Iterable[Any]:
    for one in graph.node:
        yield one
        for attribute in one.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _every_node(inner)


def _built(options: SessionOptions) -> Path | None:
    """What was built before: for an earlier launch, or an earlier session of this one."""
    for path in (options.built_before, options.build_into):
        if path is not None and path.is_file():
            return path
    return None


def _wanted(
    options: SessionOptions, provider: Provider, model: Any, build_into: Path | None
) -> Any:
    """Options of the binding; where a program is of one size, the batch is fixed."""
    wanted = session_options(options)
    for name, place in free_axes(model).items():
        if place == "first" and provider.FIXES_BATCH:
            wanted.add_free_dimension_override_by_name(name, options.batch)
    wanted.add_session_config_entry(_RECORD, "1")
    given = {one.name: one.value for one in options.further}
    stack = {one.name: one.value for one in options.device}
    provider.add_to(wanted, given, stack, model, build_into)
    return wanted


def _session(path: Path, wanted: Any, provider: Provider) -> Any:
    import onnxruntime

    without = {"disabled_optimizers": [*provider.LEAVES_OUT]} if provider.LEAVES_OUT else {}
    return onnxruntime.InferenceSession(str(path), wanted, enable_fallback=0, **without)


def _tried(path: Path, wanted: Any, provider: Provider) -> tuple[AssignedNode, ...]:
    """Where the nodes would go if they might: made to name them, and never run."""
    try:
        return nodes_of(_session(path, wanted, provider).get_provider_graph_assignment_info())
    except Exception:  # as above; that they do not all go there is known
        return ()


def _named_in(words: str) -> tuple[AssignedNode, ...]:
    """The one node that the library names where it gives up at the first."""
    found = _NAMED.search(words)
    return (AssignedNode(_OWN_SUFFIX.sub("", found[1]), found[2], ""),) if found else ()


def nodes_of(subgraphs: Iterable[Any]) -> tuple[AssignedNode, ...]:
    """The nodes in what a session tells of its graph."""
    return tuple(
        AssignedNode(str(node.name), str(node.op_type), str(one.ep_name))
        for one in subgraphs
        for node in one.get_nodes()
    )


def elsewhere(nodes: Sequence[AssignedNode], executes: str) -> tuple[AssignedNode, ...]:
    """Those that something else executes."""
    return tuple(one for one in nodes if one.executes != executes)


def words_of(nodes: Sequence[AssignedNode]) -> str:
    """``Add (3 times) and Det 'd'``: operators by kind, with the name of the only one of a kind."""
    counted = Counter(one.op_type for one in nodes)
    names = {one.op_type: one.name for one in nodes}
    words = [
        f"{kind} ({count} times)" if count > 1 else " ".join((kind, repr(names[kind][:60])))
        for kind, count in counted.most_common()
    ]
    more = len(words) - _MOST_NAMED
    shown = words[:_MOST_NAMED] + ([f"{more} further kinds"] if more > 0 else [])
    return " and ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))


def counted(nodes: Sequence[AssignedNode]) -> str:
    """``5 Conv, 4 Relu``: every operator by its kind, the most frequent first."""
    kinds = Counter(one.op_type for one in nodes)
    return ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())


def _refused(nodes: Sequence[AssignedNode], provider: Provider, options: SessionOptions) -> Refused:
    fallen = elsewhere(nodes, provider.EXECUTES)
    why = provider.why_not({one.name: one.value for one in options.device})
    what = (
        f"{len(fallen)} of {len(nodes)} operators would run on the processor: {words_of(fallen)}"
        if len(nodes) > 1 and fallen
        else f"{words_of(fallen)} would run on the processor, and maybe others"
        if fallen
        else "operators would run on the processor, and ONNX Runtime does not tell which"
    )
    allowed = f"{FALLBACK}={PROCESSOR} allows that" if provider.FALLS_BACK else ""
    because = "".join(f"; {one}" for one in (why, allowed) if one)
    return Refused(
        Code.FELL_BACK,
        f"Provider {provider.NAME} does not take the whole artifact: {what}{because}.",
    )
