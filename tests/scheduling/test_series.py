# SPDX-License-Identifier: GPL-3.0-or-later
"""Recurring meetings: every instance has its own answers (RFC 5546 §3.2, RFC 6638 §3.2)."""

from __future__ import annotations

import pytest
from office import Office, answered, attendee, calendar, event, invite

from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.errors import InvalidCalendarData, SchedulingRefused

WEEKLY = {"RRULE": "FREQ=WEEKLY;COUNT=5"}
FIRST, SECOND, THIRD = "20260112T100000Z", "20260119T100000Z", "20260126T100000Z"


def rid(text: str) -> RecurrenceId:
    return RecurrenceId.parse(text)


def test_declining_one_instance(office: Office):
    office.put("florent", invite("florent", "martijn", "bob", **WEEKLY))
    office.put("martijn", answered(office.copy("martijn"), "martijn", "ACCEPTED"))
    office.put("martijn", answered(office.copy("martijn"), "martijn", "DECLINED", SECOND))
    assert office.answers("florent", "martijn") == {"": "ACCEPTED", SECOND: "DECLINED"}
    assert office.methods("florent") == ["REPLY", "REPLY"]
    office.rest()
    assert office.answers("bob", "martijn") == {"": "ACCEPTED", SECOND: "DECLINED"}
    assert office.methods("bob") == ["REQUEST"]


def test_deleting_one_instance_declines_it(office: Office):
    office.put("florent", invite("florent", "martijn", **WEEKLY))
    office.put("martijn", answered(office.copy("martijn"), "martijn", "ACCEPTED"))
    text = office.copy("martijn").body.decode().replace("SUMMARY", f"EXDATE:{SECOND}\r\nSUMMARY")
    office.put("martijn", text)
    assert office.answers("florent", "martijn") == {"": "ACCEPTED", SECOND: "DECLINED"}
    office.put(
        "florent",
        calendar(
            event("florent", "martijn;PARTSTAT=ACCEPTED", SUMMARY="New", **WEEKLY),
            event(
                "florent", "martijn;PARTSTAT=DECLINED", SUMMARY="New", DTSTART=SECOND, RECURRENCE_ID=SECOND
            ),
        ),
    )
    copy = office.copy("martijn")
    assert copy.master.text("SUMMARY") == "New"
    assert not copy.overrides
    assert copy.master.value("EXDATE") == SECOND


def test_organizer_takes_out_one_instance(office: Office):
    office.put("florent", invite("florent", "martijn", **WEEKLY))
    office.methods("martijn")
    office.put("florent", invite("florent", "martijn", EXDATE=SECOND, **WEEKLY))
    assert sorted(office.methods("martijn")) == ["CANCEL", "REQUEST"]
    copy = office.copy("martijn")
    assert copy.master.value("EXDATE") is None
    assert copy.overrides[rid(SECOND)].value("STATUS") == "CANCELLED"
    assert office.copy("florent").master.value("SEQUENCE") == "1"


def test_invited_to_one_instance_only(office: Office):
    both = (
        event("florent", "martijn", **WEEKLY),
        event("florent", "martijn", "bob", DTSTART=SECOND, RECURRENCE_ID=SECOND, SUMMARY="With Bob"),
    )
    office.put("florent", calendar(*both))
    copy = office.copy("bob")
    assert copy.master is None
    assert list(copy.overrides) == [rid(SECOND)]
    office.put("bob", answered(copy, "bob", "ACCEPTED"))
    assert office.answers("florent", "bob") == {SECOND: "ACCEPTED"}
    office.methods("bob")
    office.put("florent", calendar(both[0], both[1].replace("With Bob", "Alone").replace("bob@", "alice@")))
    assert office.copy("bob").components[0].value("STATUS") == "CANCELLED"
    assert office.methods("bob") == ["CANCEL"]
    assert office.methods("alice") == ["REQUEST"]


def test_removed_from_one_instance(office: Office):
    office.put("florent", invite("florent", "martijn", **WEEKLY))
    office.methods("martijn")
    without = event("florent", "bob", DTSTART=SECOND, RECURRENCE_ID=SECOND)
    office.put("florent", calendar(event("florent", "martijn", **WEEKLY), without))
    assert office.methods("martijn") == ["CANCEL"]
    assert office.copy("martijn").overrides[rid(SECOND)].value("STATUS") == "CANCELLED"
    assert office.methods("bob") == ["REQUEST"]


def test_only_the_changed_instance_is_told(office: Office):
    office.put("florent", invite("florent", "martijn", **WEEKLY))
    office.put("martijn", answered(office.copy("martijn"), "martijn", "ACCEPTED"))
    office.methods("martijn")
    moved = event("florent", "martijn;PARTSTAT=ACCEPTED", DTSTART="20260119T150000Z", RECURRENCE_ID=SECOND)
    office.put("florent", calendar(event("florent", "martijn;PARTSTAT=ACCEPTED", **WEEKLY), moved))
    assert office.answers("florent", "martijn") == {"": "ACCEPTED", SECOND: "NEEDS-ACTION"}
    assert office.answers("martijn", "martijn") == {"": "ACCEPTED", SECOND: "NEEDS-ACTION"}
    (item,) = office.inbox("martijn")
    assert item.master is None


def test_a_stale_client_does_not_lose_answers(office: Office):
    """With If-Schedule-Tag-Match answers that came in meanwhile are kept (RFC 6638 §3.2.10)."""
    office.put("florent", invite("florent", "martijn", **WEEKLY))
    tag = office.tag("florent")
    office.put("martijn", answered(office.copy("martijn"), "martijn", "ACCEPTED"))
    office.put("martijn", answered(office.copy("martijn"), "martijn", "DECLINED", SECOND))
    office.put("florent", invite("florent", "martijn", SUMMARY="New", **WEEKLY), tag=tag)
    assert office.answers("florent", "martijn") == {"": "ACCEPTED", SECOND: "DECLINED"}
    assert office.copy("florent").overrides[rid(SECOND)].text("SUMMARY") == "New"
    assert office.answers("martijn", "martijn") == {"": "ACCEPTED", SECOND: "DECLINED"}


def test_room_answers_per_instance(office: Office):
    office.put("bob", invite("bob", "room1", organizer="bob", uid="2", DTSTART=SECOND))
    office.put("florent", invite("florent", "martijn", "room1", **WEEKLY))
    expected = {"": "ACCEPTED", SECOND: "DECLINED"}
    for who in ("florent", "martijn", "room1"):
        assert office.answers(who, "room1") == expected, who
    assert attendee(office.copy("florent").master, "room1").param("SCHEDULE-STATUS") == "2.0"


def test_one_instance_of_a_room_is_freed(office: Office):
    office.put("florent", invite("florent", "room1", **WEEKLY))
    office.put("florent", invite("florent", "room1;PARTSTAT=ACCEPTED", EXDATE=SECOND, **WEEKLY))
    office.put("bob", invite("bob", "room1", organizer="bob", uid="2", DTSTART=SECOND))
    assert office.answers("bob", "room1", "2") == {"": "ACCEPTED"}
    assert not office.copy("room1").overrides


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t.replace("T100000Z", "T110000Z"), "when it takes place"),
        (lambda t: t.replace("COUNT=5", "COUNT=6"), "when it takes place"),
        (lambda t: t.replace("Planning", "Party"), "SUMMARY"),
        (lambda t: t.replace("UID:1", "UID:1\r\nATTENDEE:mailto:alice@example.com"), "invite others"),
        (lambda t: t.replace("mailto:florent", "mailto:bob"), "ORGANIZER"),
        (lambda t: "\r\n".join(x for x in t.split("\r\n") if "martijn@" not in x), "own ATTENDEE"),
    ],
)
def test_what_attendees_may_not_change(office: Office, change, reason):
    office.put("florent", invite("florent", "martijn", **WEEKLY))
    text = office.copy("martijn").body.decode().replace("\r\n ", "")
    with pytest.raises(SchedulingRefused, match=reason) as caught:
        office.put("martijn", change(text))
    assert caught.value.precondition == "allowed-attendee-scheduling-object-change"
    assert office.methods("florent") == []


def test_what_a_client_lost_is_put_back(office: Office):
    override = event("florent", "martijn", DTSTART=SECOND, RECURRENCE_ID=SECOND, SUMMARY="Special")
    text = calendar(event("florent", "martijn", "bob", DESCRIPTION="Long", **WEEKLY), override)
    office.put("florent", text)
    lossy = invite("florent", "martijn;PARTSTAT=ACCEPTED", **WEEKLY)
    office.put("martijn", lossy)
    copy = office.copy("martijn")
    assert copy.master.text("DESCRIPTION") == "Long"
    assert attendee(copy.master, "bob") is not None
    assert copy.overrides[rid(SECOND)].text("SUMMARY") == "Special"
    assert office.answers("martijn", "martijn") == {"": "ACCEPTED", SECOND: "NEEDS-ACTION"}


def test_series_that_invites_to_one_date_gets_the_organizer_of_that_date(office: Office):
    office.put(
        "florent",
        calendar(event(**WEEKLY), event("florent", "martijn", RECURRENCE_ID=SECOND, DTSTART=SECOND)),
    )
    stored = office.copy("florent")
    assert stored.master.value("ORGANIZER") == "mailto:florent@example.com"
    assert stored.master.get("ATTENDEE") is None
    assert list(office.copy("martijn").by_rid()) == [rid(SECOND)]
    # Once more, as the client has it that does not know of the repair.
    office.put(
        "florent",
        calendar(
            event(**WEEKLY), event("florent", "martijn", RECURRENCE_ID=SECOND, DTSTART=SECOND, SUMMARY="New")
        ),
    )
    assert office.copy("florent").master.get("ORGANIZER") is not None
    assert office.copy("martijn").overrides[rid(SECOND)].text("SUMMARY") == "New"


def test_date_that_invites_without_an_organizer_is_refused(office: Office):
    bare = event("florent", "martijn", RECURRENCE_ID=SECOND, DTSTART=SECOND).replace(
        "ORGANIZER:mailto:florent@example.com\n", ""
    )
    with pytest.raises(SchedulingRefused, match="different organizers"):
        office.put("florent", calendar(event("florent", "martijn", **WEEKLY), bare))


@pytest.mark.parametrize("named", [";VALUE=DATE:20260119", ":20260119T110000"])
def test_a_date_named_in_another_form_than_the_series(office: Office, named):
    """It is that date to everybody, who are told it in the form of the series (RFC 5545 §3.8.4.4)."""
    zoned = {"DTSTART": None, "extra": "DTSTART;TZID=Europe/Paris:20260112T110000"}
    series = event("florent", "martijn", **WEEKLY, **zoned)
    office.put("florent", calendar(series))
    office.put("martijn", answered(office.copy("martijn"), "martijn", "ACCEPTED"))
    series = event("florent", "martijn;PARTSTAT=ACCEPTED", **WEEKLY, **zoned)
    moved = event("florent", "martijn", DTSTART="20260119T150000Z", extra=f"RECURRENCE-ID{named}")
    office.put("florent", calendar(series, moved))
    copy = office.copy("martijn")
    assert copy.overrides[rid(SECOND)].get("RECURRENCE-ID").value == "20260119T110000"
    office.put("martijn", answered(copy, "martijn", "DECLINED", SECOND))
    assert office.answers("florent", "martijn") == {"": "ACCEPTED", SECOND: "DECLINED"}
    assert f"RECURRENCE-ID{named}" in office.copy("florent").body.decode()
    twice = event("florent", "martijn", DTSTART="20260119T160000Z", RECURRENCE_ID=SECOND)
    with pytest.raises(InvalidCalendarData, match="RECURRENCE-ID twice"):
        office.put("florent", calendar(series, moved, twice))


@pytest.mark.parametrize("who", ["martijn", "room1"])
def test_a_date_beside_the_rule_is_taken_out(office: Office, who):
    """An exception that is no instance of the rule is a further one: without it the date is gone."""
    series, further = event("florent", who, **WEEKLY), "20260121T100000Z"
    office.put("florent", calendar(series, event("florent", who, DTSTART=further, RECURRENCE_ID=further)))
    assert list(office.copy(who).overrides) == [rid(further)]
    office.put("florent", calendar(series))
    assert not office.copy(who).overrides
    if who != "room1":
        assert office.methods(who) == ["REQUEST", "REQUEST"]


@pytest.mark.parametrize("before", ["DTSTART;VALUE=DATE:20260119", "DTSTART:20260119T100000"])
def test_one_date_of_a_series_that_was_of_another_form(office: Office, before):
    """Who was uninvited from whole days, and is invited to an hour of one of them, has that hour alone."""
    named = before.replace("DTSTART", "RECURRENCE-ID")

    def store(start: str, rid: str | None, *guests: str, series: tuple[str, ...] = ()) -> None:
        first = start.replace("20260119", "20260112")
        made = [event("florent", "bob", *series, DTSTART=None, DURATION=None, extra=first, **WEEKLY)]
        if rid is not None:
            made.append(
                event("florent", "bob", *guests, DTSTART=None, DURATION=None, extra=f"{start}\n{rid}")
            )
        office.put("florent", calendar(*made))

    store(before, None, series=("martijn",))
    store(before, named, "martijn")
    after = "DTSTART;TZID=Europe/Paris:20260119T110000"
    store(after, None)
    assert all(c.value("STATUS") == "CANCELLED" for c in office.copy("martijn").components)
    store(after, "RECURRENCE-ID;TZID=Europe/Paris:20260119T110000", "martijn")
    assert list(office.copy("martijn").by_rid()) == [rid(SECOND)]
    assert office.copy("martijn").overrides[rid(SECOND)].value("STATUS") is None
    store(after, None)
    assert office.copy("martijn").overrides[rid(SECOND)].value("STATUS") == "CANCELLED"


def test_a_date_with_a_length_of_its_own_keeps_it_when_it_is_answered(office: Office):
    """RDATE with a period (RFC 5545 §3.8.5.2)."""
    further = "20260121T100000Z"
    series = event("florent", "martijn", "bob", extra=f"RDATE;VALUE=PERIOD:{further}/PT3H", **WEEKLY)
    office.put("florent", calendar(series))

    def length(who: str) -> float:
        found = office.copy(who).recurrence().instance(rid(further))
        return (found.end - found.start).total_seconds() / 3600

    office.put("martijn", answered(office.copy("martijn"), "martijn", "ACCEPTED", further))
    assert office.answers("florent", "martijn") == {"": "NEEDS-ACTION", further: "ACCEPTED"}
    assert [length(who) for who in ("florent", "martijn", "bob")] == [3, 3, 3]
    office.put("bob", answered(office.copy("bob"), "bob", "DECLINED"))
    assert office.answers("florent", "bob") == {"": "DECLINED", further: "DECLINED"}
    assert [length(who) for who in ("florent", "martijn", "bob")] == [3, 3, 3]


def test_a_room_answers_a_date_with_a_length_of_its_own(office: Office):
    further = "20260121T100000Z"
    office.put("bob", invite("bob", "room1", organizer="bob", uid="2", DTSTART="20260121T120000Z"))
    series = event("florent", "room1", extra=f"RDATE;VALUE=PERIOD:{further}/PT3H", **WEEKLY)
    office.put("florent", calendar(series))
    assert office.answers("florent", "room1") == {"": "ACCEPTED", further: "DECLINED"}
    found = office.copy("florent").recurrence().instance(rid(further))
    assert (found.end - found.start).total_seconds() == 3 * 3600
