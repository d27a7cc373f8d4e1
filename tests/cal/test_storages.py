# SPDX-License-Identifier: GPL-3.0-or-later
"""What storages keep: nobody's events, answers given at creation, imports over several storages, notices."""

from datetime import datetime, timedelta

import pytest

from calcore_caldav import cal

HOUR = timedelta(hours=1)
TEN = datetime(2030, 3, 1, 10)
ALWAYS = (None, None)


@pytest.fixture
def manager():
    made = cal.StorageManager()
    made.setStorage(cal.MemoryStorage("office"))
    made.addStorage(cal.MemoryStorage("second"))
    yield made
    for storage in made.storages:
        if storage.writable:
            storage.close()


@pytest.fixture
def notices():
    seen = []

    def note(notice):
        seen.append((type(notice).__name__, notice.event.unique_id))

    cal.subscribe(cal.EventNotice, note)
    yield seen
    cal.unsubscribe(cal.EventNotice, note)


def test_nobodys_events(manager, source, bob) -> None:
    event = manager.createEvent(dtstart=TEN, duration=HOUR, title="Nobody's")
    assert manager.getEvents(ALWAYS) == [event]
    assert manager.getOccurrences((TEN, TEN + HOUR))[0].original == event
    assert (event.getOrganizerId(), event.getAttendeeIds()) == (None, [])
    event.invite([bob])
    assert (event.getOrganizerId(), event.getAttendeeIds()) == (None, ["bob"])
    assert bob.getEvents(ALWAYS) == [event]
    event.title = "Still nobody's"
    manager.deleteEvent(event)
    assert manager.getEvents(ALWAYS) == bob.getEvents(ALWAYS) == []
    assert [a.getAttendeeId() for a in cal.DirectoryAttendeeSource(manager).findByName(None)] == ["bob"]


def test_answers_given_at_creation(ann, bob) -> None:
    event = ann.createEvent(dtstart=TEN, duration=HOUR, attendees=[(bob, "CHAIR", "TENTATIVE")])
    assert event.getAttendeeIds("TENTATIVE", "CHAIR") == ["bob"]
    assert bob.getEvents(ALWAYS, cal.SearchCriteria(participation_status="TENTATIVE")) == [event]


def test_a_role_invites(ann, bob, notices) -> None:
    event = ann.createEvent(dtstart=TEN, duration=HOUR)
    notices.clear()
    event.setParticipationRole(bob, "OPT-PARTICIPANT")
    assert event.getAttendeeIds("NEEDS-ACTION", "OPT-PARTICIPANT") == ["bob"]
    assert ("EventParticipationChanged", event.unique_id) in notices


def text(*events: str) -> str:
    made = "".join(
        f"BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20300101T000000Z\r\nDTSTART:20300301T120000Z\r\n"
        f"DURATION:PT1H\r\nSUMMARY:Imported\r\nORGANIZER:mailto:ann@localhost\r\nATTENDEE:mailto:ann@localhost\r\nEND:VEVENT\r\n"
        for uid in events
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{made}END:VCALENDAR\r\n"


def test_an_import_reaches_every_storage(manager, source, ann, notices) -> None:
    """Events are replaced and deleted where they are; new ones go where new events go."""
    for storage in ("office", "second"):
        manager.setNewEventStorage(storage)
        for name in ("kept", "gone"):
            manager.createEvent(f"{name}-{storage}", dtstart=TEN, duration=HOUR, organizer=ann, title="Old")
    notices.clear()
    calendar = cal.Calendar(manager, source)
    calendar.addAttendee(ann)
    calendar.import_(text("kept-office", "kept-second", "new"))
    found = {e.unique_id: (e.getStorageId(), e.title) for e in manager.getEvents(ALWAYS)}
    assert found == {
        "kept-office": ("office", "Imported"),
        "kept-second": ("second", "Imported"),
        "new": ("second", "Imported"),
    }
    assert sorted(notices) == [
        ("EventCreated", "new"),
        ("EventDeleted", "gone-office"),
        ("EventDeleted", "gone-second"),
        ("EventModified", "kept-office"),
        ("EventModified", "kept-second"),
    ]


def test_an_import_that_a_text_is_in_the_way_of_changes_nothing(manager, source, ann, notices) -> None:
    own = ann.createEvent(dtstart=TEN, duration=HOUR, title="Own")
    notices.clear()
    manager.addStorage(cal.ICalendarStorage("read", text("read")))
    calendar = cal.Calendar(manager, source)
    calendar.addAttendee(ann)
    with pytest.raises(cal.ReadOnlyStorage):
        calendar.import_(text("new"))
    assert {e.unique_id for e in manager.getEvents(ALWAYS)} == {own.unique_id, "read"}
    assert notices == []
