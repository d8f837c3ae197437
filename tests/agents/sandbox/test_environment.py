"""What a child learns of the agent's environment."""

from __future__ import annotations

from pathlib import Path

from bitgauge.agents.host import process
from bitgauge.agents.sandbox.environment import child_environment


def test_the_childs_environment_holds_no_secrets(tmp_path: Path) -> None:
    given = {"PATH": "/bin", "AWS_SECRET": "x", "RAY_AUTH_TOKEN": "y", "BITGAUGE_HOME": "z"}
    made = child_environment(given, mark="m", threads=2, folder=tmp_path)
    assert not {"AWS_SECRET", "RAY_AUTH_TOKEN", "BITGAUGE_HOME"} & set(made)
    assert (made["PATH"], made["OMP_NUM_THREADS"], made["HOME"]) == ("/bin", "2", str(tmp_path))
    assert made["CUDA_VISIBLE_DEVICES"] == "", "no card of the host is for a child of a processor"
    card = {"CUDA_VISIBLE_DEVICES": "GPU-1"}
    given = given | {"CUDA_VISIBLE_DEVICES": "0,1"}
    told = child_environment(given, mark="m", threads=2, folder=tmp_path, of_device=card)
    assert told["CUDA_VISIBLE_DEVICES"] == "GPU-1"
    assert made[process.MARK_VARIABLE] == "m"
