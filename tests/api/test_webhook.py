# SPDX-License-Identifier: GPL-3.0-or-later
"""Where webhooks may be: users choose addresses that the server calls from inside its network."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from google_office import Office

from calcore_caldav.api import watch, webhook
from calcore_caldav.api.webhook import is_callable, is_public, post_empty
from calcore_caldav.scheduling.worker import Worker

PLACES = {
    # Address: whether it is called at all, whether without private_webhooks.
    "93.184.215.14": (True, True),
    "2606:2800:21f:cb07:6820:80da:af6b:8b2c": (True, True),
    "127.0.0.1": (True, False),
    "10.1.2.3": (True, False),
    "192.168.1.1": (True, False),
    "100.64.0.1": (True, False),
    "::1": (True, False),
    "fd00::1": (True, False),
    "::ffff:127.0.0.1": (True, False),
    "169.254.169.254": (False, False),
    "::ffff:169.254.169.254": (False, False),
    "fe80::1": (False, False),
    "0.0.0.0": (False, False),
    "::": (False, False),
    "224.0.0.1": (False, False),
    "255.255.255.255": (False, False),
}


@pytest.mark.parametrize("address", PLACES)
def test_addresses(address: str) -> None:
    assert (is_callable(address), is_public(address)) == PLACES[address]


@pytest.fixture
def hook() -> Iterator[tuple[str, list[str]]]:
    calls: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            calls.append(self.headers["X-Goog-Channel-ID"])
            self.send_response(302 if self.path == "/moved" else 204)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}", calls
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_calls(hook: tuple[str, list[str]]) -> None:
    url, calls = hook
    assert post_empty(url, {"X-Goog-Channel-ID": "a"}) == 204
    assert post_empty(f"{url}/moved", {"X-Goog-Channel-ID": "b"}) == 302
    with pytest.raises(OSError, match="no address that may be called"):
        post_empty(url, {"X-Goog-Channel-ID": "c"}, allowed=is_public)
    assert calls == ["a", "b"]


def test_a_name_with_forbidden_addresses_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", ("169.254.169.254", 80))]
    monkeypatch.setattr(webhook.socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(webhook.socket, "create_connection", lambda *_, **__: pytest.fail("called"))
    with pytest.raises(OSError, match="no address that may be called"):
        post_empty("http://metadata.example.com/", {})


@pytest.mark.parametrize("private", [True, False])
def test_the_setting(hook: tuple[str, list[str]], private: bool) -> None:
    url, calls = hook
    office = Office(private_webhooks=private)
    office.client("ann").events().watch(
        calendarId="primary", body={"id": "c1", "type": "web_hook", "address": url}
    ).execute()
    office.tick(seconds=10)
    Worker(office.store, office.settings, watch.handlers(office.store)).run_due()
    office.store.close()
    assert calls == (["c1"] if private else [])
