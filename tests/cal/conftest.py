# SPDX-License-Identifier: GPL-3.0-or-later
"""Attendees of the `manager` that each module has its own of."""

from __future__ import annotations

import pytest

from calcore_caldav import cal


@pytest.fixture
def source(manager):
    return cal.SimpleAttendeeSource(manager)


@pytest.fixture
def ann(source):
    return source.createIndividual("ann", "Ann")


@pytest.fixture
def bob(source):
    return source.createIndividual("bob", "Bob")
