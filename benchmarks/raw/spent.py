"""Where the seconds of a launch went: metadata of every raw file, both directions.

    meta   spent {phase: seconds}

`start` lasts from the agent's decision until the child loads its first artifact: confinement,
interpreter, libraries, inputs. What follows the last phase, writing and reporting, no child can
tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from msgspec import Meta

from ..common.fits import Misfit, fitted
from ..vocabulary.enums import RawRole
from .container import RawFile

PHASES = ("start", "load", "warm_up", "measure", "write")

_KEY = "spent"
_SECONDS = Annotated[
    dict[
        Annotated[str, Meta(pattern=rf"\A({'|'.join(PHASES)})\Z")],
        Annotated[float, Meta(ge=0, le=1e7)],
    ],
    Meta(max_length=len(PHASES)),
]


@dataclass(frozen=True, slots=True)
class Spent:
    """What the launches of one pass and role took together.

    Attributes:
        pass_name: as the raw files say it.
        role: likewise.
        launches: how many.
        phase_s: seconds by phase, of `PHASES`.
    """

    pass_name: str
    role: str
    launches: int
    phase_s: Mapping[str, float]

    @property
    def total_s(self) -> float:
        """All phases together."""
        return sum(self.phase_s.values())


def spent_meta(phase_s: Mapping[str, float]) -> dict[str, Any]:
    """The metadata that say it; to the millisecond."""
    return {_KEY: {name: round(seconds, 3) for name, seconds in phase_s.items()}}


def spent_of(raw: RawFile) -> dict[str, float] | None:
    """Seconds by phase; None where the raw file does not tell them."""
    try:
        found: dict[str, float] = fitted(raw.meta.get(_KEY), _SECONDS)
    except Misfit:
        return None
    return found


def spent_by_pass(raws: Iterable[tuple[str, RawRole, RawFile]]) -> tuple[Spent, ...]:
    """Seconds of each pass and role, in the order of their first launches.

    Args:
        raws: pass, role and raw file of each launch.
    """
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for pass_name, role, raw in raws:
        if (phase_s := spent_of(raw)) is not None:
            found.setdefault((pass_name, role.value), []).append(phase_s)
    return tuple(
        Spent(
            pass_name,
            role,
            len(launches),
            {
                phase: sum(one.get(phase, 0.0) for one in launches)
                for phase in PHASES
                if any(phase in one for one in launches)
            },
        )
        for (pass_name, role), launches in found.items()
    )
