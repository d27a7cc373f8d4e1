# SPDX-License-Identifier: GPL-3.0-or-later
"""What we rely on in Radicale: shapes of its methods, and the order of lock, storage and hook.

An upgrade of Radicale that changes one of these fails here, with a sentence, and not somewhere else.
"""

from __future__ import annotations

import base64
import inspect
import io
from contextlib import contextmanager

import pytest
import radicale
from office_day import DIRECTORY, meeting, monday
from radicale import app, auth, config, hook, rights, storage, web
from radicale.app.base import Access
from radicale_calcore import collection as ours
from radicale_calcore.hook import Hook
from radicale_calcore.storage import Storage

from calcore_caldav.server.assembly import close_services, services_from
from calcore_caldav.server.directory import parse_directory
from calcore_caldav.server.directory_import import import_directory

PLUGINS = {
    kind: {"type": f"radicale_calcore.{kind}"} for kind in ("auth", "storage", "rights", "hook", "web")
}


def parameters(function) -> str:
    return " ".join(name for name in inspect.signature(function).parameters if name != "self")


def test_the_version():
    assert radicale.VERSION.startswith("3.9."), "pyproject.toml pins Radicale to 3.9"


@pytest.mark.parametrize(
    "method", [name for name in dir(app.Application) if name.startswith("do_")], ids=lambda name: name[3:]
)
def test_handlers(method):
    assert parameters(getattr(app.Application, method)) == (
        "environ base_prefix path user user_groups request_info"
    ), "dav/application.py: radicale_method has to change with this"


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (storage.BaseStorage.discover, "path depth child_context_manager user_groups"),
        (storage.BaseStorage.move, "item to_collection to_href"),
        (storage.BaseStorage.create_collection, "href items props"),
        (storage.BaseStorage.acquire_lock, "mode user args kwargs"),
        (storage.BaseStorage.verify, ""),
        (storage.BaseCollection.sync, "old_token"),
        (storage.BaseCollection.get_multi, "hrefs"),
        (storage.BaseCollection.get_all, ""),
        (storage.BaseCollection.get_filtered, "filters"),
        (storage.BaseCollection.has_uid, "uid"),
        (storage.BaseCollection.upload, "href item"),
        (storage.BaseCollection.delete, "href"),
        (storage.BaseCollection.get_meta, "key"),
        (storage.BaseCollection.set_meta, "props"),
        (rights.BaseRights.authorization, "user user_groups path"),
        (auth.BaseAuth.get_external_login, "environ"),
        (auth.BaseAuth.login, "login password context"),
        (auth.BaseAuth._login, "login password"),
        (auth.BaseAuth._sleep_for_constant_exec_time, "time_ns_begin"),
        (hook.BaseHook.notify, "notification_item"),
        (web.BaseWeb.get, "environ base_prefix path user user_groups request_info"),
        (Access.__init__, "rights user user_groups path permissions_filter"),
        (app.Application._handle_request, "environ"),
    ],
)
def test_signatures(function, expected):
    assert parameters(function) == expected


def test_plugins_take_options_of_their_own():
    configuration = config.load()
    configuration.update({"storage": {"type": "radicale_calcore.storage", "database": "sqlite://"}}, "test")
    assert configuration.get("storage", "database") == "sqlite://"
    with pytest.raises(ValueError, match="Invalid section"):
        configuration.update({"calcore": {"database": "x"}}, "test")


class Vanilla:
    """Radicale's own application with our plugins, in this process; notes what happens in `steps`."""

    def __init__(self, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.configuration = config.load()
        sections = {**PLUGINS, "storage": {**PLUGINS["storage"], "database": database}}
        self.configuration.update({**sections, "server": {"delay_on_error": "0"}}, "test")
        self.services = services_from(self.configuration)
        import_directory(self.services, parse_directory(DIRECTORY, "d.toml"))
        self.steps: list[str] = []
        self._note(monkeypatch)
        self.application = app.Application(self.configuration)

    def _note(self, monkeypatch: pytest.MonkeyPatch) -> None:
        lock, upload, notify = Storage.acquire_lock, ours.Collection.upload, Hook.notify

        @contextmanager
        def noted_lock(storage, mode, user="", *args, **kwargs):
            self.steps.append(f"lock {mode}")
            try:
                with lock(storage, mode, user, *args, **kwargs):
                    yield
            except BaseException:
                self.steps.append("lock failed")
                raise
            self.steps.append("lock ends")

        def noted(name, function):
            def call(*args):
                self.steps.append(name)
                return function(*args)

            return call

        monkeypatch.setattr(Storage, "acquire_lock", noted_lock)
        monkeypatch.setattr(ours.Collection, "upload", noted("upload", upload))
        monkeypatch.setattr(Hook, "notify", noted("notify", notify))

    def __call__(self, method: str, path: str, body: str = "") -> int:
        self.steps.clear()
        status: list[str] = []
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_AUTHORIZATION": "Basic " + base64.b64encode(b"bob:bob").decode(),
            "CONTENT_LENGTH": str(len(body.encode())),
            "CONTENT_TYPE": "text/calendar",
            "wsgi.input": io.BytesIO(body.encode()),
            "wsgi.errors": io.StringIO(),
        }
        list(self.application(environ, lambda line, _headers: status.append(line)))
        return int(status[0].split()[0])


@pytest.fixture
def vanilla(tmp_path, monkeypatch):
    yield Vanilla(f"sqlite:///{tmp_path}/calcore.db", monkeypatch)
    close_services()


def test_the_order_of_a_put(vanilla):
    """The hook is called before the commit: it may only ask to be told of it."""
    assert vanilla("PUT", "/bob/calendar/a.ics", meeting("a", "bob", ["martijn"], monday(1, 9))) == 201
    assert vanilla.steps == ["lock r", "lock ends", "lock w", "upload", "notify", "lock ends"]


def test_an_error_is_returned_from_inside_the_lock(vanilla):
    """The lock ends as if all were well: only the savepoint keeps the half-done change out."""
    real = vanilla.services.calendar.engine.process

    def fails_late(txn, change):
        real(txn, change)
        raise radicale_error

    from calcore_caldav.errors import SchedulingRefused

    radicale_error = SchedulingRefused("attendee-allowed", "no")
    vanilla.services.calendar.engine.process = fails_late
    assert vanilla("PUT", "/bob/calendar/a.ics", meeting("a", "bob", ["martijn"], monday(1, 9))) == 400
    assert vanilla.steps == ["lock r", "lock ends", "lock w", "upload", "lock ends"]
    with vanilla.services.store.read() as txn:
        for name in ("bob", "martijn"):
            person = txn.directory.by_name(name)
            assert [o for c in txn.collections.of(person) for o in txn.objects.all(c)] == []


def test_another_exception_ends_the_lock_with_it(vanilla):
    def breaks(txn, change):
        raise ZeroDivisionError

    vanilla.services.calendar.engine.process = breaks
    assert vanilla("PUT", "/bob/calendar/a.ics", meeting("a", "bob", [], monday(1, 9))) == 500
    assert vanilla.steps[-2:] == ["upload", "lock failed"]


def test_a_logged_in_request_looks_for_its_principal(vanilla):
    """One read lock for each request, of which only the first element is taken."""
    assert vanilla("GET", "/bob/calendar/none.ics") == 404
    assert vanilla.steps == ["lock r", "lock ends", "lock r", "lock ends"]


def test_plugins_load_by_their_names(vanilla):
    application = vanilla.application
    for kind in ("auth", "storage", "rights", "hook", "web"):
        assert type(getattr(application, f"_{kind}")).__module__ == f"radicale_calcore.{kind}"
    assert application._hook.enabled
    assert application._validate_path_value == "minimal", "our storage takes every name"
