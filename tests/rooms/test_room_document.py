# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/rooms.md names every setting with its default, and every reason."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from calcore_caldav.errors import DirectoryError
from calcore_caldav.scheduling.policy import BookingPolicy, Mode
from calcore_caldav.scheduling.request import Reason

TEXT = (Path(__file__).parents[2] / "docs" / "rooms.md").read_text(encoding="utf-8")
ROWS = {m[1]: (m[2], m[3]) for m in re.finditer(r"^\| `(\w+)` \| (.+?) \| (.+) \|$", TEXT, re.MULTILINE)}


@pytest.mark.parametrize("setting", sorted(BookingPolicy().shown()))
def test_every_setting_stands_there_with_its_default(setting):
    assert setting in ROWS, f"{setting} has no row"
    default, _ = ROWS[setting]
    value = BookingPolicy().shown()[setting]
    if setting == "past_grace":
        return
    written = default.strip("`")
    shown = tomllib.loads(f"v = {written}")["v"] if written != "1/3" else "1/3"
    assert BookingPolicy.of({setting: shown}) == BookingPolicy(), default
    assert shown == value or BookingPolicy.of({setting: value}) == BookingPolicy()


@pytest.mark.parametrize("setting", sorted(ROWS.keys() & BookingPolicy().shown().keys()))
def test_every_example_is_right(setting):
    examples = re.findall(rf"`({setting} = [^`]+)`", ROWS[setting][1].rpartition("|")[2])
    assert examples, f"{setting} has no example"
    for example in examples:
        found = tomllib.loads(example)
        needs = {
            "request": {"book": ["ann"]},
            "enforce_capacity": {"capacity": 8},
            "approvers": {"mode": "approval"},
        }
        needs |= {key: {"mode": "approval"} for key in ("approval_timeout", "approval_timeout_action")}
        needs |= {key: {"release": True} for key in (n for n in ROWS if n.startswith("release_"))}
        try:
            BookingPolicy.from_mapping({**needs.get(setting, {}), **found})
        except DirectoryError as error:
            pytest.fail(f"{example}: {error}")


def test_every_mode_and_every_reason_is_explained():
    missing = [m for m in Mode if f"| `{m}` |" not in TEXT]
    silent = {Reason.FREE, Reason.PAST, Reason.KEPT}
    missing += [r for r in Reason if r not in silent and f"`{r}`" not in TEXT]
    assert missing == []


def test_the_example_room_is_right():
    table = tomllib.loads(re.search(r"```toml\n(.+?)```", TEXT, re.DOTALL)[1])
    BookingPolicy.from_mapping(table["principal"][0]["booking"])
