# SPDX-License-Identifier: GPL-3.0-or-later
"""`calcore-caldav room`: policies of rooms and resources, and what became of bookings."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import tzinfo
from functools import partial
from typing import TYPE_CHECKING

from calcore_caldav.core.calobject import PartStat
from calcore_caldav.core.principals import CalendarUserType
from calcore_caldav.core.times import Period
from calcore_caldav.errors import CalcoreError, DirectoryError
from calcore_caldav.server.actions import add_action, add_actions
from calcore_caldav.server.place import open_place, place
from calcore_caldav.server.room_arguments import (
    assignment,
    find_instance,
    find_room,
    instant,
    seat_count,
    setting_value,
)

if TYPE_CHECKING:
    from calcore_caldav.scheduling.explanation import Explanation

ROOMS = (CalendarUserType.ROOM, CalendarUserType.RESOURCE)


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    actions = add_actions(
        subparsers,
        "room",
        "how rooms and resources answer, and why they did",
        "Rooms and resources: their policies, their bookings, and why they answered as they did.",
    )
    action = partial(add_action, actions)

    def of_room(
        name: str, run: Callable[[argparse.Namespace], int | None], summary: str
    ) -> argparse.ArgumentParser:
        made = action(name, run, summary)
        made.add_argument("room", metavar="ROOM", help="name of the room or resource")
        return made

    action("list", _list, "list all rooms and resources")
    of_room("show", _show, "show every setting of a room's booking policy")
    setting = of_room("set", _set, "change settings of a room's booking policy")
    setting.add_argument(
        "settings",
        metavar="SETTING=VALUE",
        type=assignment,
        nargs="+",
        help="such as mode=approval, max_duration=2h, book=ann,staff; SETTING= alone restores the default;"
        " 'calcore-caldav room show ROOM' lists them all",
    )
    of_room("bookings", _bookings, "list the meetings that a room is asked for, each with its UID")
    why = of_room("why", _why, "tell for each date of a booking what the room answered, and by which rule")
    check = action("check", _check, "find bookings and answers that do not agree with each other")
    check.add_argument("rooms", metavar="ROOM", nargs="*", help="names of rooms and resources (default: all)")
    check.add_argument("--fix", action="store_true", help="repair what can be repaired")
    free = action("free", _free, "list the rooms that are free, the smallest that suffices first")
    free.add_argument("--from", dest="start", metavar="TIME", required=True, help="such as 2026-03-02T10:00")
    free.add_argument("--to", dest="end", metavar="TIME", required=True, help="such as 2026-03-02T11:00")
    free.add_argument("--timezone", metavar="ZONE", default="UTC", help="zone of the times (default: UTC)")
    free.add_argument("--capacity", metavar="N", type=seat_count, default=0, help="seats that are needed")
    free.add_argument(
        "--feature",
        metavar="F",
        action="append",
        default=[],
        help="what it must have; may be given more than once",
    )
    free.add_argument("--building", metavar="B", default="", help="only in this building")
    release = of_room("release", _settle, "give back a booking, or one date of it; the organizer is told")
    approve = of_room("approve", _settle, "accept what waits for approval, or was declined")
    refuse = of_room("refuse", _settle, "decline what waits for approval, or was accepted")
    check_in = of_room("check-in", _check_in, "say that somebody is there, so that the room is not released")
    for made in (why, release, approve, refuse, check_in):
        made.add_argument("uid", metavar="UID", help="UID of the event (calcore-caldav room bookings ROOM)")
        made.add_argument(
            "recurrence_id",
            metavar="RECURRENCE-ID",
            nargs="?",
            help="one date: 20260302T100000Z, or its day 20260302",
        )


def _list(args: argparse.Namespace) -> None:
    from calcore_caldav.scheduling.policy import policy_of

    with open_place(args) as services, services.store.read() as txn:
        rooms = txn.directory.all(*ROOMS)
    rows = [("NAME", "TYPE", "MODE", "SEATS", "WHERE", "FEATURES", "CALLED")]
    for room in rooms:
        policy = policy_of(room.booking)
        where = " ".join(filter(None, (room.location.building, room.location.floor)))
        seats = str(policy.capacity or "")
        features = ",".join(room.location.features)
        rows.append((room.name, room.kind.value, str(policy.mode), seats, where, features, room.display_name))
    if rooms:
        _print_table(rows)
    else:
        print(
            f"there are no rooms or resources in {place(args).database} (another place: --data or --config);"
            " the directory names them (calcore-caldav directory --help)"
        )


def _show(args: argparse.Namespace) -> None:
    from calcore_caldav.scheduling.policy import policy_of

    with open_place(args) as services, services.store.read() as txn:
        room = find_room(txn, args.room)
    shown = policy_of(room.booking).shown()
    shown["past_grace"] = shown["past_grace"] or f"{services.settings.past_days}d"
    _print_table(
        (key, "=", _shown(value), "" if key in room.booking else "(default)") for key, value in shown.items()
    )


def _set(args: argparse.Namespace) -> None:
    from calcore_caldav.scheduling.policy import BookingPolicy
    from calcore_caldav.scheduling.rebooking import rebook
    from calcore_caldav.store.protocol import SYSTEM

    with open_place(args) as services, services.store.write(SYSTEM) as txn:
        room = find_room(txn, args.room)
        booking = dict(room.booking)
        for key, value in args.settings:
            if value:
                booking[key] = setting_value(key, value)
            else:
                booking.pop(key, None)
        names = BookingPolicy.of(booking).names
        strangers = sorted(name for name in names if txn.directory.by_name(name) is None)
        problems = [f"there is nobody called {name!r}" for name in strangers]
        try:
            BookingPolicy.from_mapping(booking)
        except DirectoryError as error:
            problems = [*error.problems, *problems]
        if problems:
            raise DirectoryError(problems)
        txn.lock([f"room:{room.name}"])
        saved = txn.directory.save(replace(room, booking=booking))
        rebook(txn, saved, settings=services.settings)


def _bookings(args: argparse.Namespace) -> None:
    from calcore_caldav.scheduling.availability import zone_of
    from calcore_caldav.scheduling.explanation import asked

    with open_place(args) as services, services.store.read() as txn:
        room = find_room(txn, args.room)
        found = asked(txn, room, settings=services.settings)
        zone = zone_of(txn, room)
    if not found:
        print("nobody asks for it in the time to come")
        return
    rows = [("NEXT", "ANSWERS", "BOOKED BY", "UID")]
    for meeting in found:
        answers = ", ".join(f"{number} {answer}" for answer, number in meeting.answers.items())
        booker = meeting.organizer.email or str(meeting.organizer)
        rows.append((f"{meeting.next.astimezone(zone):%a %Y-%m-%d %H:%M}", answers, booker, meeting.uid))
    print(f"times of {zone}")
    _print_table(rows)


def _why(args: argparse.Namespace) -> None:
    from calcore_caldav.scheduling import responses
    from calcore_caldav.scheduling.availability import zone_of
    from calcore_caldav.scheduling.explanation import why

    with open_place(args) as services, services.store.read() as txn:
        room = find_room(txn, args.room)
        found = why(
            txn,
            room,
            args.uid,
            find_instance(txn, room, args.uid, args.recurrence_id),
            settings=services.settings,
        )
        zone = zone_of(txn, room)
    print(f"times of {zone}" if found else "nothing of it is still to come")
    for explanation in found:
        start, end = responses.clock_times(explanation.start, explanation.end, zone)
        day = explanation.start.astimezone(zone)
        print(f"{day:%a} {start} to {end}  {explanation.stands}, {_since(explanation, zone)}")
        print(f"    {_now(explanation, zone)}")


def _since(explanation: Explanation, zone: tzinfo) -> str:
    from calcore_caldav.scheduling.request import Reason

    if explanation.stands is PartStat.NEEDS_ACTION:
        return "nobody has answered yet"
    if explanation.answered is None:
        return "answered by a manager"
    because = explanation.because
    who = "a manager" if Reason.MANAGER in because else "the server"
    # Where the rules say the same today, they say it below with what it rests on.
    known = because and not because & {Reason.MANAGER, explanation.verdict.reason}
    why = f" because of {' or '.join(sorted(because))}" if known else ""
    return f"answered by {who} on {explanation.answered.astimezone(zone):%Y-%m-%d at %H:%M}{why}"


def _now(explanation: Explanation, zone: tzinfo) -> str:
    from calcore_caldav.scheduling.explanation import told

    same = explanation.verdict.partstat is explanation.stands
    change = "" if same else f"asked now, it would answer {explanation.verdict.partstat}. "
    return change + told(explanation, zone)


def _check(args: argparse.Namespace) -> int:
    from calcore_caldav.scheduling.room_check import TROUBLES, check
    from calcore_caldav.scheduling.room_promises import promises
    from calcore_caldav.store.protocol import SYSTEM

    open_findings = number = 0
    with open_place(args) as services:
        store = services.store
        with store.read() as txn:
            rooms = [find_room(txn, name) for name in args.rooms] or txn.directory.all(*ROOMS)
            promised = promises(txn)
        for room in rooms:
            with store.write(SYSTEM) if args.fix else store.read(SYSTEM) as txn:
                if args.fix:
                    txn.lock([f"room:{room.name}"])
                findings = check(txn, room, fix=args.fix, settings=services.settings, promised=promised)
            for finding in findings:
                fixed = " (fixed)" if finding.fixed else ""
                what = " ".join(filter(None, (finding.uid, finding.detail)))
                print(f"{room.name}: {finding.trouble}: {what}; {TROUBLES[finding.trouble]}{fixed}")
            open_findings += sum(not f.fixed for f in findings)
            number += len(findings)
    if not number:
        print(f"{len(rooms)} checked: nothing is wrong")
    return 1 if open_findings else 0


def _free(args: argparse.Namespace) -> None:
    from calcore_caldav.scheduling.finder import free_rooms
    from calcore_caldav.scheduling.policy import policy_of

    period = Period(instant(args.start, args.timezone), instant(args.end, args.timezone))
    if period.start >= period.end:
        raise CalcoreError("--to is not after --from")
    with open_place(args) as services, services.store.read() as txn:
        if period.end <= txn.now:
            raise CalcoreError("that time is over: rooms are looked for in the time to come")
        found = free_rooms(
            txn,
            [period],
            capacity=args.capacity,
            features=args.feature,
            building=args.building,
        )
    rows = [
        (r.name, str(policy_of(r.booking).capacity or ""), r.location.building, r.display_name) for r in found
    ]
    if rows:
        _print_table([("NAME", "SEATS", "BUILDING", "CALLED"), *rows])
    else:
        print("no room that suffices is free and open at that time, or can be booked so far ahead")


def _settle(args: argparse.Namespace) -> None:
    from calcore_caldav.scheduling import room_jobs
    from calcore_caldav.store.protocol import SYSTEM

    verdict = {"release": room_jobs.RELEASE, "approve": room_jobs.APPROVE, "refuse": room_jobs.REFUSE}
    with open_place(args) as services, services.store.write(SYSTEM) as txn:
        txn.lock([f"room:{args.room}", f"uid:{args.uid}"])
        room = find_room(txn, args.room)
        number = room_jobs.settle(
            txn,
            room,
            args.uid,
            find_instance(txn, room, args.uid, args.recurrence_id),
            verdict=verdict[args.action],
            settings=services.settings,
        )
    print(f"{number} {verdict[args.action].partstat.lower()}")


def _check_in(args: argparse.Namespace) -> None:
    from calcore_caldav.scheduling.room_jobs import check_in
    from calcore_caldav.store.protocol import SYSTEM

    with open_place(args) as services, services.store.write(SYSTEM) as txn:
        room = find_room(txn, args.room)
        check_in(txn, room, args.uid, find_instance(txn, room, args.uid, args.recurrence_id))


def _shown(value: object) -> str:
    return (
        ", ".join(map(str, value))
        if isinstance(value, list)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )


def _print_table(rows: Iterable[Sequence[str]]) -> None:
    listed = list(rows)
    widths = [max(map(len, column)) for column in zip(*listed, strict=True)]
    for row in listed:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
