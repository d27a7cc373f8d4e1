# SPDX-License-Identifier: GPL-3.0-or-later
"""This and following: one meeting becomes two, and nobody is asked again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from office import Office, answered

from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.times import Period
from calcore_caldav.errors import InvalidRequest, NotPermitted, PreconditionFailed
from calcore_caldav.scheduling.conditions import Conditions

WEEKLY = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
BEGIN:VEVENT
UID:weekly
DTSTAMP:20260101T000000Z
DTSTART:20260106T100000Z
DURATION:PT1H
RRULE:FREQ=WEEKLY;COUNT=8
SUMMARY:Weekly
ORGANIZER:mailto:florent@example.com
ATTENDEE;PARTSTAT=ACCEPTED:mailto:florent@example.com
ATTENDEE;RSVP=TRUE:mailto:martijn@example.com
ATTENDEE;CUTYPE=ROOM:mailto:room1@example.com
END:VEVENT
END:VCALENDAR
"""
CUT = RecurrenceId(datetime(2026, 1, 27, 10, tzinfo=UTC))


def split(office: Office, who: str, rid: RecurrenceId = CUT, **options: object):
    office.tick()
    with office.store.write(office.actor(who)) as txn:
        principal = txn.directory.by_name(who)
        (stored,) = txn.objects.in_home_by_uid(principal, "weekly")
        return office.service.split(txn, stored, rid, **options)


def parts(office: Office, who: str) -> dict[str, tuple[int, set[str]]]:
    """Per half: how many instances, and all answers of Martijn and the room."""
    with office.store.read() as txn:
        principal = txn.directory.by_name(who)
        calendar = txn.collections.get(who, principal.default_calendar)
        found = {}
        for stored in txn.objects.all(calendar):
            obj = txn.objects.parsed(stored)
            instances = list(
                obj.recurrence().between(
                    Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)), limit=99
                )
            )
            answers = {
                f"{p.value[7:].split('@')[0]} {p.param('PARTSTAT')}"
                for c in obj.components
                for p in c.all("ATTENDEE")
                if "florent" not in p.value
            }
            key = "future" if obj.uid == "weekly" else "past"
            found[key] = (len(instances), answers)
        return found


def test_everybody_keeps_answer_and_room(office: Office) -> None:
    office.put("florent", WEEKLY)
    office.put("martijn", answered(office.copy("martijn", "weekly"), "martijn", "ACCEPTED"))
    with office.store.read() as txn:
        room = txn.directory.by_name("room1")
        before = {b.period for b in txn.bookings.all(room)}
    inbox = len(office.inbox("martijn"))
    halves = split(office, "florent")
    accepted = {"martijn ACCEPTED", "room1 ACCEPTED"}
    for who in ("florent", "martijn", "room1"):
        assert parts(office, who) == {"past": (3, accepted), "future": (5, accepted)}
    with office.store.read() as txn:
        assert {b.period for b in txn.bookings.all(room)} == before
        assert len({b.object_id for b in txn.bookings.all(room)}) == 2
    assert len(office.inbox("martijn")) == inbox
    assert halves.future.uid == "weekly"
    assert halves.past.schedule_tag not in {None, halves.future.schedule_tag}


def test_the_past_may_be_given_a_uid_that_is_free(office: Office) -> None:
    office.put("florent", WEEKLY)
    with pytest.raises(InvalidRequest, match="in use"):
        split(office, "florent", uid="weekly")
    assert split(office, "florent", uid="older").past.uid == "older"


def test_only_the_organizer_splits(office: Office) -> None:
    office.put("florent", WEEKLY)
    with pytest.raises(InvalidRequest, match="organizer"):
        split(office, "martijn")


def test_somebody_elses_calendar(office: Office) -> None:
    office.put("florent", WEEKLY)
    with office.store.write(office.actor("bob")) as txn:
        (stored,) = txn.objects.in_home_by_uid(txn.directory.by_name("florent"), "weekly")
        with pytest.raises(NotPermitted):
            office.service.split(txn, stored, CUT)


@pytest.mark.parametrize(
    "rid",
    [RecurrenceId(datetime(2026, 1, 6, 10, tzinfo=UTC)), RecurrenceId(datetime(2027, 1, 6, 10, tzinfo=UTC))],
)
def test_a_half_without_instances_is_refused_and_changes_nothing(office: Office, rid: RecurrenceId) -> None:
    office.put("florent", WEEKLY)
    before = parts(office, "florent"), parts(office, "martijn")
    with pytest.raises(InvalidRequest) as caught:
        split(office, "florent", rid)
    assert caught.value.precondition == "valid-split"
    assert (parts(office, "florent"), parts(office, "martijn")) == before


def test_conditions_hold_for_a_split(office: Office) -> None:
    office.put("florent", WEEKLY)
    with pytest.raises(PreconditionFailed):
        split(office, "florent", conditions=Conditions(if_match=('"other"',)))
