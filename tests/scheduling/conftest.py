# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator

import pytest
from office import Office


@pytest.fixture
def office() -> Iterator[Office]:
    made = Office()
    yield made
    made.store.close()
