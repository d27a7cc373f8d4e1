# SPDX-License-Identifier: GPL-3.0-or-later
"""Ids, tokens, masks, times and fields: what goes in comes out."""

from __future__ import annotations

import contextlib
import string
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calcore_caldav.api.fields import FLAGS
from calcore_caldav.api.identifiers import (
    event_id,
    instance_id,
    is_client_id,
    new_id,
    parse_event_id,
    resource_name,
)
from calcore_caldav.api.moments import from_json, parse_time, to_json
from calcore_caldav.api.partial import masked, parse_mask
from calcore_caldav.api.people import Frame
from calcore_caldav.api.problems import ApiProblem
from calcore_caldav.api.resource import series_json
from calcore_caldav.api.schemas import EVENT, check
from calcore_caldav.api.tokens import PageToken, SyncPoint
from calcore_caldav.api.writing import merged, new_calendar, new_component, write_event
from calcore_caldav.core import content
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.limits import Limits
from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.times import TimezoneResolver
from calcore_caldav.store.protocol import StoredObject

NOW = datetime(2011, 5, 20, 8, 0, tzinfo=UTC)
OWNER = Principal(
    1, "ann", CalendarUserType.INDIVIDUAL, "Ann", (CalendarUserAddress("mailto:ann@example.com"),)
)
FRAME = Frame(OWNER, UTC, lambda _: None)
ZONES = ["UTC", "Europe/Paris", "America/Los_Angeles", "Asia/Kolkata", "Australia/Lord_Howe"]

names = st.one_of(
    st.text("abcuv019", min_size=1, max_size=20).map("{}.ics".format),
    st.text(st.characters(exclude_characters="/", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40),
)
rids = st.one_of(
    st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(
        lambda d: RecurrenceId(d.replace(microsecond=0, tzinfo=UTC))
    ),
    st.dates(datetime(1970, 1, 1).date(), datetime(2100, 1, 1).date()).map(RecurrenceId),
)


@given(names, names)
def test_ids_name_one_resource_each(first, second):
    assert resource_name(event_id(first)) == first
    assert (event_id(first) == event_id(second)) is (first == second)
    assert set(event_id(first)) <= set(string.digits + "abcdefghijklmnopqrstuv")


@given(names, rids)
def test_instance_ids(name, rid):
    assert parse_event_id(instance_id(event_id(name), rid)) == (name, rid)


@given(st.text(max_size=40))
def test_whatever_is_no_id_is_none(text):
    parsed = parse_event_id(text)
    if parsed is not None:
        back = event_id(parsed.name)
        assert text == (back if parsed.rid is None else instance_id(back, parsed.rid))


def test_new_ids():
    assert is_client_id(new_id())
    assert new_id() != new_id()


instants = st.datetimes(datetime(1980, 1, 1), datetime(2037, 1, 1)).map(
    lambda d: d.replace(microsecond=0, tzinfo=UTC)
)


@given(instants, st.sampled_from(ZONES))
def test_times(instant, name):
    zone = UTC if name == "UTC" else ZoneInfo(name)
    shown = to_json(instant.astimezone(zone), UTC, None)
    prop = from_json("DTSTART", shown, UTC, "start", recurring=True)
    resolver = TimezoneResolver(content.Component("VCALENDAR"), UTC)
    assert resolver.instant(resolver.value(prop)) == instant
    assert parse_time(shown["dateTime"], "start") == instant


@given(instants, st.sampled_from(ZONES), st.sampled_from(ZONES))
def test_shown_in_another_zone(instant, own, asked):
    shown = to_json(instant.astimezone(ZoneInfo(own)), UTC, ZoneInfo(asked))
    assert parse_time(shown["dateTime"], "start") == instant
    assert shown["timeZone"] == own


text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(str.strip)
lines = st.lists(text, min_size=1, max_size=3).map("\n".join)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def events(draw):
    zone = draw(st.sampled_from(ZONES))
    start = draw(instants).astimezone(UTC if zone == "UTC" else ZoneInfo(zone))
    end = start + timedelta(minutes=draw(st.integers(0, 3000)))
    made = {"start": to_json(start, UTC, None), "end": to_json(end, UTC, None)}
    if draw(st.booleans()):
        days = draw(st.integers(1, 5))
        made = {
            "start": {"date": start.date().isoformat()},
            "end": {"date": (start.date() + timedelta(days=days)).isoformat()},
        }
    optional = {
        "summary": lines,
        "description": lines,
        "location": lines,
        "status": st.sampled_from(["confirmed", "tentative"]),
        "visibility": st.sampled_from(["public", "private", "confidential"]),
        "transparency": st.just("transparent"),
        "colorId": st.sampled_from([str(n) for n in range(1, 12)]),
        "recurrence": st.just(["RRULE:FREQ=DAILY;COUNT=3"]),
        "conferenceData": st.dictionaries(text, json_values, min_size=1, max_size=3),
        "gadget": st.dictionaries(text, json_values, min_size=1, max_size=3),
        "extendedProperties": st.fixed_dictionaries(
            {"private": st.dictionaries(text, lines, min_size=1, max_size=3)}
        ),
        "source": st.fixed_dictionaries({"url": st.just("https://example.com/x?y=1,2;3"), "title": text}),
        "reminders": st.one_of(
            st.just({"useDefault": False}),
            st.lists(
                st.sampled_from([("popup", 5), ("email", 10), ("popup", 0)]),
                min_size=1,
                max_size=3,
                unique=True,
            ).map(
                lambda chosen: {
                    "useDefault": False,
                    "overrides": [{"method": m, "minutes": n} for m, n in chosen],
                }
            ),
        ),
        "attendees": st.lists(st.sampled_from(["a@x.org", "b@x.org"]), min_size=1, unique=True).map(
            lambda emails: [{"email": e, "responseStatus": "tentative"} for e in emails]
        ),
        **{name: st.just(not default) for name, (_, default) in FLAGS.items()},
    }
    return made | draw(st.fixed_dictionaries({}, optional=optional))


def stored(obj: CalendarObject) -> StoredObject:
    return StoredObject(
        id=1, collection_id=1, path="/ann/calendar/abcde.ics", name="abcde.ics", uid=obj.uid, component="VEVENT",
        etag=obj.etag, schedule_tag=None, organizer=None, size=len(obj.body), content_type="text/calendar",
        revision=1, created=NOW, modified=NOW,
    )  # fmt: skip


def write(body) -> CalendarObject:
    check(body, EVENT)
    component = new_component("uid", NOW)
    resolver = TimezoneResolver(content.Component("VCALENDAR", (), (component,)), UTC)
    calendar = new_calendar([write_event(component, {}, body, FRAME, resolver)])
    return CalendarObject.parse(calendar.to_bytes(), limits=Limits())


@given(events())
@settings(max_examples=60, deadline=None)
def test_events_round_trip(body):
    obj = write(body)
    shown = series_json(stored(obj), obj, FRAME)
    for name, value in body.items():
        if name == "attendees":
            assert [a["email"] for a in shown[name]] == [a["email"] for a in value]
        elif name == "reminders":
            by_name = [sorted(map(str, r.get("overrides", ()))) for r in (shown[name], value)]
            assert by_name[0] == by_name[1]
            assert shown[name]["useDefault"] is value["useDefault"]
        else:
            assert shown[name] == value, name


@given(events(), events())
@settings(max_examples=60, deadline=None)
def test_updates_write_what_differs_and_nothing_else(first, second):
    obj = write(first)
    master = obj.master
    shown = series_json(stored(obj), obj, FRAME)
    assert write_event(master, shown, shown, FRAME, obj.zones) == master
    assert write_event(master, shown, merged(shown, {}), FRAME, obj.zones) == master
    if "recurrence" not in second:
        second = second | {"recurrence": None}
    after = write_event(master, shown, merged(shown, second), FRAME, obj.zones)
    changed = CalendarObject.parse(new_calendar([after]).to_bytes(), limits=Limits())
    seen = series_json(stored(changed), changed, FRAME)
    for name in ("summary", "description", "location", "start", "end", "status", "visibility"):
        expected = second.get(name, shown.get(name))
        assert seen.get(name) == expected, name


@given(st.text(max_size=60), st.text(max_size=8))
def test_tokens_from_anywhere(text, digest):
    with pytest.raises(ApiProblem) as caught:
        PageToken.parse(text, digest)
    assert caught.value.status == 400
    with pytest.raises(ApiProblem) as caught:
        SyncPoint.parse(text, "epoch", 1, digest)
    assert caught.value.status == 410


@given(st.lists(st.integers() | text, max_size=4), st.integers(0, 2**40))
def test_tokens_round_trip(key, revision):
    token = PageToken("digest", tuple(key), revision)
    assert PageToken.parse(str(token), "digest") == token
    point = SyncPoint("epoch", 3, revision, "digest", ("2011-01-01T00:00:00Z", None))
    assert SyncPoint.parse(str(point), "epoch", 3, "digest") == point


@given(st.text("abc(),/* ", max_size=20))
def test_masks_are_understood_or_refused(text):
    with contextlib.suppress(ApiProblem):
        assert masked({"a": 1}, parse_mask(text)) in ({"a": 1}, {})


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ("a", {"a": {"b": 1, "c": [{"d": 2, "e": 3}]}}),
        ("a/b", {"a": {"b": 1}}),
        ("a(b,c/d),x", {"a": {"b": 1, "c": [{"d": 2}]}, "x": 4}),
        ("*", {"a": {"b": 1, "c": [{"d": 2, "e": 3}]}, "x": 4}),
        ("a/c(e)", {"a": {"c": [{"e": 3}]}}),
        ("a/b,a/c/d", {"a": {"b": 1, "c": [{"d": 2}]}}),
    ],
)
def test_masks(mask, expected):
    value = {"a": {"b": 1, "c": [{"d": 2, "e": 3}]}, "x": 4}
    assert masked(value, parse_mask(mask)) == expected
