# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that asks nobody for a password."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from client import DavClient

from calcore_caldav.server.assembly import build_wsgi, close_services
from calcore_caldav.server.configuration import native_configuration


@pytest.fixture(scope="module")
def ann(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DavClient]:
    """The client of Ann, whose calendars the tests of a module share."""
    database = tmp_path_factory.mktemp("ann") / "calcore.db"
    configuration = native_configuration(
        None, {"storage": {"database": f"sqlite:///{database}"}, "auth": {"type": "none"}}
    )
    yield DavClient(build_wsgi(configuration), "ann")
    close_services()
