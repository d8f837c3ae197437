"""The command ``bitgauge-agent``: run an agent on this device, or describe the device."""

from __future__ import annotations

import argparse
import asyncio
import errno
import gc
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from bitgauge.benchmarks.common.home import DEFAULT_PORT, home
from bitgauge.benchmarks.common.join_line import parse_join_line
from bitgauge.benchmarks.common.plugins import plugin_folders
from bitgauge.benchmarks.common.prctl import adopt_orphans
from bitgauge.benchmarks.sandbox.base import AUTO, levels
from bitgauge.benchmarks.sandbox.found import in_words
from bitgauge.benchmarks.vocabulary.devices import as_name, require_name
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.meters import best_meter, why_no_meter
from bitgauge.benchmarks.vocabulary.printable import printable_json, printable_lines
from bitgauge.benchmarks.vocabulary.reasons import REASONS
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription

from .config import DEFAULT_CACHE_BYTES, AgentConfig, read_token
from .host.cores import keep_to

if TYPE_CHECKING:
    from .config import Enrolment

DEFAULT_COORDINATOR = f"127.0.0.1:{DEFAULT_PORT}"
EXIT_FAILED = 1
EXIT_REFUSED = 3

_REFUSED = (
    *(Code.UNAUTHENTICATED, Code.FORBIDDEN, Code.PROTOCOL_VERSION, Code.AGENT_RUNNING),
    *(Code.SANDBOX_UNAVAILABLE, Code.SANDBOX_REQUIRED),
    *(
        Code.NAME_TAKEN,
        Code.JOIN_REFUSED,
        Code.PIN_MISMATCH,
        Code.CERTIFICATE_EXPIRED,
        Code.INSECURE_ADDRESS,
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code.

    0 ended as asked, 1 something failed, 2 wrong arguments, 3 refused: the coordinator does not
    take this agent, or another agent uses the folder.
    """
    arguments = _parser().parse_args(argv)
    try:
        if arguments.cores:
            keep_to(arguments.cores)
        if arguments.command == "describe":
            _describe(arguments)
        elif arguments.command == "doctor":
            return _doctor(arguments)
        elif arguments.command == "join":
            _join(arguments)
        else:
            _run(arguments)
    except BitgaugeError as error:
        _warn(str(error))
        return EXIT_REFUSED if error.code in _REFUSED else EXIT_FAILED
    except OSError as error:
        sys.stderr.write(f"bitgauge-agent: {error}. Check the folder given by --home.\n")
        return EXIT_FAILED
    except KeyboardInterrupt:
        return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bitgauge-agent", description="Measures what a Bitgauge coordinator asks for."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="serve a coordinator until stopped")
    run.add_argument(
        "--coordinator",
        metavar="HOST:PORT",
        help="where the coordinator listens"
        f" (default: the one that this device joined, else {DEFAULT_COORDINATOR})",
    )
    run.add_argument("--token-file", type=Path, help="default: tokens/agent in the state folder")
    join = commands.add_parser(
        "join",
        help="join a coordinator on another machine, then run",
        description="Joins with a line of `bitgauge join-line`, then runs; from then on"
        " `bitgauge-agent run` is enough. A line works once, so that nobody gains by reading it"
        " in the list of processes; with - it is read from standard input.",
    )
    join.add_argument("line", metavar="LINE", help="the whole line, or - for standard input")
    for command in (run, join):
        command.add_argument(
            "--cache-bytes",
            type=_positive,
            default=DEFAULT_CACHE_BYTES,
            metavar="N",
            help="size that the artifact cache keeps to (default: %(default)s)",
        )
        command.add_argument(
            "--pin-clocks",
            nargs="?",
            type=_clock,
            const="base",
            metavar="MHZ",
            help="lock the clock of every NVIDIA GPU while this agent runs, at its base clock"
            " unless told otherwise, and unlock it at the end; a lock of before is lost, too (needs"
            " root)",
        )
        add_sandbox_options(command)
        command.add_argument("--once", action="store_true", help="end after one job")
    describe = commands.add_parser("describe", help="print what the devices here are")
    describe.add_argument("--json", action="store_true", help="print JSON")
    doctor = commands.add_parser(
        "doctor",
        help="what stands in the way of good numbers here, and what mends it",
        description="Looks and changes nothing. Ends with 0 where there is nothing to mend, 1"
        " where there is, 3 where nothing can be measured.",
    )
    doctor.add_argument("--json", action="store_true", help="print JSON")
    doctor.add_argument("--home", type=Path, help="state folder (default: $BITGAUGE_HOME)")
    for command in (run, join, describe, doctor):
        command.add_argument(
            "--cores",
            metavar="LIST",
            default="",
            help="processors to measure on, such as 4-7 (default: all that this process may use)",
        )
    for command in (run, join, describe):
        command.add_argument("--name", help="label of the device (default: its host name)")
        command.add_argument("--home", type=Path, help="state folder (default: $BITGAUGE_HOME)")
        command.add_argument(
            "--device",
            action="append",
            default=[],
            metavar="KIND[:KEY]",
            help="what to serve, such as cpu, or one of several of a kind by its key; repeatable"
            " (default: every real device that is found)",
        )
    return parser


def add_sandbox_options(parser: argparse.ArgumentParser) -> None:
    """Options of every command that serves a coordinator."""
    parser.add_argument(
        "--sandbox",
        choices=(AUTO, *levels()),
        default=AUTO,
        help="how runs are confined (default: the strongest level that works here)",
    )
    parser.add_argument(
        "--allow-unsandboxed",
        action="store_true",
        help="where no sandbox works, run the artifacts of a coordinator on another machine all"
        " the same",
    )


def _run(arguments: argparse.Namespace) -> None:
    _quiet_grpc()
    from .connection.join import way_to

    state = arguments.home or home()
    way = way_to(arguments.coordinator, state / "agent", DEFAULT_COORDINATOR)
    token = way.enrolment.token if way.enrolment else ""
    if not token or arguments.token_file:
        token = read_token(arguments.token_file or state / "tokens" / "agent")
    _serve(arguments, way.address, token, way.enrolment)


def _join(arguments: argparse.Namespace) -> None:
    _quiet_grpc()
    from .connection.join import join

    os.umask(0o077)
    text = sys.stdin.readline() if arguments.line == "-" else arguments.line
    line = parse_join_line(text)
    state = arguments.home or home()
    enrolment = asyncio.run(join(line, state / "agent", _name(arguments.name), say))
    _serve(arguments, enrolment.coordinator, enrolment.token, enrolment)


async def _served(config: AgentConfig, say: Callable[[str], None]) -> None:
    """Serve, and end what is left while the loop still runs.

    The end may fall into the start of a child, whose transport then is garbage that closes itself
    when it is collected: after the loop that ends in a traceback.
    """
    from .service import serve

    try:
        await serve(config, say)
    finally:
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for one in rest:
            one.cancel()
        if rest:
            await asyncio.wait(rest, timeout=1.0)
        del rest
        gc.collect()
        await asyncio.sleep(0)


def _serve(
    arguments: argparse.Namespace, address: str, token: str, enrolment: Enrolment | None
) -> None:

    os.umask(0o077)  # no file is anybody else's for a moment
    try:
        adopt_orphans()
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        say("What a child leaves behind is not seen here: the emulation does not hand it over.")
    config = AgentConfig(
        coordinator=address,
        token=token,
        home=arguments.home or home(),
        name=enrolment.name if enrolment and not arguments.name else _name(arguments.name),
        devices=tuple(arguments.device),
        cache_bytes=arguments.cache_bytes,
        once=arguments.once,
        plugins=plugin_folders(),
        sandbox=arguments.sandbox,
        allow_unsandboxed=arguments.allow_unsandboxed,
        enrolment=enrolment,
        pin_clocks=arguments.pin_clocks or "",
    )
    asyncio.run(_served(config, say))


def _quiet_grpc() -> None:
    # gRPC reports every lost connection on standard error by itself; we say it once.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")


def _name(given: str | None) -> str:
    if given is None:
        return as_name(platform.node())
    require_name(given)
    return given


def _describe(arguments: argparse.Namespace) -> None:
    from .execution.attached import attached, introduced, names_of
    from .execution.probing import with_known_modes
    from .sandbox.confinement import start_box
    from .sandbox.survey import survey

    folder, plugins = (arguments.home or home()) / "agent", plugin_folders()
    found = attached(arguments.device, plugins, _warn)
    devices = []
    for one, name in zip(found, names_of(found, _name(arguments.name)), strict=True):
        own, device = introduced(one, name, folder, plugins, _warn)
        devices.append(with_known_modes(device, own))
    if arguments.json:
        text = msgspec.json.format(msgspec.json.encode(devices)).decode()
        sys.stdout.write(printable_json(text) + "\n")
    else:
        sys.stdout.write(printable_lines("\n".join(map(_as_text, devices))))
        box = start_box(folder, folder.parent, plugins)
        sys.stdout.write(f"{'sandbox':<10} {in_words(asyncio.run(survey(AUTO, box)))}\n")


def _doctor(arguments: argparse.Namespace) -> int:
    from .doctor.examination import examined, exit_code, in_words, this_machine
    from .sandbox.confinement import start_box
    from .sandbox.survey import survey

    state, plugins = arguments.home or home(), plugin_folders()
    found = asyncio.run(survey(AUTO, start_box(state / "agent", state, plugins)))
    findings = examined(this_machine(state, plugins, found.level.NAME, found.refused))
    if arguments.json:
        text = msgspec.json.format(msgspec.json.encode(findings)).decode()
        sys.stdout.write(printable_json(text) + "\n")
    else:
        sys.stdout.write(printable_lines(in_words(findings)))
    return exit_code(findings)


def _as_text(device: DeviceDescription) -> str:
    gibibytes = device.memory_bytes / 1024**3
    under = f" under {device.virtualisation}" if device.virtualisation else ""
    lines = [
        ("device", f"{device.name} ({device.device_id})"),
        ("hardware", f"{device.hardware_class.value}, {device.realness.value}{under}"),
        ("processor", f"{device.processor_model or 'unknown'}, {device.core_count} cores"),
        ("memory", f"{gibibytes:.1f} GiB"),
        ("kernel", f"{device.kernel_release} on {device.architecture}"),
        ("governor", device.governor or "not readable"),
    ]
    lines += [(one.name, one.value) for one in device.stack if one.name == "cores"]
    lines += [("runtime", f"{one.name} {one.version}") for one in device.runtimes]
    usable = [one for one in device.meters if one.reason is None]
    lines += [("meter", f"{one.name}: {one.quantity}, {one.kind}, {one.scope}") for one in usable]
    if best_meter(device.meters) is None:
        reason = why_no_meter(device.meters)
        lines.append(("meter", f"energy: {REASONS[reason]}, so energy is null ({reason})"))
    return "".join(f"{name:<10} {value}\n" for name, value in lines)


def say(line: str) -> None:
    """Prints one line with its UTC time."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    sys.stdout.write(f"{stamp} {printable_lines(line)}\n")
    sys.stdout.flush()


def _warn(line: str) -> None:
    sys.stderr.write(f"bitgauge-agent: {printable_lines(line)}\n")


def _clock(text: str) -> str:
    return text if text == "base" else str(_positive(text))


def _positive(text: str) -> int:
    value = int(text)
    if value <= 0:
        raise argparse.ArgumentTypeError("must be positive")
    return value


if __name__ == "__main__":
    sys.exit(main())
