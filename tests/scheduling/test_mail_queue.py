# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is of another server is told by mail what there is to tell, once: the queue that a mail gateway empties."""

from __future__ import annotations

from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st
from office import Office, answered, attendee, calendar, event
from test_overtaking_in_series import CAROL, OWN, RIDS, answer, changed, day, receive, taking_place
from test_overtaking_in_series import changes as organizers

from calcore_caldav.core.attendee import attendee_messages
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.invitation import apply_request
from calcore_caldav.core.itip import Method
from calcore_caldav.core.merge import apply_cancel, same_data
from calcore_caldav.core.significance import shared
from calcore_caldav.core.timing import timing
from calcore_caldav.scheduling.delivery import MAIL_JOB
from calcore_caldav.scheduling.worker import Worker

edits = st.lists(
    st.one_of(
        organizers.filter(bool).map(lambda found: found[0]),
        st.tuples(st.just("carol answers"), answer, st.none() | day),
        st.tuples(st.just("martijn answers"), answer, st.none() | day),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@example(
    edits=[
        ("carol answers", "ACCEPTED", None),
        ("martijn answers", "ACCEPTED", RIDS[0]),
        ("carol answers", "TENTATIVE", None),
    ]
)
@given(edits=edits)
def test_carol_has_what_florent_has(edits):
    note(str(edits))
    office = Office(mail=True)
    try:
        carol = Elsewhere(office)
        office.put("florent", calendar(event("florent", "martijn", CAROL, RRULE="FREQ=WEEKLY;COUNT=4")))
        assert attendee(office.copy("florent").master, "carol").param("SCHEDULE-STATUS") == "1.0"
        assert carol.reads() == ["REQUEST"]
        for verb, *args in edits:
            if verb == "carol answers":
                carol.answers(*args)
                assert carol.reads() == []
            elif verb == "martijn answers":
                partstat, rid = args
                copy = office.copy("martijn")
                if rid is None or taking_place(copy, rid) is not None:
                    office.put("martijn", answered(copy, "martijn", partstat, rid and rid.to_basic()))
                assert carol.reads() == [], "others' answers are nobody's mail"
            else:
                obj = office.copy("florent")
                office.put("florent", changed(obj, verb, *args).body.decode())
                carol.reads()
        office.rest()
        assert carol.reads() == []
        carol.agrees_with(office.copy("florent"))
        office.delete("florent")
        assert carol.reads() == ["CANCEL"]
    finally:
        office.store.close()


def test_who_does_not_know_the_series_of_an_added_date_asks_for_it():
    """RFC 5546 §3.2.4: a REFRESH, once per message, and none to what was cancelled."""
    office = Office(mail=True)
    mails = []
    gateway = Worker(
        office.store, office.settings, {MAIL_JOB: lambda txn, job, settings: mails.append(job.payload)}
    )
    added = event(
        "bob", organizer="carol", SEQUENCE="1", SUMMARY="Course, extra", DTSTART="20260205T100000Z"
    ).replace("carol@example.com", CAROL)
    body = calendar(added).replace("VERSION", "METHOD:ADD\nVERSION", 1)
    office.receive(Method.ADD, CAROL, "bob", CalendarObject(body.replace("\n", "\r\n").encode()))
    gateway.run_due()
    (mail,) = mails
    assert (mail["method"], mail["sender"], mail["recipient"]) == (
        "REFRESH",
        "mailto:bob@example.com",
        f"mailto:{CAROL}",
    )
    asked = CalendarObject(mail["body"].encode())
    assert (asked.method, asked.uid, asked.organizer) == ("REFRESH", "1", f"mailto:{CAROL}")
    assert sorted(p.name for p in asked.components[0].properties) == [
        "ATTENDEE",
        "DTSTAMP",
        "ORGANIZER",
        "UID",
    ]
    assert office.copy("bob") is None
    cancel = body.replace("METHOD:ADD", "METHOD:CANCEL").replace("SEQUENCE:1", "SEQUENCE:2")
    office.receive(Method.CANCEL, CAROL, "bob", CalendarObject(cancel.replace("\n", "\r\n").encode()))
    office.receive(Method.ADD, CAROL, "bob", CalendarObject(body.replace("\n", "\r\n").encode()))
    gateway.run_due()
    assert len(mails) == 1
    office.store.close()


class Elsewhere:
    """Carol's calendar on another server, which gets its mail in order."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.copy: CalendarObject | None = None
        self.last: CalendarObject | None = None
        self.mail: list[CalendarObject] = []
        self.gateway = Worker(office.store, office.settings, {MAIL_JOB: self.fetch})

    def fetch(self, txn, job, settings) -> None:
        assert (job.payload["sender"], job.payload["recipient"]) == (
            "mailto:florent@example.com",
            f"mailto:{CAROL}",
        )
        self.mail.append(CalendarObject(job.payload["body"].encode()))
        assert self.mail[-1].method == job.payload["method"]

    def reads(self) -> list[str]:
        """The methods of the new messages; fails where one says what the one before it said."""
        self.gateway.run_due()
        new, self.mail = self.mail, []
        for body in new:
            assert self.last is None or not same_data(body, self.last), body.body.decode()
            self.last = body
            if body.method == "CANCEL":
                result = apply_cancel(self.copy, body, in_order=True)
            else:
                result = apply_request(self.copy, body, OWN, in_order=True)
            self.copy = result.stored
        return [str(body.method) for body in new]

    def answers(self, partstat: str, rid) -> None:
        if rid is not None and taking_place(self.copy, rid) is None:
            return
        new = answered(self.copy, "carol", partstat, rid and rid.to_basic())
        self.office.tick()
        plan = attendee_messages(self.copy, CalendarObject(new.encode()), OWN, now=self.office.now)
        self.copy = plan.stored
        for message in plan.messages:
            self.last = None
            receive(self.office, message)

    def agrees_with(self, truth: CalendarObject) -> None:
        for rid in RIDS:
            wanted, mine = taking_place(truth, rid), taking_place(self.copy, rid)
            assert (wanted is None) == (mine is None), rid
            if wanted is not None:
                assert shared(mine) == shared(wanted), rid
                assert timing(mine, self.copy.zones) == timing(wanted, truth.zones), rid
                answers = [attendee(c, "carol").param("PARTSTAT") for c in (wanted, mine)]
                assert answers[0] == answers[1], rid
