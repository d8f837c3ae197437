from __future__ import annotations

import re
import subprocess
import sys
import timeit
from collections import Counter
from pathlib import Path

import pytest
from bitgauge.benchmarks.common import crash
from bitgauge.benchmarks.common.crash import POINTS, VARIABLE, arm, crash_point, parse
from bitgauge.benchmarks.vocabulary.errors import BadInput

ROOT = Path(__file__).parents[3]
_HOOK = re.compile(r'crash_point\("(\w+)"\)')

PASSING = """
import sys
from pathlib import Path
from bitgauge.benchmarks.common.crash import arm, crash_point
arm(Path(sys.argv[1]))
for number in range(1, 4):
    crash_point("C1")
    print(number, flush=True)
    crash_point("C6")
"""


def passed(folder: Path, crash_at: str) -> tuple[int, str]:
    ended = subprocess.run(
        [sys.executable, "-c", PASSING, str(folder)],
        env={VARIABLE: crash_at},
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, "".join(ended.stdout.split())


def test_each_point_is_at_one_place_of_the_code() -> None:
    found: Counter[str] = Counter()
    for package in ("agents", "coordinator", "benchmarks"):
        for path in (ROOT / package).rglob("*.py"):
            found.update(_HOOK.findall(path.read_text()))
    assert found == Counter(dict.fromkeys(POINTS, 1))


@pytest.mark.parametrize("wrong", ["C0:1", "C6", "C6:0", "C6:x", "C6:1,A9:1", "C6:\u0661"])
def test_what_is_no_list_of_points_is_refused(wrong: str) -> None:
    with pytest.raises(BadInput, match=VARIABLE):
        parse(wrong)


def test_the_nth_passage_of_a_point_crashes_once(tmp_path: Path) -> None:
    assert parse("C6:2, A1:1,") == {"C6": 2, "A1": 1}
    assert passed(tmp_path, "C6:2") == (-9, "12")
    mark = tmp_path / "crash" / "C6"
    assert mark.read_text().strip().isdigit()
    assert passed(tmp_path, "C6:2") == (0, "123")
    mark.unlink()
    assert passed(tmp_path, "C1:3,C6:3") == (-9, "12")
    assert not mark.exists()
    assert passed(tmp_path, "") == (0, "123")


def test_nothing_happens_and_nothing_is_made_when_nothing_is_asked(tmp_path: Path) -> None:
    arm(tmp_path, {})
    for name in POINTS:
        crash_point(name)
    assert list(tmp_path.iterdir()) == []
    assert crash._armed.left == {}
    # One look into a dictionary: far below a microsecond, with room for a busy machine.
    assert min(timeit.repeat(lambda: crash_point("C6"), number=1000, repeat=5)) < 1e-3
