"""Bearer tokens: how they are made, kept in files that only their owner reads, and hashed."""

from __future__ import annotations

import contextlib
import enum
import hashlib
import secrets
from pathlib import Path

from bitgauge.benchmarks.common.files import whole_file
from bitgauge.benchmarks.vocabulary.errors import Code, Internal

TOKEN_BYTES = 32
_OWNER_ONLY = 0o600


class Party(str, enum.Enum):
    """Who calls: the roles of the contract, and the coordinator's own tasks."""

    READ = "read"
    SUBMIT = "submit"
    ADMIN = "admin"
    AGENT = "agent"
    TASK = "task"


LOCAL_FILES = {"agent": Party.AGENT, "user": Party.ADMIN}
"""Token files of the coordinator's own machine; who reads them owns it, hence `admin`."""


def new_token() -> str:
    """A fresh secret as hex text."""
    return secrets.token_hex(TOKEN_BYTES)


def ensure_token(path: Path) -> str:
    """The token in `path`, made on first use and never changed afterwards.

    The file appears whole or not at all, so a crash leaves no empty token.

    Raises:
        Internal: `START_FAILED` when the file holds no token.
        OSError: the folder cannot be written.
    """
    if not path.exists():
        # Of two starts at once the first one's token counts.
        fresh = new_token().encode()
        with contextlib.suppress(FileExistsError), whole_file(path, _OWNER_ONLY, first=True) as new:
            new.write(fresh)
    path.chmod(_OWNER_ONLY)
    token = path.read_text().strip()
    if len(token) < TOKEN_BYTES:
        raise Internal(Code.START_FAILED, f"Token file {path} is damaged; delete it to renew it.")
    return token


def ensure_local_tokens(folder: Path) -> dict[str, Party]:
    """The tokens of this machine, in files of `folder` (mode 0700), made on first use."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return {ensure_token(folder / name): party for name, party in LOCAL_FILES.items()}


def hashed(token: str) -> bytes:
    """What is kept of a token. It has 128 bits at least, so a plain hash cannot be undone."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
