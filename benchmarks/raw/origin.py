"""What a raw file of each pass holds: samples to raw files and back.

Metadata of every pass: `pass_name launch role artifacts recipe runtime batch threads scenario
profile run_id device_id`, `prompt_tokens generated_tokens` in scenario llm, and
`overrides` where something of the profile is overridden;
`artifacts` are SHA-256 digests: `[baseline, candidate]` for role `both` with two sessions, one
digest for one session, none for the floor. Then, per pass (n latencies or samples, b blocks, w
warm-up blocks; i8 = int64, f8 = float64); passes that are not here have a module of their own:

    pair      meta   stopped, warm{iteration_ns, iterations, elapsed_ns, steady}
              arrays value_ns f8[b], start_ns i8[b], iterations i8[b], letter i8[b], quad i8[b],
                     clock_mhz temperature_c steal_ticks psi_some_avg10 load_1m throttle_count
                     thermal_status foreign_ticks clock_step_ns f8[b], of a card also
                     memory_clock_mhz power_mw performance_state foreign_processes
                     thermal_slowdown_ns power_slowdown_ns sync_slowdown_ns f8[b],
                     warm_block_median_ns f8[w], warm_letter i8[w]
    absolute  meta   count, load_ns, first_inference_ns, warm{...}
              arrays latency_ns i8[n], block i8[n], block_start_ns i8[b], block_end_ns i8[b],
                     conditions as above, warm_block_median_ns f8[w], warm_letter i8[w]
    memory    meta   method, checkpoints [names], arena, batches, group_peak_bytes [checkpoints]
              arrays rss_bytes rss_anon_bytes rss_file_bytes pss_bytes uss_bytes hwm_bytes
                     i8[checkpoints]
    quality   meta   classes
              arrays ids U[n], ref_top1 i8[n], ref_nonfinite i8[n]; with labels: labels i8[n],
                     ref_loss f8[n]; with a candidate: cand_top1 i8[n], cand_nonfinite i8[n],
                     kl f8[n], max_abs_diff f8[n]; with both: cand_loss f8[n]
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import starmap
from typing import Any

import msgspec

from ..common.fits import Sha256, Whole
from ..vocabulary.enums import PassName, Profile, RawRole, Scenario
from ..vocabulary.values.devices import StackItem
from ..vocabulary.values.jobs import NO_OVERRIDES, Overrides, Workload
from .container import RawFile
from .parts import meta_of


@dataclass(frozen=True, slots=True)
class RawOrigin:
    """Which launch of which pass a raw file speaks of.

    Attributes:
        launch: 0-based number of the launch within (pass, role).
        role: which artifact it is about.
        artifacts: SHA-256 of the artifacts that were loaded, baseline first.
        run_id: for which run it was made; empty in what older agents made.
        device_id: on which device; empty likewise.
    """

    pass_name: PassName
    launch: int
    role: RawRole
    artifacts: tuple[str, ...]
    recipe: str
    runtime: str
    workload: Workload
    profile: Profile
    overrides: Overrides = NO_OVERRIDES
    run_id: str = ""
    device_id: str = ""


_PLAIN = [one.name for one in fields(RawOrigin) if one.name not in ("workload", "overrides")]


class _Overridden(msgspec.Struct, frozen=True):
    warmup_ms: Whole | None = None
    launches: Whole | None = None
    budget_ms: Whole | None = None
    session_options: dict[str, str] = {}

    def value(self) -> Overrides:
        """As the rest of Bitgauge knows it."""
        options = starmap(StackItem, sorted(self.session_options.items()))
        return Overrides(self.warmup_ms, self.launches, self.budget_ms, tuple(options))


class _Meta(msgspec.Struct, frozen=True):
    pass_name: PassName
    launch: Whole
    role: RawRole
    artifacts: tuple[Sha256, ...]
    recipe: str
    runtime: str
    scenario: Scenario
    batch: Whole
    threads: Whole
    profile: Profile
    prompt_tokens: Whole = 0
    generated_tokens: Whole = 0
    overrides: _Overridden = _Overridden()
    run_id: str = ""
    device_id: str = ""


def raw_origin(raw: RawFile) -> RawOrigin:
    """Which launch `raw` speaks of.

    Raises:
        BadInput: code `bad_raw` when the metadata do not say it.
    """
    meta = meta_of(raw, _Meta, "its metadata do not say which launch it is")
    told: dict[str, Any] = {name: getattr(meta, name) for name in _PLAIN}
    workload = Workload(
        *(meta.scenario, meta.batch, meta.threads, meta.prompt_tokens, meta.generated_tokens)
    )
    return RawOrigin(**told, workload=workload, overrides=meta.overrides.value())


def origin_meta(origin: RawOrigin) -> dict[str, Any]:
    """The metadata that say which launch a raw file speaks of."""
    told: dict[str, Any] = msgspec.to_builtins(origin)
    overrides = told.pop("overrides")
    if options := overrides.pop("session_options"):
        overrides["session_options"] = {option["name"]: option["value"] for option in options}
    given = {"overrides": overrides} if origin.overrides != NO_OVERRIDES else {}
    for name in ("run_id", "device_id"):
        if not told[name]:
            del told[name]
    workload: dict[str, Any] = told.pop("workload")
    for name in ("prompt_tokens", "generated_tokens"):
        if not workload[name]:
            del workload[name]
    return told | workload | given
