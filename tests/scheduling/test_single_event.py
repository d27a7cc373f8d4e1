# SPDX-License-Identifier: GPL-3.0-or-later
"""One meeting between people of one server (RFC 6638 §3.2, RFC 5546 §3.2)."""

from __future__ import annotations

from office import Office, answered, attendee, invite


def test_an_invitation_arrives_in_calendar_and_inbox(office: Office):
    result = office.put("florent", invite("florent", "martijn", "bob"))
    assert result.modified
    assert office.methods("martijn") == ["REQUEST"]
    copy = office.copy("martijn")
    assert copy.method is None
    assert copy.master.value("TRANSP") == "TRANSPARENT"
    assert office.answers("martijn", "martijn") == {"": "NEEDS-ACTION"}
    own = office.copy("florent").master
    assert attendee(own, "martijn").param("SCHEDULE-STATUS") == "1.2"
    assert attendee(own, "florent").param("SCHEDULE-STATUS") is None
    assert office.methods("florent") == []


def test_an_answer_arrives_and_the_others_see_it(office: Office):
    office.put("florent", invite("florent", "martijn", "bob"))
    organizer_tag, bob_tag = office.tag("florent"), office.tag("bob")
    office.put("martijn", answered(office.copy("martijn"), "martijn", "ACCEPTED"))
    assert office.answers("florent", "martijn") == {"": "ACCEPTED"}
    prop = attendee(office.copy("florent").master, "martijn")
    assert prop.param("SCHEDULE-STATUS") == "2.0"
    assert prop.param("RSVP") is None
    assert office.methods("florent") == ["REPLY"]
    assert office.copy("martijn").master.get("ORGANIZER").param("SCHEDULE-STATUS") == "1.2"
    assert office.tag("florent") == organizer_tag
    office.rest()
    assert office.answers("bob", "martijn") == {"": "ACCEPTED"}
    assert office.tag("bob") == bob_tag
    assert office.methods("bob") == ["REQUEST"]


def test_moving_asks_again_renaming_does_not(office: Office):
    office.put("florent", invite("florent", "martijn"))
    office.put("martijn", answered(office.copy("martijn"), "martijn", "ACCEPTED"))
    office.put("florent", invite("florent", "martijn;PARTSTAT=ACCEPTED", SUMMARY="Other"))
    assert office.answers("martijn", "martijn") == {"": "ACCEPTED"}
    assert office.copy("martijn").master.text("SUMMARY") == "Other"
    assert office.copy("martijn").master.value("TRANSP") is None
    assert office.copy("florent").master.value("SEQUENCE") == "1"
    office.put(
        "florent", invite("florent", "martijn;PARTSTAT=ACCEPTED", SUMMARY="Other", DTSTART="20260112T120000Z")
    )
    assert office.answers("florent", "martijn") == {"": "NEEDS-ACTION"}
    assert office.answers("martijn", "martijn") == {"": "NEEDS-ACTION"}
    assert office.copy("martijn").master.value("TRANSP") == "TRANSPARENT"
    assert office.copy("florent").master.value("SEQUENCE") == "2"


def test_what_concerns_nobody_is_not_told(office: Office):
    office.put("florent", invite("florent", "martijn"))
    office.methods("martijn")
    alarm = "BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT5M\nDESCRIPTION:x\nEND:VALARM"
    office.put("florent", invite("florent", "martijn", extra=alarm))
    assert office.methods("martijn") == []
    assert office.copy("florent").master.value("SEQUENCE") is None
    assert not office.copy("martijn").master.children


def test_deleting_cancels_and_removing_cancels(office: Office):
    office.put("florent", invite("florent", "martijn", "bob"))
    office.put("florent", invite("florent", "bob"))
    assert office.copy("martijn").master.value("STATUS") == "CANCELLED"
    assert office.methods("martijn") == ["REQUEST", "CANCEL"]
    assert office.methods("bob") == ["REQUEST", "REQUEST"]
    office.delete("florent")
    assert office.copy("bob").master.value("STATUS") == "CANCELLED"
    assert office.methods("bob") == ["CANCEL"]
    assert office.methods("martijn") == []


def test_deleting_declines_unless_asked_not_to(office: Office):
    office.put("florent", invite("florent", "martijn", "bob"))
    office.delete("martijn")
    assert office.answers("florent", "martijn") == {"": "DECLINED"}
    assert office.methods("florent") == ["REPLY"]
    office.delete("bob", reply=False)
    assert office.answers("florent", "bob") == {"": "NEEDS-ACTION"}
    assert office.methods("florent") == []


def test_who_declined_and_deleted_hears_no_more_until_asked_again(office: Office):
    office.put("florent", invite("florent", "martijn", "bob"))
    office.methods("martijn")
    office.delete("martijn")
    office.put("florent", invite("florent", "martijn;PARTSTAT=DECLINED", "bob", SUMMARY="Other"))
    assert office.copy("martijn") is None
    assert office.methods("martijn") == []
    office.put(
        "florent",
        invite("florent", "martijn;PARTSTAT=DECLINED", "bob", SUMMARY="Other", DTSTART="20260113T100000Z"),
    )
    assert office.answers("martijn", "martijn") == {"": "NEEDS-ACTION"}
    assert office.methods("martijn") == ["REQUEST"]


def test_own_alarm_survives_updates(office: Office):
    office.put("florent", invite("florent", "martijn"))
    text = answered(office.copy("martijn"), "martijn", "ACCEPTED")
    alarm = "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT5M\r\nDESCRIPTION:x\r\nEND:VALARM\r\n"
    own = f"CATEGORIES:Mine\r\nX-MOZ-LASTACK:20260101T000000Z\r\n{alarm}"
    office.put("martijn", text.replace("END:VEVENT", own + "END:VEVENT"))
    text = office.copy("martijn").body.decode()
    office.put("martijn", text.replace("SUMMARY", "TRANSP:TRANSPARENT\r\nSUMMARY"))
    office.put("florent", invite("florent", "martijn;PARTSTAT=ACCEPTED", SUMMARY="Other"))
    master = office.copy("martijn").master
    assert master.text("SUMMARY") == "Other"
    assert [c.name for c in master.children] == ["VALARM"]
    assert master.value("CATEGORIES") == "Mine"
    assert master.value("X-MOZ-LASTACK")
    assert master.value("TRANSP") == "TRANSPARENT"
    assert not office.copy("florent").master.children
    assert "X-MOZ" not in office.copy("florent").body.decode()


def test_room_answers_in_everybodys_copy(office: Office):
    office.put("florent", invite("florent", "martijn", "room1"))
    assert office.answers("florent", "room1") == {"": "ACCEPTED"}
    assert office.answers("martijn", "room1") == {"": "ACCEPTED"}
    assert office.answers("room1", "room1") == {"": "ACCEPTED"}
    assert attendee(office.copy("florent").master, "room1").param("SCHEDULE-STATUS") == "2.0"
    office.put("bob", invite("bob", "alice", "room1", organizer="bob", uid="2"))
    assert office.answers("bob", "room1", "2") == {"": "DECLINED"}
    assert office.answers("alice", "room1", "2") == {"": "DECLINED"}
    office.delete("florent")
    assert office.copy("room1") is None
    office.put("bob", invite("bob", "alice", "room1", organizer="bob", uid="3"))
    assert office.answers("alice", "room1", "3") == {"": "ACCEPTED"}


def test_group_is_expanded(office: Office):
    office.put("florent", invite("florent", "team"))
    own = office.copy("florent").master
    group = attendee(own, "team")
    assert group.param("CUTYPE") == "X-SERVER-GROUP"
    assert group.param("SCHEDULE-STATUS") == "2.7"
    assert attendee(own, "martijn").param("MEMBER") == "mailto:team@example.com"
    assert office.methods("martijn") == office.methods("bob") == ["REQUEST"]


def test_external_and_unknown_addresses(office: Office):
    text = invite("florent", "carol@elsewhere.example").replace(
        "END:VEVENT", "ATTENDEE:urn:uuid:0-0\nEND:VEVENT"
    )
    office.put("florent", text)
    props = {p.value: p.param("SCHEDULE-STATUS") for p in office.copy("florent").master.all("ATTENDEE")}
    assert props["mailto:carol@elsewhere.example"] == "5.2"
    assert props["urn:uuid:0-0"] == "3.7"
