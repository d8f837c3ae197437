"""What an exported program may say, so that making a graph of it runs nothing but operators.

The library trusts its files: names become lines of Python that it compiles, expressions are
evaluated, an operator may be any attribute of the library, which reaches `os.system`. Whatever is
a text in the program has therefore a form here; what has another one is refused. The lines that
guard its inputs are code by design: who loads it drops them, and checks its inputs himself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

_SPACES = (
    *("aten", "prims", "prim", "quantized_decomposed", "quantized", "quantization", "onednn"),
    *("torchao", "export", "torchvision", "mkldnn", "mkldnn_prepacked", "_quantized"),
)
_OPERATOR = re.compile(
    rf"torch\.ops\.(?:{'|'.join(_SPACES)})\.(?!__(?!and__|or__|xor__|lshift__|rshift__))\w{{1,120}}"
    r"\.(?!_)\w{1,120}"
)
_OF_HIGHER_ORDER = re.compile(
    r"torch\.ops\.higher_order\.(?:cond|while_loop|map_impl|scan|associative_scan"
    r"|wrap_with_set_grad_enabled|wrap_with_autocast|invoke_subgraph)"
)
_OF_SIZES = re.compile(
    r"_operator\.(?:eq|ne|le|ge|lt|gt|neg|pos|mul|add|sub|floordiv|mod|pow|truediv|and_|or_|lshift"
    r"|rshift|getitem|not_)|math\.(?:trunc|ceil|floor|sqrt)"
    r"|torch\.sym_(?:not|int|float|ite|max|min|sqrt|sum)"
)
_FILES = re.compile(r"torch\.ops\.aten\.(?:from_file|_print)\.")

_FUNCTIONS = frozenset(
    (
        *("FloorDiv", "ModularIndexing", "Where", "PythonMod", "Mod", "CleanDiv", "CeilToInt"),
        *("FloorToInt", "CeilDiv", "LShift", "RShift", "PowByNatural", "FloatPow", "FloatTrueDiv"),
        *("IntTrueDiv", "IsNonOverlappingAndDenseIndicator", "TruncToFloat", "TruncToInt"),
        *("RoundToInt", "RoundDecimal", "ToFloat", "Identity", "Max", "Min", "Abs", "Eq", "Ne"),
        *("Le", "Lt", "Ge", "Gt", "And", "Or", "Not", "Piecewise", "Add", "Mul", "Pow", "sqrt"),
        *("floor", "ceiling", "true", "false", "True", "False", "oo", "int_oo"),
        *("Symbol", "Integer", "Float", "Rational", "Dummy", "positive", "negative", "integer"),
        *("nonnegative", "nonzero", "real", "finite", "zero", "Equality", "Unequality"),
        *("GreaterThan", "LessThan", "StrictGreaterThan", "StrictLessThan"),
    )
)
_EXPRESSION = re.compile(r"[\w\s+\-*/%(),.<>=&|~!]{1,4000}")
_QUOTED = re.compile(r"'[A-Za-z_]\w{0,63}'")
_WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_SYMBOL = re.compile(r"[a-z_]{1,16}\d*")
_IDENTIFIER = re.compile(r"(?!__)[A-Za-z_]\w{0,511}")
_WORDS = re.compile(r"[\w.\-/ +:,<>\[\]*@=]{0,1024}")
_TREES = ("builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict")

MAX_DEPTH = 200
"""How deep a program may be nested: graphs within operators, and trees of inputs."""


class ForeignText(Exception):
    """A text has a form that it may not have; the words say which."""


def forbid(program: Any) -> None:
    """Walks a decoded program.

    Raises:
        ForeignText: a text of it is none that the library's own exporter writes.
    """
    for key, text in _texts(program, "", 0):
        _RULES.get(key, _plain)(text)


def _texts(value: Any, key: str, depth: int) -> Iterator[tuple[str, str]]:
    """Every text with the key under which it stands; keys are texts too."""
    if depth > MAX_DEPTH:
        raise ForeignText("more levels than 200")
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one, key, depth + 1)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield "*", name
            if not (name in _SKIPPED and _of_texts_alone(one)):
                yield from _texts(one, name, depth + 1)


def _of_texts_alone(value: Any) -> bool:
    """Whether it is what it is called: something else by that name would be skipped too."""
    if value is None:
        return True
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [0]
    return all(isinstance(one, str) for one in inner)


def _operator(text: str) -> None:
    allowed = any(one.fullmatch(text) for one in (_OPERATOR, _OF_HIGHER_ORDER, _OF_SIZES))
    if not allowed or _FILES.match(text):
        raise ForeignText(f"operator {_shown(text)}, which is none of those that are known")


def _expression(text: str) -> None:
    bare = _QUOTED.sub("0", text)  # names of symbols
    words = _WORD.findall(bare)
    known = all(word in _FUNCTIONS or _SYMBOL.fullmatch(word) for word in words)
    dotted = re.search(r"\.\s*[A-Za-z_]", bare) or "__" in text
    if not _EXPRESSION.fullmatch(bare) or not known or dotted:
        raise ForeignText(f"a size {_shown(text)}, which is no expression of sizes")


def _identifier(text: str) -> None:
    if text and not _IDENTIFIER.fullmatch(text):
        raise ForeignText(f"a name {_shown(text)}, which is no identifier")


def _plain(text: str) -> None:
    if not _WORDS.fullmatch(text):
        raise ForeignText(f"a text {_shown(text)}, which an exporter does not write")


def _tree(text: str) -> None:
    try:
        _version, root = json.loads(text) if text else (1, None)
    except (ValueError, TypeError, RecursionError) as error:
        raise ForeignText("a tree of inputs or outputs that is none") from error
    pending = [root] if root is not None else []
    while pending:
        node = pending.pop()
        if not isinstance(node, dict) or node.get("type") not in (None, *_TREES):
            kind = node.get("type") if isinstance(node, dict) else node
            raise ForeignText(
                f"inputs or outputs in {_shown(str(kind))}, and not in tuples, lists and dicts"
            )
        context = node.get("context")
        if isinstance(context, str) and "{" in context:
            raise ForeignText("a tree of inputs or outputs that is none")
        pending += node.get("children_spec") or []


def _any(_text: str) -> None:
    """What is only ever compared or printed."""


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:77]}...")


_SKIPPED = frozenset(("metadata", "guards_code"))
"""Notes of who exported it, and lines of Python: who loads it drops both."""
_RULES: dict[str, Callable[[str], None]] = {
    "target": _operator,
    "as_operator": _operator,
    "expr_str": _expression,
    "name": _identifier,
    "as_name": _identifier,
    "forward_arg_names": _identifier,
    "in_spec": _tree,
    "out_spec": _tree,
    "as_string": _any,
    "as_strings": _any,
    "torch_version": _any,
}
