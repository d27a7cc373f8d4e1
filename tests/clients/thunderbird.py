# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Thunderbird against a real server process: run by hand, not collected by pytest.

Needs Thunderbird (Debian: `thunderbird`), a virtual screen and a tool for pictures (`xvfb`, `imagemagick`), and
`marionette_driver` beside what the tests need:

    .venv/bin/pip install -e '.[test]' marionette_driver
    .venv/bin/python tests/clients/thunderbird.py --pictures docs/clients --requests requests.txt

Thunderbird is driven in its own process: the dialogs of account set-up by their fields and buttons, events by the calendar
API that its windows use, so that the requests are those of the client. Everybody else speaks HTTP (tests/office_day.py).
Each line says what was seen; the exit status is 1 where something wasn't.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from live import serving
from office_day import DIRECTORY, Person, answers, meeting, monday, stamp
from thunderbird_process import Recorder, Thunderbird, screen

PATIENCE = 20.0
"""Seconds until something that doesn't show is missing."""

MAKE_ADDRESS_BOOK = (
    '<D:mkcol xmlns:D="DAV:" xmlns:CR="urn:ietf:params:xml:ns:carddav"><D:set><D:prop><D:resourcetype>'
    "<D:collection/><CR:addressbook/></D:resourcetype><D:displayname>Contacts</D:displayname>"
    "</D:prop></D:set></D:mkcol>"
)


class Visit:
    """Florent's day with Thunderbird; Martijn and Bob use something else."""

    INVITE = """
        const [uid, title, start, rule] = args;
        const { CalRecurrenceInfo } = ChromeUtils.importESModule("resource:///modules/CalRecurrenceInfo.sys.mjs");
        const event = new CalEvent();
        event.id = uid; event.title = title; event.setProperty("LOCATION", "Room 1");
        event.startDate = cal.createDateTime(start).getInTimezone(cal.timezoneService.getTimezone("Europe/Paris"));
        const end = event.startDate.clone(); end.hour += 1; event.endDate = end;
        if (rule) {
          event.recurrenceInfo = new CalRecurrenceInfo(event);
          event.recurrenceInfo.appendRecurrenceItem(cal.createRecurrenceRule(rule));
        }
        for (const [name, type] of [["florent", "INDIVIDUAL"], ["martijn", "INDIVIDUAL"], ["room1", "ROOM"]]) {
          const attendee = new CalAttendee();
          attendee.id = `mailto:${name}@example.com`; attendee.userType = type; attendee.role = "REQ-PARTICIPANT";
          attendee.participationStatus = name == "florent" ? "ACCEPTED" : "NEEDS-ACTION"; attendee.rsvp = "TRUE";
          event.addAttendee(attendee);
          if (name == "florent") {
            const organizer = attendee.clone(); organizer.isOrganizer = true; event.organizer = organizer;
          }
        }
        await calendar.addItem(event);
    """

    def __init__(self, thunderbird: Thunderbird, recorder: Recorder, port: int) -> None:
        self.thunderbird = thunderbird
        self.recorder = recorder
        self.port = port
        self.start = monday(1, 9)
        self.failures = 0

    @property
    def martijn(self) -> Person:
        """With a connection of his own each time: the server closes those that idle."""
        return Person(self.port, "martijn")

    def see(self, what: str, expected: object, look: Callable[[], object]) -> None:
        """Look until it is so, or for `PATIENCE`."""
        deadline = time.monotonic() + PATIENCE
        while (seen := look()) != expected and time.monotonic() < deadline:
            time.sleep(0.5)
        self.failures += seen != expected
        print(f"{'ok  ' if seen == expected else 'FAIL'} {what}: {seen}", flush=True)  # noqa: T201

    def set_up(self) -> None:
        """*New Calendar → On the Network*, with the server's address, a name, a password."""
        run = self.thunderbird
        run(
            """
            win.moveTo(0, 0); win.resizeTo(1280, 860);
            win.document.getElementById("tabmail").openTab("calendar");
            await until("calendar", () => win.currentView && win.document.getElementById("view-box"));
            win.document.getElementById("today-pane-panel").setVisible(false); win.toggleUnifinder();
            win.openDialog("chrome://calendar/content/calendar-creation.xhtml", "_blank", "chrome,titlebar,centerscreen", null);
            const wizard = await until("wizard", () => windowOf("calendar-creation"));
            await until("its list", () => wizard.document.readyState == "complete" && wizard.gButtonHandlers.accept);
            wizard.document.getElementById("calendar-type").value = "network";
            press(wizard); await nap(500);
            wizard.document.getElementById("network-username-input").value = "florent";
            wizard.document.getElementById("network-location-input").value = args[0];
            wizard.checkRequired(); await nap(200);
            press(wizard);
            const prompt = await until("password", () => windowOf("commonDialog")?.document.getElementById("password1Textbox") && windowOf("commonDialog"));
            prompt.document.getElementById("password1Textbox").value = "florent";
            press(prompt);
            await until("calendars", () => wizard.document.getElementById("network-calendar-list").children.length);
            await nap(500);
            """,
            f"http://127.0.0.1:{self.recorder.port}/",
        )
        run.picture("set-up")
        found = run(
            """
            const { document } = windowOf("calendar-creation");
            const box = document.getElementById("network-selectcalendar-providertype-box");
            return {asked: !box.hidden, calendars: [...document.getElementById("network-calendar-list").children].map(i => i.calendar.name).sort()};
            """
        )
        self.see(
            "calendars found, no other type offered",
            {"asked": False, "calendars": ["Calendar", "Tasks"]},
            lambda: found,
        )
        run(
            "press(windowOf('calendar-creation')); await until('subscribed', () => calendars().length == 2); await nap(2000);"
        )
        self.see(
            "writable, the server schedules, address",
            [[False, True, "mailto:florent@example.com"]] * 2,
            lambda: run(
                """return calendars().map(c => [c.readOnly, c.getProperty("capabilities.autoschedule.supported"),
                   c.getProperty("organizerId")])"""
            ),
        )

    def invite(self) -> None:
        """A weekly meeting with Martijn and a room that has something else on the second date."""
        run = self.thunderbird
        Person(self.port, "bob").put(
            "earlier.ics", meeting("earlier", "bob", ["room1"], self.start + timedelta(weeks=1))
        )
        run(self.INVITE, "planning", "Planning", stamp(self.start), "RRULE:FREQ=WEEKLY;COUNT=3")
        self.see(
            "room's answers in the series that Thunderbird made",
            [["ACCEPTED", "NEEDS-ACTION"], ["DECLINED", "NEEDS-ACTION"], ["ACCEPTED", "NEEDS-ACTION"]],
            lambda: run(
                """return (await occurrences("planning")).map(partstats).map(p => [p.room1, p.martijn])"""
            ),
        )
        self.see("Martijn has it", "NEEDS-ACTION", lambda: self.martijn.answers("planning").get("martijn"))
        self.martijn.accept("planning")
        self.see(
            "Martijn's answer in Thunderbird",
            "ACCEPTED",
            lambda: run("""await refresh(); return partstats(await calendar.getItem("planning")).martijn"""),
        )

    def be_invited(self) -> None:
        run = self.thunderbird
        self.martijn.put(
            "review.ics", meeting("review", "martijn", ["florent", "room1"], self.start + timedelta(hours=4))
        )
        daily = meeting(
            "standup", "martijn", ["florent"], monday(1, 8), "RRULE:FREQ=DAILY;COUNT=4", minutes=30
        )
        self.martijn.put("standup.ics", daily)
        self.see(
            "invitations in Thunderbird",
            [True, True],
            lambda: run(
                """await refresh();
                const items = await Promise.all(["review", "standup"].map(id => calendar.getItem(id)));
                return items.map(i => Boolean(i && cal.itip.isInvitation(i) && partstats(i).florent == "NEEDS-ACTION"))"""
            ),
        )
        run(
            """win.switchCalendarView("month", true); win.goToDate(cal.createDateTime(args[0])); await nap(1500);""",
            stamp(self.start),
        )
        run.picture("month")
        run(
            """
            const [first] = await occurrences("standup");
            win.setTimeout(() => win.openEventDialogForViewing(first), 0);
            await until("invitation", () => windowOf("calendar-summary-dialog")); await nap(1500);
            """
        )
        run.picture("invitation")
        run("""windowOf("calendar-summary-dialog").close(); await nap(300);""")

    def respond(self) -> None:
        run = self.thunderbird
        run("""answer([await calendar.getItem("review")], "ACCEPTED", "this-occurrence");""")
        self.see("accepted", "ACCEPTED", lambda: self.martijn.answers("review").get("florent"))
        run("""answer([await calendar.getItem("standup")], "ACCEPTED", "all-occurrences");""")
        self.see("series accepted", "ACCEPTED", lambda: self.martijn.answers("standup").get("florent"))
        run(
            """await nap(1500); answer([(await occurrences("standup"))[1]], "DECLINED", "this-occurrence");"""
        )
        self.see(
            "one date declined",
            ["ACCEPTED", "DECLINED", "ACCEPTED", "ACCEPTED"],
            lambda: [
                answers(c).get("florent")
                for c in self.martijn.expanded(monday(1, 0), monday(2, 0))
                if c.value("UID") == "standup"
            ],
        )

        self.martijn.put(
            "lunch.ics", meeting("lunch", "martijn", ["florent"], self.start + timedelta(hours=3))
        )
        run(
            """const lunch = await until("invitation", async () => { await refresh(); return calendar.getItem("lunch"); });
            await calendar.deleteItem(lunch);"""
        )
        self.see(
            "an invitation deleted: declined", "DECLINED", lambda: self.martijn.answers("lunch")["florent"]
        )

    def free_busy(self) -> None:
        """The dialog *Invite Attendees*, which asks the outbox about each."""
        run = self.thunderbird
        before = len(self.recorder.lines)
        run(
            """
            const people = ["florent", "martijn", "bob", "room1"].map(name => {
              const a = new CalAttendee();
              a.id = `mailto:${name}@example.com`; a.role = "REQ-PARTICIPANT";
              a.userType = name == "room1" ? "ROOM" : "INDIVIDUAL"; a.isOrganizer = name == "florent";
              return a;
            });
            const startTime = cal.createDateTime(args[0]).getInTimezone(cal.timezoneService.getTimezone("Europe/Paris"));
            const endTime = startTime.clone(); endTime.hour += 1;
            win.setTimeout(() => win.openDialog(
              "chrome://calendar/content/calendar-event-dialog-attendees.xhtml", "_blank", "chrome,titlebar,resizable",
              {calendar, organizer: people[0], attendees: people.slice(1), startTime, endTime, displayTimezone: true, onOk() {}, item: null}), 0);
            await until("dialog", () => windowOf("dialog-attendees")); await nap(4000);
            """,
            stamp(self.start + timedelta(weeks=1, hours=1)),
        )
        run.picture("free-busy")
        asked = [line for line in self.recorder.lines[before:] if line == "POST /florent/outbox/ -> 200"]
        self.see("outbox asked for each", True, lambda: len(asked) >= 3)
        self.see(
            "busy periods shown",
            True,
            lambda: run(
                """return windowOf("dialog-attendees").document.querySelectorAll("div.busy").length >= 3"""
            ),
        )
        run("""windowOf("dialog-attendees").close(); await nap(300);""")

    def change_and_cancel(self) -> None:
        run = self.thunderbird
        move = """
            const old = await calendar.getItem(args[0]);
            const item = old.clone();
            const start = old.startDate.clone(); start.hour += args[1];
            const end = start.clone(); end.hour += 1;
            item.startDate = start; item.endDate = end;
            await calendar.modifyItem(item, old);
            """
        run(self.INVITE, "visit", "Visit", stamp(self.start + timedelta(weeks=1)), "")
        self.see(
            "the room is taken",
            {"florent": "ACCEPTED", "martijn": "NEEDS-ACTION", "room1": "DECLINED"},
            lambda: run("""await refresh(); return partstats(await calendar.getItem("visit"))"""),
        )
        self.martijn.accept("visit")
        self.see(
            "Martijn's answer in Thunderbird",
            "ACCEPTED",
            lambda: run("""await refresh(); return partstats(await calendar.getItem("visit")).martijn"""),
        )
        run(move, "visit", 2)
        self.see(
            "moved by Thunderbird: the room accepts, Martijn is asked again",
            {"florent": "ACCEPTED", "martijn": "NEEDS-ACTION", "room1": "ACCEPTED"},
            lambda: run("""await refresh(); return partstats(await calendar.getItem("visit"))"""),
        )
        # Thunderbird leaves dates that have something of their own, as an answer, at their time.
        run(move, "planning", 6)
        self.see(
            "series moved by Thunderbird",
            [["15:00", "ACCEPTED"], ["09:00", "DECLINED"], ["15:00", "ACCEPTED"]],
            lambda: [
                [
                    (c.value("DTSTART") or "")[9:11] + ":" + (c.value("DTSTART") or "")[11:13],
                    answers(c)["room1"],
                ]
                for c in self.martijn.expanded(monday(1, 0), monday(4, 0))
                if c.value("UID") == "planning"
            ],
        )
        copies = self.martijn.copies()
        review = next(path for path, obj in copies.items() if obj.uid == "review")
        self.martijn.client("DELETE", review)
        self.see(
            "cancelled by Martijn",
            "CANCELLED",
            lambda: run("""await refresh(); return (await calendar.getItem("review"))?.status ?? null"""),
        )
        standup, obj = next((path, obj) for path, obj in copies.items() if obj.uid == "standup")
        gone = (monday(1, 8) + timedelta(days=2)).strftime("%Y%m%dT%H%M%SZ")
        text = obj.body.decode().replace("RRULE:", f"EXDATE:{gone}\r\nRRULE:", 1)
        self.martijn.client("PUT", standup, text)
        self.see(
            "one date cancelled by Martijn: what is left",
            ["ACCEPTED", "DECLINED", "ACCEPTED"],
            lambda: run(
                """await refresh();
                return (await occurrences("standup")).filter(i => i.status != "CANCELLED").map(i => partstats(i).florent)"""
            ),
        )
        run(
            """win.switchCalendarView("week", true); win.goToDate(cal.createDateTime(args[0])); await nap(1500);""",
            stamp(self.start),
        )
        run.picture("week")
        run("""await calendar.deleteItem(await calendar.getItem("planning"));""")
        self.see(
            "deleted in Thunderbird: cancelled for Martijn",
            "CANCELLED",
            lambda: (c := self.martijn.copy("planning")) and c.components[0].value("STATUS"),
        )

    def tasks(self) -> None:
        run = self.thunderbird
        run(
            """
            const { CalTodo } = ChromeUtils.importESModule("resource:///modules/CalTodo.sys.mjs");
            const todo = new CalTodo(); todo.id = "todo"; todo.title = "Chairs"; todo.dueDate = cal.createDateTime(args[0]);
            await calendars().find(c => c.uri.spec.endsWith("/tasks/")).addItem(todo);
            """,
            stamp(self.start),
        )
        self.see(
            "a task is stored", True, lambda: "PUT /florent/tasks/todo.ics -> 201" in self.recorder.lines
        )

    def other_addresses(self) -> None:
        """Account set-up with an address that is already a home or a calendar, and with a wrong password."""
        run = self.thunderbird

        def found(path: str, password: str = "florent") -> object:
            return run(
                """
                try {
                  const map = await cal.provider.detection.detect("florent", args[1], args[0], false, [], {});
                  const found = [...map].filter(([provider]) => provider.type == "caldav").flatMap(([, calendars]) => calendars);
                  return found.map(c => c.uri.filePath).sort();
                } catch (error) { return error.constructor.name == "Error" ? String(error) : error.name || String(error); }
                """,
                f"http://127.0.0.1:{self.recorder.port}{path}",
                password,
            )

        both = ["/florent/calendar/", "/florent/tasks/"]
        self.see("found from the home", both, lambda: found("/florent/"))
        self.see("found from a calendar", both[:1], lambda: found("/florent/calendar/"))
        self.see("a wrong password is said to be wrong", "AuthFailedError", lambda: found("/", "wrong"))

    def address_book(self) -> None:
        """Thunderbird makes no address books on a server: there must be one."""
        run = self.thunderbird
        Person(self.port, "florent").client("MKCOL", "/florent/contacts/", MAKE_ADDRESS_BOOK)
        run(
            """
            const { CardDAVUtils } = ChromeUtils.importESModule("resource:///modules/CardDAVUtils.sys.mjs");
            const { VCardPropertyEntry, VCardUtils } = ChromeUtils.importESModule("resource:///modules/VCardUtils.sys.mjs");
            const found = await CardDAVUtils.detectAddressBooks("florent", "florent", args[0], false, true);
            if (found.length != 1) throw new Error(found.map(b => b.name).join());
            const book = await found[0].create();
            await nap(1000);
            const card = Cc["@mozilla.org/addressbook/cardproperty;1"].createInstance(Ci.nsIAbCard);
            card.displayName = "Iris"; card.primaryEmail = "iris@example.net";
            book.addCard(card);
            """,
            f"http://127.0.0.1:{self.recorder.port}/",
        )
        self.see(
            "a card is stored in the address book",
            1,
            lambda: sum(
                line.startswith("PUT /florent/") and line.endswith(".vcf -> 201")
                for line in self.recorder.lines
            ),
        )

    def refusals(self) -> list[str]:
        """Answers that a client doesn't expect; 401 comes before each log-in."""
        return [line for line in self.recorder.lines if line[-3:] >= "400" and line[-3:] != "401"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--thunderbird", default="thunderbird", metavar="PROGRAM")
    parser.add_argument("--display", default=":77", help="number of a virtual screen (default: :77)")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="where to put pictures of the windows")
    parser.add_argument("--requests", type=Path, metavar="FILE", help="where to write requests and answers")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, screen(arguments.display):
        place = Path(name)
        (place / "office.toml").write_text(DIRECTORY)
        with serving(place / "data", "--directory", str(place / "office.toml")) as (_, port):
            recorder = Recorder(port, arguments.requests or place / "requests.txt")
            thunderbird = Thunderbird(
                arguments.thunderbird, place / "profile", arguments.display, arguments.pictures
            )
            try:
                print(f"Thunderbird {thunderbird.version}", flush=True)  # noqa: T201
                visit = Visit(thunderbird, recorder, port)
                for part in (
                    visit.set_up,
                    visit.invite,
                    visit.be_invited,
                    visit.respond,
                    visit.free_busy,
                    visit.change_and_cancel,
                    visit.tasks,
                    visit.address_book,
                    visit.other_addresses,
                ):
                    part()
                # Account set-up tries whether the address is that of a calendar file.
                refused = {"PUT / -> 405", "PUT /florent/ -> 405"}
                visit.see("no other request is refused", refused, lambda: set(visit.refusals()))
            finally:
                thunderbird.close()
    return 1 if visit.failures else 0


if __name__ == "__main__":
    sys.exit(main())
