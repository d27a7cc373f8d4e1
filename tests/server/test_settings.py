# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings: read, refused, documented; the configuration files that are shipped."""

from __future__ import annotations

import re

import pytest
from live import ROOT
from radicale import config

from calcore_caldav.errors import ConfigurationError
from calcore_caldav.server.assembly import settings_from
from calcore_caldav.server.configuration import native_configuration
from calcore_caldav.server.settings import NAMES, read_settings


def test_every_setting_is_documented_with_its_default():
    text = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", text, re.MULTILINE))
    assert documented.keys() == NAMES
    plain = {name: value.strip() for name, value in documented.items() if name not in {"data", "database"}}
    assert read_settings("sqlite://", plain) == read_settings("sqlite://", {})


def test_the_shipped_files_show_every_setting_and_its_default():
    text = (ROOT / "config" / "calcore.ini").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^#(\w+) = (.*)$", text, re.MULTILINE))
    assert shown.keys() >= NAMES
    plain = {name: shown[name] for name in NAMES - {"data", "database"}}
    assert read_settings("sqlite://", plain) == read_settings("sqlite://", {})


def test_the_native_file_loads(tmp_path):
    text = (ROOT / "config" / "calcore.ini").read_text(encoding="utf-8")
    file = tmp_path / "all.ini"
    file.write_text(re.sub(r"^#(\w+ = )", r"\1", text, flags=re.MULTILINE), encoding="utf-8")
    configuration = native_configuration(file, {"storage": {"database": "sqlite://"}})
    assert settings_from(configuration) == read_settings("sqlite://", {}, 10_000_000)


def test_the_vanilla_file_loads():
    configuration = config.load([(str(ROOT / "config" / "radicale.ini"), False)])
    assert settings_from(configuration).database == "sqlite:///calcore.db"
    assert configuration.get("auth", "delay") == configuration.get("server", "delay_on_error") == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("everybody_reads_free_busy", "perhaps"),
        ("inbox_days", "-1"),
        ("busy_timeout", "soon"),
        ("max_date_time", "tomorrow"),
    ],
)
def test_wrong_values_are_named(name, text):
    with pytest.raises(ConfigurationError, match=rf"\[storage\] {name} = {text}: must be "):
        read_settings("sqlite://", {name: text})
