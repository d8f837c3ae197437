"""Where a query goes: a coordinator's address or a database file, and the token for it.

The order is flag, environment, user configuration, ``127.0.0.1:50950``. The user's file is
``$XDG_CONFIG_HOME/bitgauge/config.toml`` with the keys `coordinator`, `db` and `token_file`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from bitgauge.benchmarks.common.home import DEFAULT_PORT, home
from bitgauge.benchmarks.common.typed_toml import Document, Text
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

DEFAULT_ADDRESS = f"127.0.0.1:{DEFAULT_PORT}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to ask.

    Attributes:
        address: ``HOST:PORT`` of the coordinator; unused when `db` is set.
        db: database file to read in-process, or None to call the coordinator.
        token_path: file with the token that calls carry; need not exist.
    """

    address: str
    db: Path | None
    token_path: Path


def resolve(
    coordinator: str | None = None,
    db: str | None = None,
    token_file: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Endpoint:
    """Decide where queries go; the arguments are the flags of these names.

    `environ` has BITGAUGE_COORDINATOR, BITGAUGE_DB and the places of state and configuration.

    Raises:
        BadInput: an address is not ``HOST:PORT``, one source names both a coordinator and a
            database, or the user configuration is damaged.
    """
    flags = {"coordinator": coordinator, "db": db}
    variables = {
        "coordinator": environ.get("BITGAUGE_COORDINATOR"),
        "db": environ.get("BITGAUGE_DB"),
    }
    config = _user_config(config_path(environ))
    written = {"coordinator": config.coordinator, "db": config.db}
    token = token_file or config.token_file or str(home(environ) / "tokens" / "user")
    sources = (("flags", flags), ("environment", variables), ("user configuration", written))
    for name, source in sources:
        given = {key: source.get(key) for key in ("coordinator", "db") if source.get(key)}
        if len(given) == 2:
            raise BadInput(
                Code.BAD_ARGUMENT,
                f"The {name} name both a coordinator and a database; give one of them.",
            )
        if given:
            return _endpoint(given.get("coordinator"), given.get("db"), token)
    return _endpoint(None, None, token)


def coordinator_endpoint(coordinator: str | None, token_file: str | None, what: str) -> Endpoint:
    """Where the coordinator is, which a database file cannot replace; `what` begins the sentence.

    Raises:
        BadInput: environment or configuration name a database instead of a coordinator.
    """
    endpoint = resolve(coordinator, None, token_file)
    if endpoint.db is not None:
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"{what} needs a coordinator, and BITGAUGE_DB or the user configuration names a"
            " database; give --coordinator HOST:PORT.",
        )
    return endpoint


def config_path(environ: Mapping[str, str] = os.environ) -> Path:
    """The user's configuration file; it need not exist."""
    base = environ.get("XDG_CONFIG_HOME")
    folder = Path(base).expanduser() if base else Path("~/.config").expanduser()
    return folder / "bitgauge" / "config.toml"


def parse_address(text: str) -> str:
    """Check ``HOST:PORT`` (an IPv6 host in brackets) and return it.

    Raises:
        BadInput: it has no host, or its port is not 1 to 65535.
    """
    host, colon, port = text.strip().rpartition(":")
    bare = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    if not colon or not bare or (":" in bare and bare == host):
        raise BadInput(Code.BAD_ARGUMENT, f"{text!r} is not HOST:PORT, such as {DEFAULT_ADDRESS}.")
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise BadInput(Code.BAD_ARGUMENT, f"The port in {text!r} is not a number from 1 to 65535.")
    return f"{host}:{port}"


def _endpoint(coordinator: str | None, db: str | None, token_file: str) -> Endpoint:
    return Endpoint(
        address=parse_address(coordinator) if coordinator else DEFAULT_ADDRESS,
        db=Path(db).expanduser() if db else None,
        token_path=Path(token_file).expanduser(),
    )


class _Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    coordinator: Text = ""
    db: Text = ""
    token_file: Text = ""


def _user_config(path: Path) -> _Config:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return _Config()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(Code.FILE_UNREADABLE, f"{path} cannot be read: {error}.") from error
    return Document("Configuration", str(path), Code.BAD_ARGUMENT, text).read(_Config)
