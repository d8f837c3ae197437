"""What pip printed becomes the reason why an environment could not be made."""

from __future__ import annotations

import re

from bitgauge.benchmarks.vocabulary.printable import cleaned

_LONGEST = 300
_TAIL = 64 << 10
_NETWORK = re.compile(
    r"(Temporary failure in name resolution|Name or service not known|Connection refused"
    r"|Network is unreachable|No route to host|Connection reset by peer|timed out"
    r"|CERTIFICATE_VERIFY_FAILED|Tunnel connection failed[^'\")]*)"
)
_NOT_FOUND = re.compile(r"No matching distribution found for (\S+)")
_INDEXES = re.compile(r"^Looking in indexes: (.+)$", re.MULTILINE)
_ERROR = re.compile(r"^ERROR: (.+)$", re.MULTILINE)
_PYPI = "https://pypi.org/simple"


def not_found(printed: str) -> bool:
    """Whether pip could be asked and has no such package: another index may have it."""
    return _NOT_FOUND.search(printed) is not None and _NETWORK.search(printed) is None


def why(printed: str, module: str = "pip") -> str:
    """The reason in one part of a sentence, without a full stop.

    Args:
        printed: the end of what the command printed.
        module: what was run: ``venv`` or ``pip``.
    """
    text = printed[-_TAIL:]
    lacking, network = _NOT_FOUND.search(text), _NETWORK.search(text)
    if network is not None:
        where = _INDEXES.search(text)
        index = cleaned(where[1] if where else _PYPI, _LONGEST)
        what = f"pip found no {cleaned(lacking[1], 80)}, for" if lacking else "of what pip asked,"
        return f"{what} {index} cannot be reached ({network[1][:1].lower()}{network[1][1:]})"
    if lacking is not None:
        return f"pip finds no {cleaned(lacking[1], 80)} for this machine and its Python"
    errors = _ERROR.findall(text)
    lines = [line for line in text.strip().splitlines() if line.strip()]
    last = errors[0] if errors else lines[-1] if lines else "it said nothing"
    return f"{module} said: {cleaned(last.strip(), _LONGEST).rstrip('.')}"
