# SPDX-License-Identifier: GPL-3.0-or-later
"""The OpenAPI document, and what happens to requests made of it at random: never a 5xx."""

from __future__ import annotations

import json
import re

import pytest
import schemathesis
from google_office import Office, discovery
from hypothesis import HealthCheck, settings

from calcore_caldav.api.application import ROOT
from calcore_caldav.api.openapi import openapi_document
from calcore_caldav.api.routes import ROUTES

OFFICE = Office()
SERIES = {
    "id": "series",
    "start": {"dateTime": "2011-06-01T10:00:00Z", "timeZone": "Europe/Paris"},
    "end": {"dateTime": "2011-06-01T11:00:00Z", "timeZone": "Europe/Paris"},
    "recurrence": ["RRULE:FREQ=DAILY"],
    "attendees": [{"email": "bob@example.com"}],
}


def application(environ, start_response):
    # Some requests should find something.
    path = re.sub(r"(?<=/calendars/)[^/]+", "primary", environ["PATH_INFO"])
    path = re.sub(r"(?<=/events/)(?!import$|quickAdd$|watch$)[^/]+", "series_20110603T100000Z", path)
    environ = dict(environ, **{"test.user": "ann"})
    if len(environ["PATH_INFO"]) % 2:
        environ["PATH_INFO"] = path
    return OFFICE.application(environ, start_response)


schema = schemathesis.openapi.from_wsgi(f"{ROOT}/openapi.json", application)


@schema.parametrize()
@settings(
    max_examples=10, deadline=None, suppress_health_check=[*HealthCheck], derandomize=True, database=None
)
def test_no_request_breaks_the_server(case) -> None:
    if not OFFICE.stored("ann"):
        OFFICE.ask("POST", "calendars/primary/events", SERIES)
    response = case.call()
    answer = json.loads(response.content) if response.content else {}
    assert response.status_code < 500 or response.status_code == 501, answer
    if response.status_code >= 400:
        assert answer["error"]["code"] == response.status_code
        assert answer["error"]["errors"][0]["reason"]


def test_all_methods_of_googles_document_are_there() -> None:
    known = {
        f"{name}.{method}"
        for name, r in json.loads(discovery())["resources"].items()
        for method in r["methods"]
    }
    assert {route.id for route in ROUTES} - known == {"events.split", "events.checkIn"}
    assert known - {route.id for route in ROUTES} == set()


def test_paths_and_methods_are_googles() -> None:
    methods = {
        f"{name}.{method}": (m["httpMethod"], m["path"])
        for name, r in json.loads(discovery())["resources"].items()
        for method, m in r["methods"].items()
    }
    for route in ROUTES:
        if route.id in methods:
            assert methods[route.id] == (route.method, route.path)


def test_document_names_the_server() -> None:
    document = openapi_document("https://example.com/calendar/v3")
    assert document["servers"] == [{"url": "https://example.com/calendar/v3"}]
    refs = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))
    assert refs <= set(document["components"]["schemas"])


@pytest.mark.parametrize(
    ("said", "url"),
    [
        ({}, "http://127.0.0.1:5232"),
        ({"HTTP_X_FORWARDED_PROTO": "https"}, "https://127.0.0.1:5232"),
        (
            {"HTTP_X_FORWARDED_HOST": "cal.example, in", "HTTP_X_FORWARDED_PROTO": "https, http"},
            "https://cal.example",
        ),
    ],
)
def test_behind_a_proxy_the_server_has_its_name(said, url) -> None:
    asked = {"REQUEST_METHOD": "GET", "PATH_INFO": f"{ROOT}/openapi.json", "HTTP_HOST": "127.0.0.1:5232"}
    body = b"".join(application({**asked, "wsgi.url_scheme": "http", **said}, lambda *answer: None))
    assert json.loads(body)["servers"] == [{"url": f"{url}/calendar/v3"}]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.id)
def test_every_method_says_what_it_does(route) -> None:
    assert route.said or route.handle.__doc__
