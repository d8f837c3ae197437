from __future__ import annotations

from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.typed import parse_size_bytes, parse_time_ns
from bitgauge.coordinator.client.endpoint import DEFAULT_ADDRESS, parse_address, resolve


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"BITGAUGE_HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": str(tmp_path / "config")}


def configure(environ: dict[str, str], text: str) -> None:
    path = Path(environ["XDG_CONFIG_HOME"]) / "bitgauge" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)


def test_flag_then_environment_then_file_then_default(environ: dict[str, str]) -> None:
    assert resolve(environ=environ).address == DEFAULT_ADDRESS
    assert resolve(environ=environ).token_path == Path(environ["BITGAUGE_HOME"], "tokens", "user")
    configure(environ, 'coordinator = "file:1"\ntoken_file = "/t"\n')
    assert resolve(environ=environ).address == "file:1"
    assert resolve(environ=environ).token_path == Path("/t")
    environ["BITGAUGE_COORDINATOR"] = "env:2"
    assert resolve(environ=environ).address == "env:2"
    assert resolve(coordinator="flag:3", environ=environ).address == "flag:3"
    flagged = resolve(db="/x/store.db", token_file="/mine", environ=environ)
    assert (flagged.db, flagged.token_path) == (Path("/x/store.db"), Path("/mine"))
    del environ["BITGAUGE_COORDINATOR"]
    environ["BITGAUGE_DB"] = "/env.db"
    assert resolve(environ=environ).db == Path("/env.db")
    assert resolve(coordinator="flag:3", environ=environ).db is None


def test_both_at_once_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(BadInput, match="flags name both"):
        resolve("a:1", "b.db", environ=environ)
    environ |= {"BITGAUGE_COORDINATOR": "a:1", "BITGAUGE_DB": "b.db"}
    with pytest.raises(BadInput, match="environment name both"):
        resolve(environ=environ)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("coordinator = ", "not valid TOML"),
        ("coordinatr = 'a:1'", "did you mean coordinator"),
        ("db = 3", "line 1: db: 3 is not a text"),
    ],
)
def test_a_damaged_configuration_is_named(
    environ: dict[str, str], text: str, expected: str
) -> None:
    configure(environ, text)
    with pytest.raises(BadInput, match=expected):
        resolve(environ=environ)


def test_an_unreadable_configuration_is_named(environ: dict[str, str]) -> None:
    Path(environ["XDG_CONFIG_HOME"], "bitgauge", "config.toml").mkdir(parents=True)
    with pytest.raises(BadInput) as caught:
        resolve(environ=environ)
    assert caught.value.code is Code.FILE_UNREADABLE


@pytest.mark.parametrize("good", ["host:1", "127.0.0.1:65535", "[::1]:50950"])
def test_addresses(good: str) -> None:
    assert parse_address(good) == good


@pytest.mark.parametrize("bad", ["host", ":1", "host:", "host:0", "host:65536", "host:x", "::1:5"])
def test_bad_addresses(bad: str) -> None:
    with pytest.raises(BadInput):
        parse_address(bad)


def test_quantities_need_a_unit() -> None:
    assert parse_time_ns("250us") == 250_000
    assert parse_time_ns("1.5 ms") == 1_500_000
    assert parse_time_ns("2s") == 2e9
    assert parse_time_ns("3µs") == 3000
    assert parse_size_bytes("500KiB") == 512_000
    assert parse_size_bytes("1.5 MB") == 1_500_000
    for bad in ("5", "ms", "-1ms", "1 year", "1.2.3ms", ""):
        with pytest.raises(BadInput, match="time with its unit"):
            parse_time_ns(bad)
    with pytest.raises(BadInput, match="size with its unit"):
        parse_size_bytes("5ms")
