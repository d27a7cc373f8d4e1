# SPDX-License-Identifier: GPL-3.0-or-later
"""A wrong call raises the named exception with a sentence, and changes nothing."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from calcore_caldav import cal, recurrent
from calcore_caldav.errors import InvalidCalendarData

HOUR = timedelta(hours=1)
TEN = datetime(2005, 3, 1, 10)
ALWAYS = (None, None)


@pytest.fixture
def manager():
    made = cal.StorageManager()
    storage = cal.MemoryStorage("office", timezone="Europe/Paris")
    made.setStorage(storage)
    yield made
    storage.close()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"dtstart": TEN}, "needs a duration"),
        ({"dtstart": TEN, "duration": -HOUR}, "ends before it starts"),
        ({"dtstart": date(2005, 3, 1), "duration": HOUR}, "dtstart is a datetime"),
        ({"dtstart": TEN, "duration": HOUR, "status": "MAYBE"}, "STATUS is one of"),
        ({"dtstart": TEN, "duration": HOUR, "access": "SECRET"}, "CLASS is one of"),
        ({"dtstart": TEN, "duration": HOUR, "colour": "red"}, "no attribute colour"),
        ({"dtstart": TEN, "duration": "an hour"}, "duration is a timedelta"),
        ({"dtstart": TEN, "duration": HOUR, "recurrence": "FREQ=DAILY"}, "recurrence is a rule"),
        ({"dtstart": TEN, "duration": HOUR, "categories": "HOLIDAY"}, "categories are a set"),
        ({"dtstart": TEN, "duration": HOUR, "document": "http://x\nSUMMARY:y"}, "document is a URL"),
        ({"dtstart": TEN, "duration": HOUR, "unique_id": "x\nSUMMARY:y"}, "one line of text"),
    ],
)
def test_an_event_that_makes_no_sense_is_not_created(manager, ann, arguments, sentence) -> None:
    with pytest.raises(cal.InvalidEvent, match=sentence):
        ann.createEvent(**arguments)
    assert manager.getEvents(ALWAYS) == []


def test_one_id_one_event(manager, ann) -> None:
    first = manager.createEvent("x@y", dtstart=TEN, duration=HOUR, organizer=ann, title="First")
    with pytest.raises(cal.InvalidEvent, match="already"):
        manager.createEvent("x@y", dtstart=TEN, duration=HOUR, organizer=ann, title="Second")
    assert first.title == "First"


def test_unknown_things(manager, source, ann) -> None:
    with pytest.raises(cal.UnknownEvent, match="no event 'nothing'"):
        manager.getEvent("nothing")
    with pytest.raises(KeyError):
        source.getAttendee("nobody")
    with pytest.raises(cal.UnknownStorage, match="no storage 'cellar'"):
        manager.setNewEventStorage("cellar")
    with pytest.raises(cal.UnknownStorage, match="setStorage"):
        cal.StorageManager().getEvents(ALWAYS)
    calendar = cal.Calendar(manager, source)
    with pytest.raises(cal.UnknownAttendee):
        calendar.removeAttendee(ann)
    with pytest.raises(cal.UnknownAttendee):
        calendar.import_("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n")
    assert calendar.getMainAttendee() is None


@pytest.mark.parametrize("period", [(None, TEN), (TEN, None), ALWAYS])
def test_occurrences_need_a_bounded_period(manager, ann, period) -> None:
    with pytest.raises(cal.UnboundedPeriod):
        manager.getOccurrences(period)
    with pytest.raises(cal.UnboundedPeriod):
        manager.getFreePeriods([ann], period, (time(9), time(17)))


def test_a_period_that_ends_before_it_starts(manager) -> None:
    with pytest.raises(cal.InvalidEvent, match="ends"):
        manager.getEvents((TEN, TEN - HOUR))


@pytest.mark.parametrize(
    ("period", "hours", "sentence"),
    [
        ((TEN, TEN - HOUR), (time(9), time(17)), "ends"),
        ((TEN.replace(tzinfo=UTC), TEN), (time(9), time(17)), "time zone"),
        ((TEN, TEN + HOUR), (time(17), time(9)), "hours end"),
    ],
)
def test_periods_and_hours_that_are_none(manager, ann, period, hours, sentence) -> None:
    with pytest.raises(cal.InvalidEvent, match=sentence):
        manager.getFreePeriods([ann], period, hours)


def test_hours_until_midnight(manager, ann) -> None:
    day = (datetime(2005, 3, 1), datetime(2005, 3, 2))
    assert manager.getFreePeriods([ann], day, (time(18), time(0))) == [(datetime(2005, 3, 1, 18), day[1])]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda s: s.createIndividual("ann", "Another"), "already"),
        (lambda s: s.createIndividual("a/b", "Slash"), "principal's name"),
        (lambda s: s.createIndividual("carl", "Carl", timezone="Mars/North"), "time zone"),
        (lambda s: s.createRoom("room", "Room", on_invite={"mode": "perhaps"}), "mode: is one of"),
        (lambda s: s.createResource("car", "Car", on_invite={"speed": 3}), "no such setting"),
    ],
)
def test_attendees_that_cannot_be(source, ann, make, sentence) -> None:
    with pytest.raises(cal.InvalidAttendee, match=sentence):
        make(source)
    assert source.findByName(None) == [ann]
    assert ann.getName() == "Ann"


def test_texts_are_no_attendees(manager, ann) -> None:
    event = ann.createEvent(dtstart=TEN, duration=HOUR)
    for call in (
        lambda: event.invite(["bob"]),
        lambda: event.setParticipationStatus("bob", "ACCEPTED"),
        lambda: manager.createEvent(dtstart=TEN, duration=HOUR, organizer="ann"),
        lambda: ann.createEvent(dtstart=TEN, duration=HOUR, attendees=[("bob", "CHAIR", "ACCEPTED")]),
    ):
        with pytest.raises(cal.UnknownAttendee, match="is no attendee"):
            call()
    assert manager.getEvents(ALWAYS) == [event]
    with pytest.raises(TypeError):
        assert event < TEN


def test_groups_organize_nothing(manager, source, ann) -> None:
    with pytest.raises(cal.InvalidEvent, match="GROUP has no calendar"):
        source.createGroup("team", "Team", [ann]).createEvent(dtstart=TEN, duration=HOUR)
    assert manager.getEvents(ALWAYS) == []


def test_unknown_status_and_role(ann) -> None:
    event = ann.createEvent(dtstart=TEN, duration=HOUR)
    with pytest.raises(cal.InvalidEvent, match="participation status"):
        event.setParticipationStatus(ann, "YES")
    with pytest.raises(cal.InvalidEvent, match="participation role"):
        event.setParticipationRole(ann, "BOSS")
    assert (event.getParticipationStatus(ann), event.getParticipationRole(ann)) == (
        "ACCEPTED",
        "REQ-PARTICIPANT",
    )


def test_a_deleted_event_says_so(manager, ann) -> None:
    event = ann.createEvent(dtstart=TEN, duration=HOUR)
    manager.deleteEvent(event)
    for call in (lambda: event.title, lambda: manager.deleteEvent(event), lambda: event.invite([ann])):
        with pytest.raises(cal.NotStored, match="deleted"):
            call()


def test_a_text_can_only_be_read(manager, source, ann) -> None:
    text = (
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:u\nDTSTAMP:20050101T000000Z\n"
        "DTSTART:20050301T090000Z\nDURATION:PT1H\nATTENDEE;PARTSTAT=ACCEPTED:mailto:ann@localhost\n"
        "SUMMARY:Read me\nRRULE:FREQ=DAILY;COUNT=3\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    manager.addStorage(cal.ICalendarStorage("text", text, timezone="Europe/Paris"))
    bob = source.createIndividual("bob", "Bob")
    event = manager.getEvent("u")
    assert [o.dtstart.hour for o in ann.getOccurrences((TEN, TEN + timedelta(days=9)))] == [10, 10, 10]
    assert manager.getFreePeriods(
        [ann], (datetime(2005, 3, 1), datetime(2005, 3, 2)), (time(9), time(12))
    ) == [
        (datetime(2005, 3, 1, 9), datetime(2005, 3, 1, 10)),
        (datetime(2005, 3, 1, 11), datetime(2005, 3, 1, 12)),
    ]
    for call in (
        lambda: setattr(event, "title", "No"),
        lambda: setattr(event, "dtstart", TEN),
        lambda: event.invite([bob]),
        lambda: event.setParticipationStatus(ann, "DECLINED"),
        lambda: manager.deleteEvent(event),
    ):
        with pytest.raises(cal.ReadOnlyStorage):
            call()
    manager.setNewEventStorage("text")
    with pytest.raises(cal.ReadOnlyStorage):
        ann.createEvent(dtstart=TEN, duration=HOUR)
    assert (event.title, event.getParticipationStatus(ann)) == ("Read me", "ACCEPTED")


def test_an_import_is_all_or_nothing(manager, source, ann) -> None:
    kept = ann.createEvent(dtstart=TEN, duration=HOUR, title="Kept")
    calendar = cal.Calendar(manager, source)
    calendar.addAttendee(ann)
    bad = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n"
        "BEGIN:VEVENT\r\nUID:good\r\nDTSTAMP:20050101T000000Z\r\nDTSTART:20050301T090000Z\r\nEND:VEVENT\r\n"
        "BEGIN:VEVENT\r\nUID:bad\r\nDTSTAMP:20050101T000000Z\r\nDTSTART:never\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    with pytest.raises(InvalidCalendarData):
        calendar.import_(bad)
    assert manager.getEvents(ALWAYS) == [kept]


@pytest.mark.parametrize(
    "make",
    [
        lambda: recurrent.DailyRecurrenceRule(interval=0),
        lambda: recurrent.DailyRecurrenceRule(count=0),
        lambda: recurrent.DailyRecurrenceRule(exceptions=["Monday"]),
        lambda: recurrent.WeeklyRecurrenceRule(weekdays=(7,)),
        lambda: recurrent.MonthlyRecurrenceRule(monthly="sometimes"),
        lambda: recurrent.RRule(text="COUNT=3"),
        lambda: recurrent.RRule(text="FREQ=SOMETIMES"),
    ],
)
def test_rules_that_contradict_themselves(make) -> None:
    with pytest.raises(recurrent.InvalidRule):
        make()


@pytest.mark.parametrize(
    ("rule", "start"),
    [
        (recurrent.DailyRecurrenceRule(interval=2, until=date(2005, 4, 1)), TEN),
        (recurrent.WeeklyRecurrenceRule(weekdays=(0, 1), count=4), TEN),
        (recurrent.MonthlyRecurrenceRule(monthly="monthday", exceptions=(date(2005, 4, 1),)), TEN),
        (recurrent.MonthlyRecurrenceRule(monthly="weekday", interval=3), TEN),
        (recurrent.MonthlyRecurrenceRule(monthly="lastweekday"), datetime(2005, 3, 25, 10)),
        (recurrent.YearlyRecurrenceRule(count=2), TEN),
        (recurrent.RRule(text="FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1"), TEN),
    ],
)
def test_rules_come_back_as_they_went_in(ann, rule, start) -> None:
    event = ann.createEvent(dtstart=start, duration=HOUR, recurrence=rule)
    assert event.recurrence == rule


def test_aware_times_are_exact(ann) -> None:
    event = ann.createEvent(dtstart=datetime(2005, 7, 1, 10, tzinfo=UTC), duration=HOUR)
    assert event.dtstart == datetime(2005, 7, 1, 12)


def test_a_changed_series_across_summer_time_keeps_its_hour(ann) -> None:
    event = ann.createEvent(
        dtstart=datetime(2005, 3, 21, 10), duration=HOUR, recurrence=recurrent.WeeklyRecurrenceRule(count=3)
    )
    event.title = "Still at ten"
    found = ann.getOccurrences((datetime(2005, 3, 1), datetime(2005, 5, 1)))
    assert [(o.dtstart.day, o.dtstart.hour) for o in found] == [(21, 10), (28, 10), (4, 10)]
