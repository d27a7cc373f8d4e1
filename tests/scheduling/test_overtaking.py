# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages from elsewhere mean the same in whatever order they arrive, and arriving twice (RFC 5546 §2.1.5)."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from office import Office, calendar, event

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.itip import Method
from calcore_caldav.core.recurrence import RecurrenceId

CAROL = "carol@elsewhere.example"
SECOND = "20260119T100000Z"
WEEKLY = {"RRULE": "FREQ=WEEKLY;COUNT=4"}
ANSWERS = st.sampled_from(["ACCEPTED", "DECLINED", "TENTATIVE"])
REVISIONS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(10, 59), ANSWERS),
    min_size=1,
    max_size=5,
    unique_by=lambda revision: revision[:2],
)
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def arrivals(revisions):
    """Every message at least once, in any order."""
    again = st.lists(st.sampled_from(revisions), max_size=2)
    return again.flatmap(lambda more: st.permutations([*revisions, *more]))


def stamped(text: str, method: Method, sequence: int, minute: int) -> CalendarObject:
    head = f"SEQUENCE:{sequence}\nDTSTAMP:20260105T07{minute}00Z"
    text = text.replace("DTSTAMP:20260101T000000Z", head).replace("VERSION", f"METHOD:{method}\nVERSION", 1)
    return CalendarObject(text.replace("\n", "\r\n").encode())


@QUICK
@given(data=st.data(), instance=st.booleans(), revisions=REVISIONS)
def test_the_latest_answer_counts(data, instance, revisions):
    where = {"RECURRENCE_ID": SECOND, "DTSTART": SECOND} if instance else {}
    office = Office()
    try:
        office.put("florent", calendar(event("florent", CAROL, **WEEKLY)))
        for sequence, minute, answer in data.draw(arrivals(revisions)):
            answering = calendar(event(f"{CAROL};PARTSTAT={answer}", organizer="florent", **where))
            body = stamped(answering, Method.REPLY, sequence, minute)
            office.receive(Method.REPLY, CAROL, "florent", body)
        mine = office.copy("florent")
        component = mine.overrides[RecurrenceId.parse(SECOND)] if instance else mine.master
        (carol,) = (p for p in component.all("ATTENDEE") if p.value.endswith(CAROL))
        assert carol.param("PARTSTAT") == max(revisions)[2]
    finally:
        office.store.close()


def test_the_same_again_makes_what_was_between_old():
    office = Office()
    invitation = calendar(event("martijn", organizer=CAROL.partition("@")[0], **WEEKLY))
    invitation = invitation.replace("carol@example.com", CAROL)
    ended = invitation.replace("SUMMARY", "STATUS:CANCELLED\nSUMMARY")
    for method, text, minute in (
        (Method.REQUEST, invitation, 10),
        (Method.CANCEL, ended, 11),
        (Method.CANCEL, ended, 13),
        (Method.REQUEST, invitation, 12),
    ):
        office.receive(method, CAROL, "martijn", stamped(text, method, 0, minute))
    assert office.copy("martijn").master.value("STATUS") == "CANCELLED"
    assert office.methods("martijn") == ["REQUEST", "CANCEL"]
    office.store.close()


def test_cancellations_are_remembered_for_a_while():
    """As long as deletions are; an invitation that comes even later than that is one."""
    office = Office(history_days=30)
    invitation = calendar(event("martijn", organizer=CAROL.partition("@")[0], **WEEKLY))
    invitation = invitation.replace("carol@example.com", CAROL)
    ended = invitation.replace("SUMMARY", "STATUS:CANCELLED\nSUMMARY")
    office.receive(Method.CANCEL, CAROL, "martijn", stamped(ended, Method.CANCEL, 1, 11))
    for days, there in ((29, False), (2, True)):
        office.tick(days=days)
        office.upkeep()
        office.receive(Method.REQUEST, CAROL, "martijn", stamped(invitation, Method.REQUEST, 0, 10))
        assert (office.copy("martijn") is not None) is there
    office.store.close()


@QUICK
@given(data=st.data(), revisions=REVISIONS, keep=st.booleans())
def test_the_latest_invitation_counts(data, revisions, keep):
    """DECLINED stands for a cancellation here, before which the first invitation need not have come."""
    office = Office(keep_cancelled=keep)
    try:
        first = calendar(event("martijn", organizer=CAROL.partition("@")[0], **WEEKLY))
        first = first.replace("carol@example.com", CAROL)
        sent = [(0, 10, "ACCEPTED"), *(r for r in revisions if r[:2] > (0, 10))]
        for sequence, minute, kind in data.draw(arrivals(sent)):
            text = first.replace("SUMMARY:Planning", f"SUMMARY:{sequence} {minute}")
            method = Method.CANCEL if kind == "DECLINED" else Method.REQUEST
            if method is Method.CANCEL:
                text = text.replace("SUMMARY", "STATUS:CANCELLED\nSUMMARY")
            office.receive(method, CAROL, "martijn", stamped(text, method, sequence, minute))
        copy, newest = office.copy("martijn"), max(sent)
        if newest[2] == "DECLINED":
            assert copy is None or copy.master.value("STATUS") == "CANCELLED"
            assert copy is None or keep
        else:
            assert copy.master.value("STATUS") is None
            assert copy.master.text("SUMMARY") == f"{newest[0]} {newest[1]}"
    finally:
        office.store.close()
