"""What befalls a phone in the middle of a launch, on real ones: each has a code of its own."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bitgauge.agents.devices.android import _parts, carry
from bitgauge.agents.devices.android._adb import phone
from bitgauge.agents.devices.android._route import Route
from bitgauge.agents.devices.android._shelf import FOLDER
from bitgauge.agents.devices.android._survey import surveyed
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code

from .conftest import Lab
from .phones import Plugged

pytestmark = [pytest.mark.timeout(300)]

SLEEPS = ("-c", "import time; time.sleep(600)")
TMPFS = (
    "import ctypes, sys; libc = ctypes.CDLL(None);"
    " sys.exit(libc.mount(b'none', sys.argv[1].encode(), b'tmpfs', 0, b'size=1m'))"
)
UNMOUNT = "import ctypes, sys; sys.exit(ctypes.CDLL(None).umount(sys.argv[1].encode()))"


@pytest.fixture
def way(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Route:
    """The way to the first phone, with our code brought there."""
    for name, told in lab.environment().items():
        monkeypatch.setenv(name, told)
    monkeypatch.setenv(_parts.SITE_VARIABLE, str(lab.packages))
    found = surveyed(phone(lab.phones[0].serial, lab.adb.port)).route
    assert found is not None
    return found


def errand(folder: Path, files: dict[str, Path], *command: str) -> carry.Errand:
    return carry.Errand(files, command, ("made", folder / "made"), None, lambda *_: None)


def befallen(way: Route, folder: Path, event: Callable[[], None], began: Path) -> BitgaugeError:
    """What a launch on a phone ends with when something happens in the middle of it."""
    ended: list[BitgaugeError] = []

    def run() -> None:
        try:
            carry.carried(way, errand(folder, {}, *SLEEPS))
        except BitgaugeError as error:
            ended.append(error)

    began.unlink(missing_ok=True)  # that of an older launch, which the next would clear
    running = threading.Thread(target=run)
    running.start()
    until = time.monotonic() + 60
    while not began.exists():
        assert time.monotonic() < until
        time.sleep(0.1)
    event()
    running.join(carry.BACK_S + 60)
    (error,) = ended
    return error


def test_a_phone_that_starts_again_is_no_loose_cable(lab: Lab, way: Route, tmp_path: Path) -> None:
    left = lab.phones[0]

    def starts_again() -> None:
        left.kill()
        left.plug()

    error = befallen(way, tmp_path, starts_again, left.folder / "run/acks")
    assert error.code is Code.PHONE_REBOOTED
    assert error.sentence == f"The phone {left.serial} has started again in the middle."


def test_a_cable_that_was_loose_is_not_called_a_start(lab: Lab, way: Route, tmp_path: Path) -> None:
    left = lab.phones[0]

    def loose() -> None:
        left.disconnect()
        left.plug()

    error = befallen(way, tmp_path, loose, left.folder / "run/acks")
    assert error.code is Code.PHONE_OFFLINE


@pytest.fixture
def narrow(lab: Lab, way: Route) -> Iterator[Plugged]:
    """The first phone, whose folder of artifacts has room for a megabyte."""
    left = lab.phones[0]

    def there(program: str) -> subprocess.CompletedProcess[str]:
        told = f'python3 -c "{program}" {FOLDER}/blobs; echo ended $?'
        return lab.adb("-s", left.serial, "shell", told)

    assert "ended 0" in there(TMPFS).stdout
    yield left
    assert "ended 0" in there(UNMOUNT).stdout


def test_a_phone_without_room_says_so(narrow: Plugged, way: Route, tmp_path: Path) -> None:
    large = tmp_path / "artifact"
    large.write_bytes(b"0123456789abcdef" * (4 << 16))
    with pytest.raises(BitgaugeError) as full:
        carry.carried(way, errand(tmp_path, {"artifact": large}, "-c", "pass"))
    assert full.value.code is Code.PHONE_FULL
    assert full.value.sentence == (
        f"The phone {narrow.serial} has no room for {large.stat().st_size} bytes below its folder."
    )
