# SPDX-License-Identifier: GPL-3.0-or-later
"""One office per test, and its people's clients."""

from __future__ import annotations

import pytest
from google_office import Office


@pytest.fixture
def office():
    made = Office()
    yield made
    made.store.close()


@pytest.fixture
def ann(office):
    return office.client("ann")


@pytest.fixture
def bob(office):
    return office.client("bob")
