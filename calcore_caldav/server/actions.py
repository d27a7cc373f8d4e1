# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands with actions: `calcore-caldav COMMAND ACTION …`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from calcore_caldav.server.place import add_place_options


def add_actions(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
    command: str,
    summary: str,
    description: str,
    **layout: Any,
) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    """Add a command, and return what `add_action` adds its actions to; `layout` is for argparse."""
    parser = subparsers.add_parser(command, help=summary, description=description, **layout)
    return parser.add_subparsers(title="actions", metavar="ACTION", required=True)


def add_action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int | None],
    summary: str,
) -> argparse.ArgumentParser:
    """Add an action that `run` carries out, with the options that say where the data is."""
    made = actions.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
    add_place_options(made)
    made.set_defaults(run=run, action=name)
    return made
