"""Bearer tokens: one secret for each role, kept in files that only their owner reads."""

from __future__ import annotations

import contextlib
import enum
import hmac
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bitgauge.benchmarks.errors import Code, Internal

TOKEN_BYTES = 32
_OWNER_ONLY = 0o600


class Role(str, enum.Enum):
    """Who calls. Agents and users have token files; tasks get a token that lives in memory."""

    AGENT = "agent"
    USER = "user"
    TASK = "task"


def new_token() -> str:
    """A fresh secret as hex text."""
    return secrets.token_hex(TOKEN_BYTES)


def ensure_token(path: Path) -> str:
    """The token in `path`, made on first use and never changed afterwards.

    The file appears whole or not at all: it is written aside and linked into place, so a
    crash leaves no empty token and two starts at once agree on one.

    Raises:
        Internal: `START_FAILED` when the file holds no token.
        OSError: the folder cannot be written.
    """
    if not path.exists():
        descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(descriptor, "w") as file:
                os.fchmod(descriptor, _OWNER_ONLY)
                file.write(new_token())
                file.flush()
                os.fsync(descriptor)
            with contextlib.suppress(FileExistsError):  # another start was first; its token counts
                os.link(aside, path)
        finally:
            os.unlink(aside)
    path.chmod(_OWNER_ONLY)
    token = path.read_text().strip()
    if len(token) < TOKEN_BYTES:
        raise Internal(Code.START_FAILED, f"Token file {path} is damaged; delete it to renew it.")
    return token


def ensure_role_tokens(folder: Path) -> dict[str, Role]:
    """The token of each role that has a file in `folder` (mode 0700), made on first use."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return {ensure_token(folder / role.value): role for role in (Role.AGENT, Role.USER)}


class Keyring:
    """Knows the tokens and says which role one speaks for."""

    def __init__(self, tokens: Mapping[str, Role]) -> None:
        self._tokens = tuple((token.encode(), role) for token, role in tokens.items())

    def role_of(self, presented: str) -> Role | None:
        """The role of a token, or None; takes the same time whichever one it is."""
        given = presented.encode()
        found: Role | None = None
        for token, role in self._tokens:
            if hmac.compare_digest(token, given):
                found = role
        return found
