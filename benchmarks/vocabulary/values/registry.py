"""What the registry knows of artifacts: what there is, where it comes from, which is shipped.

Like `gates`: each class has a message of the same name and field names in ``protos/v1``.
"""

from __future__ import annotations

from dataclasses import dataclass

from .digests import Digest
from .gates import GateVerdict


@dataclass(frozen=True, slots=True)
class AliasMove:
    """From then on an alias of a model means this run's artifact. Moves are only ever appended.

    Attributes:
        model_name: whose alias.
        alias: such as `champion`.
        run_id: what it means, measured by this run.
        artifact: recipe, and label where its owner gave it.
        device_name: where it was measured.
        use_case: for which a gate passed it; empty of a person's move.
        at_unix_ns: when, UTC nanoseconds.
        who: name of the token.
        by: whose word it is, as that person wrote it; empty where the gate's pass moved it.
        reason: why.
        position: its place among all moves, from 1.
    """

    model_name: str
    alias: str
    run_id: str
    artifact: str
    device_name: str
    use_case: str
    at_unix_ns: int
    who: str
    by: str = ""
    reason: str = ""
    position: int = 0


@dataclass(frozen=True, slots=True)
class RegistryQuery:
    """Which artifacts are looked for; an empty field matches everything.

    Attributes:
        text: part of a model's, recipe's or artifact's name, or the start of a digest: of the
            artifact, its baseline, or the file that the baseline was made of.
        model_name: of this model alone.
        recipe: of this recipe alone.
        limit: at most so many; 0: the usual.
    """

    text: str = ""
    model_name: str | None = None
    recipe: str | None = None
    limit: int = 0


@dataclass(frozen=True, slots=True)
class Registered:
    """One artifact that was measured, by its newest run.

    Attributes:
        model_name: of its model.
        recipe: of it.
        name: as its owner calls it; the recipe of what was built here.
        kind: artifact kind.
        runtime: what executed it.
        artifact: its file; None: it is not recorded.
        baseline: the FP32 file that it was compared with.
        run_id: newest run.
        device_name: of that run.
        measured_unix_ns: end of that run.
        outcome: of the newest verdict on any of its runs; empty: none.
        use_case: of that verdict.
        aliases: that mean it now.
    """

    model_name: str
    recipe: str
    name: str
    kind: str
    runtime: str
    artifact: Digest | None
    baseline: Digest
    run_id: str
    device_name: str
    measured_unix_ns: int
    outcome: str = ""
    use_case: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where an artifact comes from, and everything that was said of it.

    Attributes:
        registered: the artifact.
        original: the baseline as it was sent, where it was put in order first.
        order: what was done to it then.
        toolchain: what built it, with versions; empty: it was uploaded.
        source: the file that it was built of, where that is not the baseline.
        calibration: the set that it was calibrated with.
        notes: what the build said.
        job_id: of its newest run.
        submitted_by: who asked for that job.
        verdicts: newest first.
        moves: of aliases to it, newest first.
    """

    registered: Registered
    original: Digest | None = None
    order: tuple[str, ...] = ()
    toolchain: str = ""
    source: Digest | None = None
    calibration: Digest | None = None
    notes: tuple[str, ...] = ()
    job_id: str = ""
    submitted_by: str = ""
    verdicts: tuple[GateVerdict, ...] = ()
    moves: tuple[AliasMove, ...] = ()
