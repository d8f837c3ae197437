"""One child on a phone as a script: it ends with the connection, and says how it ended.

The child leads a session of its own and is given the two pipes of `bitgauge.agents.spec`: 3 carries
its events, which go out on the script's own output, 4 its acknowledgements, which come in. When the
connection breaks, what brings them ends, and the child with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from shlex import quote

from bitgauge.benchmarks.vocabulary.enums import PassName

from ...spec import ChildSpec
from ._health import ASK_FIXED, END_FIXED
from ._shelf import RUN

EVENTS, ACKS = 3, 4
FIXED_VARIABLE = "BITGAUGE_FIXED_PERFORMANCE"
OBTAINED, NOT_OBTAINED = "obtained", "not obtained"

UNTIMED = (PassName.QUALITY, PassName.NUMERICS, PassName.PERPLEXITY, PassName.OPERATORS)


def script(
    word: str,
    command: Sequence[str],
    result: str,
    variables: Mapping[str, str],
    *,
    fixed: bool,
) -> str:
    """What the shell of a phone runs for one child.

    Its last line is ``WORD STATUS OOM_KILLS SIZE SHA256 ...``: how the child ended, how many
    processes the kernel ended for lack of memory meanwhile, and the size and digest of its result.

    Args:
        word: of the end marker.
        command: the child's; ``$$`` in it is this shell's process id.
        result: the file that it writes, below `RUN`.
        variables: further ones of its environment.
        fixed: whether to ask for a clock that the phone can keep, for as long as the child runs.
    """
    told = " ".join(f"{name}={quote(value)}" for name, value in variables.items())
    words = " ".join(one if one == "$$" else quote(one) for one in command)
    asked = (
        f"if {ASK_FIXED}; then {FIXED_VARIABLE}={quote(OBTAINED)};"
        f" else {FIXED_VARIABLE}={quote(NOT_OBTAINED)}; fi; export {FIXED_VARIABLE}"
        if fixed
        else ":"
    )
    return f"""
umask 077; cd {RUN} || exit 96
exec {EVENTS}>&1 1>&2 {ACKS}<&0 0</dev/null
ooms() {{ sed -n 's/^oom_kill //p' /proc/vmstat 2>/dev/null; }}
mkfifo acks; before=$(ooms)
export {told}
{asked}
setsid {words} {ACKS}<acks &
child=$!
setsid sh -c 'cat >acks; kill -9 -'$child <&{ACKS} {EVENTS}>&- 2>/dev/null &
pump=$!
wait $child; status=$?
kill -9 -$pump -$child 2>/dev/null
{END_FIXED if fixed else ":"}
after=$(ooms)
printf '\\n%s %s %s %s %s\\n' {word} $status $(( ${{after:-0}} - ${{before:-0}} )) \
  "$(stat -c %s {quote(result)} 2>/dev/null || echo 0)" \
  "$(sha256sum {quote(result)} 2>/dev/null || echo none)" >&{EVENTS}
"""


def on_phone(spec: ChildSpec, result: str) -> tuple[ChildSpec, dict[str, str]]:
    """A launch as the phone is told it, and where below `RUN` each file of the host is put.

    The phone's own clock counts there, and its plug-ins are those of our code.
    """
    places: dict[str, str] = {}
    paths = []
    for at, path in enumerate(spec.paths):
        name = PurePosixPath(path)
        places[str(name.parent)] = f"artifacts/{at}"
        paths.append(f"{RUN}/artifacts/{at}/{name.name}")
    if spec.evaluation:
        places[spec.evaluation] = "evaluation.npz"
    told = replace(
        spec,
        paths=tuple(paths),
        folders=tuple(f"{RUN}/{places[folder]}" for folder in spec.folders),
        evaluation=f"{RUN}/evaluation.npz" if spec.evaluation else "",
        result=f"{RUN}/{result}",
        event_fd=EVENTS,
        ack_fd=ACKS,
        peak_fd=-1,
        plugins=(),
        unit="",
        asked_ns=0,
    )
    return told, places
