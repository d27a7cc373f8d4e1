# SPDX-License-Identifier: GPL-3.0-or-later
"""Every setting of a room's policy has its conversation in tests/scenarios, which depends on it."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from enum import EnumMeta
from pathlib import Path
from typing import get_type_hints

import pytest
from scenario_rooms import SETTING
from test_scenarios import SCENARIOS, Scenario

from calcore_caldav.scheduling.policy import BookingPolicy

ROOMS = [path for path in SCENARIOS if path.stem.startswith("rooms-")]
CHOICES = {name: kind for name, kind in get_type_hints(BookingPolicy).items() if isinstance(kind, EnumMeta)}


def naming(setting: str) -> list[Path]:
    return [path for path in ROOMS if setting in SETTING.findall(path.read_text())]


@pytest.mark.parametrize("setting", [f.name for f in fields(BookingPolicy)])
def test_a_conversation_goes_otherwise_without_the_setting(setting):
    conversations = naming(setting)
    assert conversations, f"no tests/scenarios/rooms-*.itip sets {setting}"
    for path in conversations:
        try:
            Scenario(path.name, without=setting).run(path.read_text())
        except (AssertionError, pytest.fail.Exception):
            return
    pytest.fail(f"{', '.join(p.name for p in conversations)} would go the same way without {setting}")


@pytest.mark.parametrize("setting", sorted(CHOICES))
def test_each_choice_of_a_setting_has_its_place(setting):
    written = {
        tomllib.loads(line.strip())[setting]
        for path in naming(setting)
        for line in path.read_text().splitlines()
        if line.startswith(f"    {setting} = ")
    }
    assert written == {str(choice) for choice in CHOICES[setting]}
