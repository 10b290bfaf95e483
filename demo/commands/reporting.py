"""Progress of a command on a terminal: one line that is written anew, or lines where standard error is a file."""

import sys


def progress(line: str) -> None:
    """Tells on standard error how far a command has come."""
    if sys.stderr.isatty():
        print(f"\r\x1b[2K{line}", end="", file=sys.stderr, flush=True)
    else:
        print(line, file=sys.stderr, flush=True)
