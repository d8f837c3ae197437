"""Hostile artifacts, made on the spot: what each does, and how it must end at each level."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from tests.labs.agent import fake_artifact

CONFINED = ("bwrap", "userns")
EVERY = (*CONFINED, "rlimits")
MEMORY_BYTES = 1 << 30


@dataclass(frozen=True)
class Hostile:
    """One artifact.

    Attributes:
        name: what it does.
        data: its bytes.
        code: the failure that stops it; None when it is let finish and nothing of it stays.
        levels: where it is stopped; a weaker level does not claim to.
    """

    name: str
    data: bytes
    code: str | None
    levels: tuple[str, ...] = EVERY


@dataclass(frozen=True)
class Targets:
    """What artifacts are aimed at.

    Attributes:
        token: a secret file of the agent.
        outside: a file beside the child's folder that must not come into being.
        far: another such file, below a folder that no sandbox shows.
        address: a listening socket on loopback.
        marker: a word by which a process that escaped is recognised.
    """

    token: str
    outside: str
    far: str
    address: str
    marker: str
    siblings: tuple[str, ...] = field(default=())


def fakes(aim: Targets) -> tuple[Hostile, ...]:
    """Artifacts of the fake runtime: what a runtime's process may try."""

    def made(
        name: str, behaviour: str, code: str | None, levels: tuple[str, ...] = EVERY, **fields: Any
    ) -> Hostile:
        return Hostile(name, fake_artifact(behaviour=behaviour, **fields), code, levels)

    denied = "sandbox_denied"
    environment = f"/proc/{os.getpid()}/environ"
    return (
        made("reads a file of the host", "read", denied, CONFINED, target="/etc/passwd"),
        made("reads the agent's token", "read", denied, CONFINED, target=aim.token),
        made("reads the agent's environment", "read", denied, CONFINED, target=environment),
        made("opens a socket", "connect", denied, CONFINED, target=aim.address),
        made("writes outside", "write", denied, CONFINED, target=aim.far),
        made("writes into a program", "write", denied, CONFINED, target="/usr/bitgauge-was-here"),
        made("forges its result", "forge", "bad_result", target=aim.token),
        made("forks without end", "fork_bomb", "process_limit", amount=1500),
        made("forks without end in load", "fork_bomb", "process_limit", amount=1500, when="load"),
        made("leaves a runaway", "runaway", None, target=aim.marker, when="load"),
        made("floods its log", "flood", None, when="load"),
        made("leaves litter", "litter", None, when="load"),
        made("eats memory", "eat", "oom", amount=MEMORY_BYTES + (64 << 20)),
        made("asks for a giant block", "reserve", "oom", amount=1 << 46),
        made("writes a giant file", "big_file", "file_limit"),
        made("crashes (segv)", "crash_segv", "crash_segv", CONFINED),
        made("crashes (abrt)", "crash_abrt", "crash_abrt", CONFINED, when="load"),
        made("crashes (bus)", "crash_bus", "crash_bus", CONFINED),
        made("crashes (ill)", "crash_ill", "crash_ill", CONFINED),
        made("is killed", "kill", "killed"),
    )


def onnx_models(aim: Targets) -> tuple[Hostile, ...]:
    """ONNX files that reach outside, or want more than there is."""
    outside = "external_data"
    return (
        Hostile("data above its folder", external("../../child/spec.json"), outside),
        Hostile("data far above", external("../" * 12 + "etc/passwd"), outside),
        Hostile("data at an absolute path", external("/etc/passwd"), outside),
        Hostile("data of no file", external("nothing"), outside),
        *(Hostile(f"data of blob {name[:8]}", external(name), outside) for name in aim.siblings),
        Hostile("4 TiB in a run", giant(1 << 20), "oom"),
        Hostile("a shape beyond 64 bits", giant(1 << 40), "run_failed"),
        Hostile("4 TiB declared, none given", declared(1 << 20), "bad_model"),
        Hostile("not a model", b"\x08\x07" + b"\xff" * 64, "bad_model"),
    )


def baseline() -> bytes:
    """A model of one product, which does nothing wrong."""
    import numpy as np
    from onnx import numpy_helper

    return _model([numpy_helper.from_array(np.eye(10, dtype=np.float32), "w")], _product())


def external(location: str) -> bytes:
    """A model whose weights are said to be in the file `location`."""
    from onnx import TensorProto

    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[10, 10])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return _model([tensor], _product())


def giant(side: int) -> bytes:
    """A small file that makes a matrix of `side` rows and columns when it runs."""
    from onnx import TensorProto, helper

    shape = helper.make_tensor("s", TensorProto.INT64, [2], [side, side])
    nodes = [
        helper.make_node("Shape", ["input"], ["zeros"]),
        helper.make_node("Mul", ["zeros", "none"], ["nothing"]),
        helper.make_node("Add", ["s", "nothing"], ["wanted"]),  # so that it is not folded away
        helper.make_node("ConstantOfShape", ["wanted"], ["c"]),
        helper.make_node("ReduceSum", ["c"], ["r"], keepdims=1),
        helper.make_node("Add", ["input", "r"], ["y"]),
    ]
    none = helper.make_tensor("none", TensorProto.INT64, [1], [0])
    return _model([shape, none], nodes)


def declared(side: int) -> bytes:
    """A model that declares a giant weight and gives no data for it."""
    from onnx import TensorProto

    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[side, side])
    return _model([tensor], _product())


def _product() -> list[Any]:
    from onnx import helper

    return [helper.make_node("MatMul", ["input", "w"], ["y"])]


def _model(initializers: list[Any], nodes: list[Any]) -> bytes:
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        nodes,
        "hostile",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [None, 10])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        initializers,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data: bytes = made.SerializeToString()
    return data
