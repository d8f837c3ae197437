"""A second Python environment for an agent: ours, with another onnxruntime before it."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

OLDER = "1.30.0"
"""A release before the one that the constraints pin."""


def environment_with(folder: Path, onnxruntime: str = OLDER) -> str:
    """Make a virtual environment in `folder`; the path of its `bitgauge-agent`.

    It sees everything that this environment has, so that only the runtime differs.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    site = next((folder / "lib").glob("python*/site-packages"))
    ours = sysconfig.get_paths()["purelib"]
    # `addsitedir` follows the hooks of an editable installation; ours comes after its own.
    (site / "parent.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site)]
    subprocess.run([*install, f"onnxruntime=={onnxruntime}"], check=True, timeout=300)
    agent = folder / "bin" / "bitgauge-agent"
    agent.write_text(
        f"#!{python}\nimport sys\nfrom bitgauge.agents.cli import main\nsys.exit(main())\n"
    )
    agent.chmod(0o755)
    return str(agent)
