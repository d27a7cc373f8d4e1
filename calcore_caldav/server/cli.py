# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `calcore-caldav`."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final

from calcore_caldav import __version__
from calcore_caldav.errors import CalcoreError, DirectoryError

COMMANDS: Final = {
    "serve": "calcore_caldav.server.serve",
    "directory": "calcore_caldav.server.directory_command",
    "user": "calcore_caldav.server.user_command",
    "token": "calcore_caldav.server.token_command",
    "grant": "calcore_caldav.server.grant_command",
    "revoke": "calcore_caldav.server.grant_command",
    "grants": "calcore_caldav.server.grant_command",
    "room": "calcore_caldav.server.room_command",
    "db": "calcore_caldav.server.db_command",
}
"""Sub-commands and the modules that `register` them; a module is imported only where it's needed."""

_EPILOG: Final = """\
Try it out, with an office full of people, rooms and meetings:
  calcore-caldav serve --demo

Serve your own:
  calcore-caldav user add ann --email ann@example.com
  calcore-caldav serve
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a sub-command; returns the exit status: 0 done, 1 failed, 2 wrong call."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = _parser(arguments)
    try:
        args = parser.parse_args(arguments)
    except SystemExit as stop:
        return _status(stop)
    try:
        return args.run(args) or 0
    except DirectoryError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return 1
    except CalcoreError as error:
        print(f"calcore-caldav: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader went away (`| head`); nothing more can be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("calcore-caldav: interrupted", file=sys.stderr)
        return 1


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = Parser(
        prog="calcore-caldav",
        description="A CalDAV scheduling server whose rooms answer.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"calcore-caldav {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    wanted = [arguments[0]] if arguments and arguments[0] in COMMANDS else list(COMMANDS)
    for module in dict.fromkeys(COMMANDS[name] for name in wanted):
        importlib.import_module(module).register(subparsers)
    return parser


class Parser(argparse.ArgumentParser):
    """Says in one sentence what is wrong with a call, and where help is."""

    def error(self, message: str) -> None:  # type: ignore[override]
        """Exit with status 2."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def _status(stop: SystemExit) -> int:
    return stop.code if isinstance(stop.code, int) else int(stop.code is not None)


if __name__ == "__main__":
    sys.exit(main())
