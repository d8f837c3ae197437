"""An agent's installation answers the other command in one sentence."""

import sys

import pytest
from bitgauge.coordinator import entry


def test_a_missing_library_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "typer", None)
    for name in [name for name in sys.modules if name.startswith("bitgauge.coordinator.cli.app")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "error: The bitgauge command needs typer, which is not installed."
        " Run: pip install 'bitgauge[coordinator]'\n"
    )
