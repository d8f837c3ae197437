"""Which samples calibrate and which evaluate: disjoint, stratified, repeatable. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int64]


def split(
    contents: Sequence[str], strata: Sequence[object] | None, calibration: int, seed: int
) -> tuple[Places, Places]:
    """Places of the evaluation samples and of the calibration samples, each ascending.

    Samples of one content stay together, whatever their names: what calibrates is not judged. Each
    stratum gives as many as is its share, to the nearest whole number (the largest remainders).

    Args:
        contents: a digest of each sample's inputs.
        strata: the label of each sample, or None.
        calibration: how many samples are to calibrate, about; less than there are.
        seed: another one gives another choice.
    """
    groups: dict[str, list[int]] = {}
    for place, content in enumerate(contents):
        groups.setdefault(content, []).append(place)
    by_stratum: dict[str, list[list[int]]] = {}
    for members in groups.values():
        stratum = "" if strata is None else str(strata[members[0]])
        by_stratum.setdefault(stratum, []).append(members)
    rng = np.random.default_rng(seed)
    sizes = {name: sum(map(len, members)) for name, members in sorted(by_stratum.items())}
    chosen: list[int] = []
    for name, wanted in shares(sizes, calibration).items():
        alike, taken = by_stratum[name], 0
        for at in rng.permutation(len(alike)):
            if taken >= wanted:
                break
            chosen += alike[at]
            taken += len(alike[at])
    kept = sorted(set(range(len(contents))) - set(chosen))
    return np.array(kept, np.int64), np.array(sorted(chosen), np.int64)


def shares(sizes: Mapping[str, float], wanted: int) -> dict[str, int]:
    """`wanted` divided by size; what is left goes to the largest remainders."""
    total = sum(sizes.values())
    exact = {name: wanted * size / total for name, size in sizes.items()}
    found = {name: int(one) for name, one in exact.items()}
    rest = wanted - sum(found.values())
    for name in sorted(exact, key=lambda one: found[one] - exact[one])[:rest]:
        found[name] += 1
    return found
