"""Command line of the index builder: `safeclip-index COMMAND …`, or `python -m index_builder COMMAND …`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from safeclip.errors import SafeClipError

from .commands import COMMANDS
from .engines.cores import keep_freed_memory
from .flags import read_options


def main(argv: Sequence[str] | None = None, program: str = "python -m index_builder") -> int:
    """Runs a command; flags without one are those of `build`. `program` is the name in the help.

    Returns the exit status: 0, 1 for a fault (one line on stderr), 2 for a wrong call, 130 when interrupted.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    if argv[:1] in (["--help"], ["-h"]):
        print(_help(program))
        return 0
    if argv and not argv[0].startswith("-") and argv[0] not in COMMANDS:
        print(f"error: There is no command {argv[0]!r}. Commands: {', '.join(COMMANDS)}.", file=sys.stderr)
        return 2
    name = argv.pop(0) if argv and argv[0] in COMMANDS else "build"
    command, program = COMMANDS[name], f"{program} {name}"
    # A progress bar for each checkpoint's tensors helps nobody; read when transformers is imported.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    keep_freed_memory()
    epilog = command.EXAMPLES.format(program=program)
    try:
        options = read_options(command.Options, argv, program=program, summary=command.SUMMARY, epilog=epilog)
        with _interrupted_by_sigterm():
            return command.run(options)
    except SafeClipError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:  # such as a file to write that cannot be made
        print(f"error: {error.filename}: {error.strerror}." if error.filename else f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. Give the same command again to go on.", file=sys.stderr)
        return 130


@contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    """Lets SIGTERM end the block as Ctrl-C does, so that no temporary file is left behind."""
    if threading.current_thread() is not threading.main_thread():  # no other may set it
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _help(program: str) -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {command.SUMMARY}" for name, command in COMMANDS.items()]
    return "\n".join([f"usage: {program} COMMAND …", "", *lines, "", f"{program} COMMAND --help explains a command."])
