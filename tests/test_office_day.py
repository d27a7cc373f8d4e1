# SPDX-License-Identifier: GPL-3.0-or-later
"""The day at the office against the real server process."""

from __future__ import annotations

from live import serving
from office_day import DIRECTORY, office_day


def test_a_day_at_the_office(tmp_path):
    directory = tmp_path / "office.toml"
    directory.write_text(DIRECTORY)
    with serving(tmp_path / "data", "--directory", str(directory), "--workers", "2") as (_, port):
        office_day(port)
