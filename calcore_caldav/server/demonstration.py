# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo office: exports of several clients, brought up to date and stored as their owners would."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Final

from calcore_caldav.core import stream
from calcore_caldav.core.calobject import CalendarObject, PartStat, partstat
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal
from calcore_caldav.errors import ConfigurationError
from calcore_caldav.scheduling.access import actor_of
from calcore_caldav.scheduling.services import Services
from calcore_caldav.server.directory import Entry, parse_directory
from calcore_caldav.server.directory_import import import_directory
from calcore_caldav.server.progress import Progress
from calcore_caldav.store.protocol import StoredObject, Transaction

_FILES: Final = resources.files("calcore_caldav.server").joinpath("demo")
_MARK: Final = "demo.json"
_ANCHOR: Final = date(2026, 1, 5)
"""The Monday that stands for this week's in the files."""
_RECENT: Final = "2025"
"""What started before stays where it is: birthdays, pay days."""
_DATED: Final = frozenset({"DTSTART", "DTEND", "DUE", "RECURRENCE-ID", "EXDATE", "RDATE", "RRULE"})
_DATE: Final = re.compile(r"(?<![0-9])(\d{4})(\d\d)(\d\d)(?![0-9])")


def demo_entries() -> list[Entry]:
    """The people, rooms and things of the office."""
    return parse_directory(_FILES.joinpath("office.toml").read_text(encoding="utf-8"), "office.toml")


def is_filled(data: Path) -> bool:
    """Whether the directory holds a whole demo; False: it is empty, or a demo that was interrupted.

    Raises ConfigurationError where it holds anything else.
    """
    if not data.exists():
        return False
    if not data.is_dir():
        raise ConfigurationError(f"{data} is not a directory")
    mark = data / _MARK
    if mark.exists():
        return bool(json.loads(mark.read_text(encoding="utf-8")).get("complete"))
    if any(data.iterdir()):
        raise ConfigurationError(
            f"{data} holds something else than a demo; name an empty directory with --data"
        )
    return False


def begin(data: Path) -> None:
    """Make the directory a demo's; what an interrupted one left is removed."""
    for old in data.glob("calcore.db*"):
        old.unlink()
    _mark(data, complete=False)


def fill(services: Services, data: Path, today: date) -> None:
    """Store the office, so that `today` is in the week of most meetings."""
    import_directory(services, demo_entries())
    weeks = (today - timedelta(days=today.weekday()) - _ANCHOR) // timedelta(weeks=1)
    exports = sorted(_exports(timedelta(weeks=weeks)), key=lambda export: _created(export[1]))
    with Progress("meetings") as progress:
        for done, (owner, obj) in enumerate(exports, 1):
            _store(services, owner, obj)
            progress(done, len(exports))
    _mark(data, complete=True)


def booked_at(now: datetime) -> datetime:
    """When the office's people made their meetings: before the first of them, so that rooms answer for all."""
    return now - timedelta(weeks=4)


def _created(obj: CalendarObject) -> str:
    """Who books first gets the room."""
    first = obj.components[0]
    return first.value("CREATED") or first.value("DTSTAMP") or ""


def _mark(data: Path, *, complete: bool) -> None:
    (data / _MARK).write_text(json.dumps({"complete": complete}) + "\n", encoding="utf-8")


def _exports(shift: timedelta) -> Iterator[tuple[str, CalendarObject]]:
    """(owner, object) of every file; a file's name starts with its owner's."""
    for file in sorted(_FILES.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".ics"):
            calendar = stream.parse(file.read_bytes())
            for obj in _objects(_shifted(calendar, shift)):
                yield file.name.partition(".")[0], obj


def _objects(calendar: Component) -> Iterator[CalendarObject]:
    """One object for each UID, with the time zones that it names."""
    zones = {c.value("TZID"): c for c in calendar.named("VTIMEZONE")}
    by_uid: dict[str | None, list[Component]] = {}
    for component in calendar.children:
        if component.name != "VTIMEZONE":
            by_uid.setdefault(component.value("UID"), []).append(component)
    bare = calendar.without("X-WR-CALNAME", "X-WR-TIMEZONE")
    for components in by_uid.values():
        named = {prop.param("TZID") for c in components for prop in c.properties}
        used = [zone for tzid, zone in zones.items() if tzid in named]
        yield CalendarObject.from_component(bare.with_children((*used, *components)))


def _shifted(calendar: Component, shift: timedelta) -> Component:
    """Every date of events and tasks moved by whole weeks; wall-clock times stay, time zones too."""

    def moved(match: re.Match[str]) -> str:
        year, month, day = map(int, match.groups())
        return (datetime(year, month, day) + shift).strftime("%Y%m%d")

    def later(prop: Property) -> Property:
        return prop.with_value(_DATE.sub(moved, prop.value)) if prop.name in _DATED else prop

    return calendar.with_children(
        child.map(later) if (child.value("DTSTART") or _RECENT) >= _RECENT else child
        for child in calendar.children
    )


def _store(services: Services, owner: str, obj: CalendarObject) -> None:
    """Store an object as its owner, then let everybody answer as the export says they did."""
    name = re.sub(r"[^A-Za-z0-9@._-]", "", obj.uid)[-60:] + ".ics"
    with services.store.read() as txn:
        actor = actor_of(txn, owner)
    with services.store.write(actor) as txn:
        collection = txn.collections.get(owner, "tasks" if obj.kind == "VTODO" else "calendar")
        assert collection is not None
        services.calendar.put(txn, collection, name, _unanswered(obj, owner_addresses(txn, owner)))
    for person in _invited(services, obj):
        if person.name != owner:
            _answer(services, person, obj)


def owner_addresses(txn: Transaction, owner: str) -> frozenset[CalendarUserAddress]:
    """The addresses of a principal."""
    principal = txn.directory.by_name(owner)
    return principal.own_addresses if principal else frozenset()


def _unanswered(obj: CalendarObject, own: frozenset[CalendarUserAddress]) -> bytes:
    """The object as it was when it was sent: nobody but the owner has answered."""

    def reset(prop: Property) -> Property:
        if prop.name != "ATTENDEE" or CalendarUserAddress.parse(prop.value) in own:
            return prop
        return prop.with_param("PARTSTAT", PartStat.NEEDS_ACTION)

    return obj.with_components(tuple(c.map(reset) for c in obj.components)).body


def _invited(services: Services, obj: CalendarObject) -> list[Principal]:
    with services.store.read() as txn:
        found = [txn.directory.by_address(address) for address in sorted(obj.attendees)]
    return [p for p in found if p is not None and p.kind is CalendarUserType.INDIVIDUAL]


def _answer(services: Services, person: Principal, sent: CalendarObject) -> None:
    """Store in the person's own copy what the export says the person answered."""
    with services.store.read() as txn:
        actor = actor_of(txn, person.name)
    with services.store.write(actor) as txn:
        copy = _copy(txn, person, sent.uid)
        if copy is None:
            return
        collection = txn.collections.by_id(copy.collection_id)
        assert collection is not None
        stored = txn.objects.parsed(copy)
        answered = _answered(stored, sent, person.own_addresses)
        if answered != stored.body:
            services.calendar.put(txn, collection, copy.name, answered)


def _copy(txn: Transaction, person: Principal, uid: str) -> StoredObject | None:
    return next(iter(txn.objects.in_home_by_uid(person, uid)), None)


def _answered(copy: CalendarObject, sent: CalendarObject, own: frozenset[CalendarUserAddress]) -> bytes:
    answers = {
        rid: partstat(prop)
        for rid, component in sent.by_rid().items()
        for prop in component.all("ATTENDEE")
        if CalendarUserAddress.parse(prop.value) in own
    }

    def answer(component: Component) -> Component:
        given = answers.get(copy.recurrence_id(component), answers.get(None, PartStat.NEEDS_ACTION))

        def set_own(prop: Property) -> Property:
            mine = prop.name == "ATTENDEE" and CalendarUserAddress.parse(prop.value) in own
            if not mine or given is PartStat.NEEDS_ACTION:
                return prop
            return prop.with_param("PARTSTAT", given).without_params("RSVP")

        return component.map(set_own)

    return copy.with_components(tuple(answer(c) for c in copy.components)).body


def accounts() -> str:
    """What a newcomer needs: names, passwords, rooms."""
    entries = demo_entries()
    people = [e for e in entries if e.principal.kind is CalendarUserType.INDIVIDUAL]
    things = [e for e in entries if e.principal.kind.bookable]
    lines = ['A demo office. Log in as one of these; everybody\'s password is "demo":']
    lines += [_line(entry) for entry in people]
    lines += ["Invite these, and they answer:"]
    lines += [_line(entry) for entry in things]
    return "\n".join(lines)


def _line(entry: Entry) -> str:
    principal = entry.principal
    return f"  {principal.name:<10} {principal.display_name:<18} {principal.address.email or ''}"
