# SPDX-License-Identifier: GPL-3.0-or-later
"""An office behind the whole WSGI stack, and its people's clients."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from client import DavClient
from dav_server import Server

from calcore_caldav.server.assembly import close_services


@pytest.fixture
def server(tmp_path):
    yield Server(tmp_path)
    close_services()


@pytest.fixture
def client(server) -> Callable[[str | None], DavClient]:
    return server.client


@pytest.fixture
def alice(server) -> DavClient:
    return server.client("alice")


@pytest.fixture
def bob(server) -> DavClient:
    return server.client("bob")
