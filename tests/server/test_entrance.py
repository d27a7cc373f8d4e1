# SPDX-License-Identifier: GPL-3.0-or-later
"""What the outermost WSGI function keeps from the application, and what it hands on."""

from __future__ import annotations

import base64
import gzip
import io
import json

import pytest

from calcore_caldav.core.principals import CalendarUserType, Principal
from calcore_caldav.errors import StoreError
from calcore_caldav.server.assembly import open_services
from calcore_caldav.server.entrance import API, Entrance
from calcore_caldav.server.login import TokenLogin
from calcore_caldav.server.passwords import new_token, token_digest
from calcore_caldav.store.protocol import SYSTEM

LIMIT = 1000


class Stand:
    """An entrance with an application behind it that notes what reaches it."""

    def __init__(self) -> None:
        self.services = open_services("sqlite://")
        with self.services.store.write(SYSTEM) as txn:
            for name in ("ann", "bob"):
                txn.directory.save(Principal(0, name, CalendarUserType.INDIVIDUAL, name))
        self.seen: list[dict] = []
        self.login = TokenLogin(Basic(), self.services)
        self.entrance = Entrance(
            self.application, self.api, self.services, self.login, max_body=LIMIT, realm='Our "calendars"'
        )

    def application(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        self.seen.append({**environ, "body": body})
        start_response("200 OK", [])
        return [b"reached"]

    def api(self, environ, start_response):
        self.actor = self.login.authenticate(environ)
        start_response("200 OK" if self.actor else "401 Unauthorized", [])
        return [b"{}"]

    def call(self, path="/", body=b"", *, length=..., **environ) -> tuple[int, dict[str, str], bytes]:
        answer = []
        environ = {
            "REQUEST_METHOD": "PUT",
            "PATH_INFO": path.encode().decode("latin-1"),
            "wsgi.input": io.BytesIO(body),
            "wsgi.url_scheme": "http",
            **environ,
        }
        if length is not None:
            environ["CONTENT_LENGTH"] = str(len(body)) if length is ... else str(length)
        data = b"".join(self.entrance(environ, lambda *args: answer.extend(args)))
        return int(answer[0].split()[0]), dict(answer[1]), data

    def token(self, name: str, expires=None) -> str:
        token = new_token()
        with self.services.store.write(SYSTEM) as txn:
            txn.directory.add_token(txn.directory.by_name(name), "", token_digest(token), expires)
        return token


class Basic:
    """An authentication type without external log-in."""

    def get_external_login(self, environ):
        return ()

    def login(self, login, password, context):
        return (login, "test", set()) if password == "right" else ("", "test", set())


@pytest.fixture
def stand():
    stand = Stand()
    yield stand
    stand.services.store.close()


def basic(text: bytes) -> str:
    return "Basic " + base64.b64encode(text).decode()


def test_paths_are_unicode_behind_it(stand):
    assert stand.call("/ann/Pläne 日本/x.ics")[0] == 200
    assert stand.seen[0]["PATH_INFO"] == "/ann/Pläne 日本/x.ics"


@pytest.mark.parametrize("path", ["/\xff\xfe", "/a\0b"])
def test_broken_paths(stand, path):
    assert stand.call(PATH_INFO=path)[0] == 400
    assert not stand.seen


@pytest.mark.parametrize(
    "header",
    [
        "Basic !!!",
        "Basic",
        "Basic " + "A",
        basic(b"no colon"),
        basic(b"\xff:\xfe"),
        "Digest x=y",
        "Bearer",
        "Nonsense",
    ],
)
def test_malformed_log_ins_are_asked_again(stand, header):
    status, headers, _ = stand.call(HTTP_AUTHORIZATION=header)
    assert status == 401
    assert headers["WWW-Authenticate"] == 'Basic realm="Our calendars"'
    assert not stand.seen


def test_well_formed_credentials_pass(stand):
    assert stand.call(HTTP_AUTHORIZATION=basic(b"ann:a:b").replace("Basic", "basic"))[0] == 200
    assert stand.seen[0]["HTTP_AUTHORIZATION"] == basic(b"ann:a:b")


def test_bodies_have_their_length(stand):
    assert stand.call(body=b"hello")[0] == 200
    assert stand.seen[-1]["body"] == b"hello"
    assert stand.call(body=b"hello", length=None, HTTP_TRANSFER_ENCODING="chunked")[0] == 200
    assert (stand.seen[-1]["body"], stand.seen[-1]["CONTENT_LENGTH"]) == (b"hello", "5")
    assert stand.call(body=b"hello", length=None, SERVER_PROTOCOL="HTTP/2")[0] == 200
    assert (stand.seen[-1]["body"], stand.seen[-1]["CONTENT_LENGTH"]) == (b"hello", "5")
    for protocol in ("HTTP/1.1", "HTTP/2"):
        assert stand.call(length=None, SERVER_PROTOCOL=protocol)[0] == 200
        assert stand.seen[-1]["CONTENT_LENGTH"] == "0"


def test_a_body_that_breaks_off_is_refused(stand):
    assert stand.call(body=b"hel", length=5)[0] == 400
    assert stand.call(body=b"hello", length="5x")[0] == 400
    assert not stand.seen


def test_bodies_are_limited(stand):
    assert stand.call(body=b"x" * LIMIT)[0] == 200
    assert stand.call(body=b"x" * (LIMIT + 1))[0] == 413
    assert stand.call(body=b"x" * LIMIT, length=None, HTTP_TRANSFER_ENCODING="chunked")[0] == 200
    assert stand.call(body=b"x" * (LIMIT + 1), length=None, HTTP_TRANSFER_ENCODING="chunked")[0] == 413
    assert len(stand.seen) == 2


def test_packed_bodies_are_unpacked_up_to_the_limit(stand):
    halves = gzip.compress(b"hel") + gzip.compress(b"lo")
    for packed, inside in ((halves, b"hello"), (b"", b""), (gzip.compress(b"x" * LIMIT), b"x" * LIMIT)):
        assert stand.call(body=packed, HTTP_CONTENT_ENCODING="gzip")[0] == 200
        assert (stand.seen[-1]["body"], stand.seen[-1]["CONTENT_LENGTH"]) == (inside, str(len(inside)))
        assert "HTTP_CONTENT_ENCODING" not in stand.seen[-1]
    assert stand.call(body=gzip.compress(b"x" * (LIMIT + 1)), HTTP_CONTENT_ENCODING="gzip")[0] == 413
    for broken in (halves[:-1], halves[:30], b"hello", halves + b"x"):
        assert stand.call(body=broken, HTTP_CONTENT_ENCODING="gzip")[0] == 400
    assert len(stand.seen) == 3


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "http://cal.example:81"])
@pytest.mark.parametrize("kind", ["text/plain; charset=utf-8", "application/x-www-form-urlencoded", ""])
def test_a_page_of_another_site_posts_nothing(stand, origin, kind):
    sent = {"REQUEST_METHOD": "POST", "HTTP_HOST": "cal.example", "CONTENT_TYPE": kind}
    assert stand.call(API[0], b"{}", HTTP_ORIGIN=origin, **sent)[0] == 403
    assert not stand.seen
    assert stand.call(body=b"{}", **sent)[0] == 200
    assert stand.call(body=b"{}", HTTP_ORIGIN="https://Cal.example", **sent)[0] == 200
    behind = {**sent, "HTTP_HOST": "127.0.0.1:5232", "HTTP_X_FORWARDED_HOST": "cal.example"}
    assert stand.call(body=b"{}", HTTP_ORIGIN="https://cal.example", **behind)[0] == 200
    # A browser asks us first whether a page may send these.
    for others in ({"CONTENT_TYPE": "application/json"}, {"REQUEST_METHOD": "PUT"}):
        assert stand.call(body=b"{}", HTTP_ORIGIN=origin, **{**sent, **others})[0] == 200


def test_bearer_tokens(stand):
    assert stand.call(HTTP_AUTHORIZATION="Bearer " + stand.token("ann"))[0] == 200
    login, password = stand.login.get_external_login(stand.seen[0])
    assert stand.login.login(login, password, None)[0] == "ann"
    assert stand.call(HTTP_AUTHORIZATION="Bearer " + new_token())[0] == 401
    with stand.services.store.read() as txn:
        now = txn.now
    assert stand.call(HTTP_AUTHORIZATION="Bearer " + stand.token("ann", now))[0] == 401


def test_nobody_can_pretend_to_bear_a_token(stand):
    assert stand.login.login("ann", "ann", None)[0] == ""


def test_tokens_are_app_passwords_of_their_user_only(stand):
    token = stand.token("ann")
    assert stand.login.login("ann", token, None)[0] == "ann"
    assert stand.login.login("bob", token, None)[0] == ""
    assert stand.login.login("ann", "right", None)[0] == "ann"


def test_health(stand, monkeypatch):
    status, headers, body = stand.call("/healthz", HTTP_AUTHORIZATION="Basic !!!")
    assert (status, headers["Content-Type"], json.loads(body)) == (200, "application/json", {"status": "ok"})

    def fail():
        raise StoreError("gone")

    monkeypatch.setattr(type(stand.services.store), "ping", lambda self: fail())
    status, _, body = stand.call("/healthz")
    assert (status, json.loads(body)) == (503, {"status": "error", "detail": "gone"})
    assert not stand.seen


def test_the_json_api_is_behind_it_too(stand):
    path = "/calendar/v3/users/me/calendarList"
    assert stand.call(path, HTTP_AUTHORIZATION=basic(b"ann:right"))[0] == 200
    assert stand.actor.name == "ann"
    assert stand.call(path, HTTP_AUTHORIZATION="Bearer " + stand.token("bob"))[0] == 200
    assert stand.actor.name == "bob"
    for header in ("", basic(b"ann:wrong"), "Basic !!!", "Bearer nonsense", basic(b"nobody:right")):
        assert stand.call(path, HTTP_AUTHORIZATION=header) == (401, {}, b"{}")
    assert stand.call("/batch/calendar/v3", HTTP_AUTHORIZATION=basic(b"ann:right"))[2] == b"{}"
    assert not stand.seen
