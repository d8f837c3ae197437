"""Gathers an agent as wheels, for a device without internet.

    python deploy/wheelhouse.py --machine aarch64 --python 3.11 --extra onnxruntime wheelhouse

Run in an environment with the extra `coordinator`, on any machine with a package index. The folder
then holds this checkout as a wheel, all that it needs there, and pip, so that the device's Python
needs no `ensurepip`. Nothing is compiled: what has no wheel for the device is refused here and not
in the field. What to type on the device is printed at the end.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).parents[1]
OWN = "bitgauge"
OLDEST_MANYLINUX = 5
"""Minor version of glibc in the oldest tag that wheels are published for."""
GLIBC_MINOR = 31
"""Of the oldest systems that boards are sold with: Debian 11, Ubuntu 20.04."""
_NOT_BUILT = (".*", "tests", "docs", "build", "__pycache__", "*.egg-info")


@dataclass(frozen=True, slots=True)
class Target:
    """The device.

    Attributes:
        machine: as `uname -m` says it.
        python: version of its Python, as 3.11.
        glibc_minor: of its C library: 31 for 2.31.
    """

    machine: str
    python: str
    glibc_minor: int = GLIBC_MINOR

    def pip_options(self) -> list[str]:
        """What makes pip choose wheels for it."""
        minors = range(self.glibc_minor, OLDEST_MANYLINUX - 1, -1)
        tags = [f"manylinux_2_{one}_{self.machine}" for one in minors]
        platforms = [*tags, f"manylinux2014_{self.machine}"]
        return [
            *("--only-binary=:all:", "--implementation", "cp", "--python-version", self.python),
            *(word for one in platforms for word in ("--platform", one)),
        ]

    def applying(self, lines: Iterable[str], extras: Iterable[str] = ()) -> list[str]:
        """The requirements that hold there, without markers: pip would ask this machine instead.

        Args:
            lines: requirements with their markers.
            extras: of the package that requires them; those of ours may name each other.
        """
        known, found = list(lines), []
        for wanted in map(Requirement, known):
            holds = wanted.marker is None or any(
                wanted.marker.evaluate(self._environment(one)) for one in ("", *extras)
            )
            if holds and canonicalize_name(wanted.name) == OWN:
                found += self.applying(known, wanted.extras)
            elif holds:
                wanted.marker = None
                found.append(str(wanted))
        return found

    def constraints(self) -> list[str]:
        """What was tested together, as far as it is for this device."""
        lines = (ROOT / "constraints.txt").read_text().splitlines()
        return self.applying(line for line in lines if line and not line.startswith("#"))

    def _environment(self, extra: str) -> dict[str, str]:
        return {
            "extra": extra,
            "platform_machine": self.machine,
            "python_version": self.python,
            "python_full_version": f"{self.python}.0",
        }


def pip(*arguments: str) -> None:
    """Run pip of this environment.

    Raises:
        SystemExit: it failed; with its last line.
    """
    command = [sys.executable, "-m", "pip", arguments[0], "-q", "--disable-pip-version-check"]
    done = subprocess.run([*command, *arguments[1:]], capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
        raise SystemExit("\n".join(said) or done.stderr)


def own_wheel(folder: Path) -> Path:
    """This checkout as it would be published, in place of an older one.

    It is built in a copy, so that nothing is left here.
    """
    for older in folder.glob(f"{OWN}-*.whl"):
        older.unlink()
    with tempfile.TemporaryDirectory() as place:
        source = Path(place, "source")
        shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*_NOT_BUILT))
        pip("wheel", "--no-deps", "-w", str(folder), str(source))
    (wheel,) = folder.glob(f"{OWN}-*.whl")
    return wheel


def metadata(wheel: Path) -> Message:
    """What a wheel says of itself."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        return HeaderParser().parsestr(archive.read(name).decode())


def required(wheel: Path) -> list[str]:
    """The requirements of a wheel, with their markers."""
    return metadata(wheel).get_all("Requires-Dist") or []


def gather(folder: Path, target: Target, extras: Sequence[str]) -> None:
    """Fill a folder with all that an agent needs on a device.

    Raises:
        SystemExit: something has no wheel for it, no index answers, or there is no such extra.
    """
    folder.mkdir(parents=True, exist_ok=True)
    own = own_wheel(folder)
    unknown = {*extras} - {*(metadata(own).get_all("Provides-Extra") or ())}
    if unknown:
        raise SystemExit(f"There is no extra {', '.join(sorted(unknown))}: see pyproject.toml.")
    wanted = ["pip", *target.applying(required(own), extras)]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as pins:
        pins.write("\n".join(target.constraints()))
        pins.flush()
        options = ("-d", str(folder), "-c", pins.name, "--find-links", str(folder))
        while wanted:
            pip("download", *target.pip_options(), *options, *wanted)
            wanted = list(_absent(folder, target))


def _absent(folder: Path, target: Target) -> Iterator[str]:
    """What is required on the device alone: pip asks this machine, and so left it out."""
    wheels = sorted(folder.glob("*.whl"))
    there = {parse_wheel_filename(one.name)[0] for one in wheels}
    for wheel in wheels:
        for line in target.applying(required(wheel)):
            if canonicalize_name(Requirement(line).name) not in there:
                yield line


def installation(folder: str, names: Iterable[str], place: str, extras: Sequence[str]) -> list[str]:
    """The lines that install it on the device.

    Args:
        folder: of the wheels, as the device names it.
        names: of the wheels.
        place: where the agent's environment is made.
        extras: as it was gathered with.
    """
    (own_pip,) = (one for one in names if one.startswith("pip-"))
    chosen = f"[{','.join(extras)}]" if extras else ""
    return [
        f"python3 -m venv --without-pip {place}",
        f"{place}/bin/python {folder}/{own_pip}/pip install --no-compile --no-index"
        f" --find-links {folder} '{OWN}{chosen}'",
    ]


def main(argv: Sequence[str] | None = None) -> None:
    """Gather, and print what to type on the device."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the wheels are put")
    parser.add_argument("--machine", default="aarch64", help="as uname -m says (%(default)s)")
    parser.add_argument("--python", default="3.11", help="version on the device (%(default)s)")
    parser.add_argument(
        "--glibc",
        type=int,
        default=GLIBC_MINOR,
        metavar="MINOR",
        help="of the device's C library: 31 for 2.31 (%(default)s)",
    )
    parser.add_argument(
        "--extra", action="append", default=[], help="a runtime, such as onnxruntime; repeatable"
    )
    told = parser.parse_args(argv)
    target = Target(told.machine, told.python, told.glibc)
    gather(told.folder, target, told.extra)
    wheels = sorted(told.folder.glob("*.whl"))
    size = sum(one.stat().st_size for one in wheels) / 1e6
    print(
        f"{told.folder}: {len(wheels)} wheels, {size:.0f} MB, for {target.machine},"
        f" Python {target.python}, glibc 2.{target.glibc_minor} or later."
        " With this folder on the device:"
    )
    names = [one.name for one in wheels]
    for line in installation(told.folder.name, names, "/opt/bitgauge", told.extra):
        print(f"  {line}")


if __name__ == "__main__":
    main()
