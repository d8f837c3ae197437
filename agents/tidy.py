"""Removes what a child left, however it left it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def remove_tree(folder: Path) -> bool:
    """Removes a folder with everything in it; links are removed, not followed.

    A child may have taken its own rights away from folders, or nested them deeper than Python
    recurses; then the system's tools do it.

    Returns:
        Whether it is gone.
    """
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return True
    except (OSError, RecursionError):
        for command in (("chmod", "-R", "u+rwX"), ("rm", "-rf", "--one-file-system")):
            subprocess.run([*command, "--", str(folder)], capture_output=True, check=False)
    return not folder.exists()
