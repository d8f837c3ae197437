"""Runs a built graph with tensors of it handed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._agreement import GIVEN, Array, Tensors, Weights
from . import execution
from .graph import disturbed, forced


@dataclass(frozen=True, slots=True, eq=False)
class Forcing:
    """A built model and a call of it.

    Attributes:
        model: decoded.
        kinds: element types of the points by name.
        feeds: inputs of the call.
    """

    model: Any
    kinds: Mapping[str, np.dtype[Any]]
    feeds: Tensors

    def compute(self, points: Mapping[str, Array], weights: Weights) -> dict[str, Array]:
        """See `_agreement.Computes`."""
        import onnx

        as_built = weights is Weights.AS_BUILT
        model = self.model if as_built else disturbed(self.model, weights.generator)
        kinds = {
            name: onnx.helper.np_dtype_to_tensor_dtype(kind) for name, kind in self.kinds.items()
        }
        copy = forced(model, kinds, list(kinds))
        session = execution.opened(copy.SerializeToString(), as_it_stands=True)
        given = {name + GIVEN: value for name, value in points.items()} | dict(self.feeds)
        wanted = {one.name for one in session.get_inputs()}
        return execution.run(
            session, {name: value for name, value in given.items() if name in wanted}, list(kinds)
        )
