"""The command `bitgauge`. Thin: each command unpacks what was typed, calls, and prints.

Nothing heavy is imported before a command needs it, so that queries answer at once. An error
is one line on stderr; only a defect writes a traceback, and that goes to a log file.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
import traceback
from pathlib import Path
from types import ModuleType

import typer
from bitgauge.benchmarks.common.plugins import Kind, find

from .common import INTERRUPTED, Interrupted, Json, answer, say, unfolded

USAGE_ERROR = 2

app = typer.Typer(
    name="bitgauge",
    help="Measure quantized models on the hardware they will run on, and ask which format to ship.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _commands() -> list[ModuleType]:
    """Every module with commands, in the order of the help: this folder's, and plug-ins."""
    ours = [
        importlib.import_module(f"{__package__}.{path.stem}")
        for path in Path(__file__).parent.glob("[!_]*")
        if path.stem != "app" and (path.suffix == ".py" or (path / "__init__.py").exists())
    ]
    more = find(Kind("commands", ("PLACE", "COMMANDS")))
    for problem in more.problems:
        say(problem)
    found = [*(one for one in ours if hasattr(one, "COMMANDS")), *more.modules.values()]
    return sorted(found, key=lambda one: int(one.PLACE))


for module in _commands():
    for one in module.COMMANDS:
        if isinstance(one, typer.Typer):
            app.add_typer(one, name=one.info.name)
        else:
            app.command(one.__name__.replace("_", "-"))(unfolded(one))


_HOLDERS = frozenset(
    one.name
    for one in app.registered_groups
    if one.typer_instance is not None and one.typer_instance.info.no_args_is_help is True
)
"""Words that do nothing by themselves."""


@app.command()
def version(*, json: Json = False) -> None:
    """Print the version of Bitgauge and of its contract.

    Example: bitgauge version
    """
    from importlib.metadata import version as installed

    from bitgauge.benchmarks.common.agreement import PROTOCOL_VERSION

    found = {"bitgauge": installed("bitgauge"), "protocol": PROTOCOL_VERSION}
    answer(found, lambda _: f"bitgauge {found['bitgauge']}, protocol {PROTOCOL_VERSION}", json=json)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    sys.exit(run_command_line(sys.argv[1:] if arguments is None else arguments))


def run_command_line(arguments: list[str]) -> int:
    """Run one command; every way it can end becomes an exit code and at most one line.

    Args:
        arguments: what follows the word `bitgauge`.

    Returns:
        0 done, 1 something failed, 2 bad input, 130 Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a micro sign gets a question mark, not an error.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        code = app(_helped(arguments), prog_name="bitgauge", standalone_mode=False)
        sys.stdout.flush()
        if code == INTERRUPTED:  # Typer makes this of a Ctrl-C that no command took
            say("Interrupted.")
        return code if isinstance(code, int) else 0
    except Interrupted as interrupted:
        say(str(interrupted))
        return INTERRUPTED
    except (KeyboardInterrupt, typer.Abort):
        say("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader went away, as `| head` does; Python would complain again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # the edge: one sentence for everything
        return _explain(error, arguments)


def _helped(arguments: list[str]) -> list[str]:
    """What was typed; of a word that only holds commands, and of nothing, the help."""
    alone = not arguments or (len(arguments) == 1 and arguments[0] in _HOLDERS)
    return [*arguments, "--help"] if alone else arguments


def _explain(error: Exception, arguments: list[str]) -> int:
    from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, NotFound

    if isinstance(error, BitgaugeError):
        say(f"error: {error}")
        usage = isinstance(error, (BadInput, NotFound)) or error.code is Code.NO_MATCHING_DEVICE
        return USAGE_ERROR if usage else 1
    # Typer's own errors; their class is public in no version that we accept.
    formatted = getattr(error, "format_message", None)
    if callable(formatted):
        message = " ".join(str(formatted()).split()).rstrip(".")
        end = "" if message.endswith("?") else "."
        say(f"error: {message}{end} Run `{_command_of(arguments)} --help` for what it takes.")
        return USAGE_ERROR
    say(f"error: The command failed by a defect of Bitgauge; {_written(error)}")
    return 1


def _command_of(arguments: list[str]) -> str:
    known = {
        info.name or getattr(info.callback, "__name__", "") for info in app.registered_commands
    }
    known |= {group.name or "" for group in app.registered_groups}
    named = arguments[0] if arguments and arguments[0] in known else ""
    return f"bitgauge {named}".strip()


def _written(error: Exception) -> str:
    """Put the traceback of a defect into a log and say where it is."""
    from bitgauge.benchmarks.common.home import home

    folder = home() / "logs"
    path = folder / f"cli-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.log"
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError:
        return f"its log could not be written to {folder}: {error}"
    return f"{path} has the details. Please report it with that log."


if __name__ == "__main__":
    main()
