# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report returns of a calendar object: expanded, limited, in part (RFC 4791 §9.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.series import Series, has_periods, is_ranged
from calcore_caldav.core.timerange import (
    OVERLAPS,
    Scheduled,
    effective_times,
    freebusy_values,
    limits,
    resolver,
    scheduled,
)
from calcore_caldav.core.times import (
    TimeRange,
    TimezoneResolver,
    format_date_time,
    format_duration,
    from_epoch,
    parse_duration,
)
from calcore_caldav.errors import InvalidCalendarData

_RECURRENCE: Final = frozenset({"RRULE", "RDATE", "EXDATE", "EXRULE"})
_ENDING: Final = ("DTEND", "DUE", "DURATION")
_MOVING: Final = frozenset({"DTSTART", "RECURRENCE-ID", *_ENDING})


@dataclass(frozen=True, slots=True)
class PropSelection:
    """A property to return (RFC 4791 §9.6.4)."""

    name: str
    novalue: bool = False


@dataclass(frozen=True, slots=True)
class CompSelection:
    """A component to return, and what of it (RFC 4791 §9.6.1)."""

    name: str
    props: tuple[PropSelection, ...] | None = None
    """None: all."""
    comps: tuple[CompSelection, ...] | None = None
    """None: all."""


@dataclass(frozen=True, slots=True)
class CalendarData:
    """What CALDAV:calendar-data asks for (RFC 4791 §9.6); the default is the object as it is stored."""

    selection: CompSelection | None = None
    expand: TimeRange | None = None
    limit_recurrence: TimeRange | None = None
    limit_freebusy: TimeRange | None = None

    @property
    def whole(self) -> bool:
        """Whether the stored bytes are the answer."""
        return self == WHOLE


WHOLE: Final = CalendarData()


def rendered(
    obj: CalendarObject, wanted: CalendarData, zone: tzinfo = UTC, *, limit: int | None = None
) -> bytes:
    """The bytes that `wanted` asks for; raises TooManyInstances where it expands to more than `limit`."""
    if wanted.expand is not None:
        obj = expanded(obj, wanted.expand, zone, limit=limit)
    elif wanted.limit_recurrence is not None:
        obj = limited_recurrence(obj, wanted.limit_recurrence, zone)
    if wanted.limit_freebusy is not None:
        obj = limited_freebusy(obj, wanted.limit_freebusy, zone)
    if wanted.selection is not None:
        obj = partial(obj, wanted.selection)
    return obj.body


def expanded(
    obj: CalendarObject, window: TimeRange, zone: tzinfo = UTC, *, limit: int | None = None
) -> CalendarObject:
    """One component per instance that overlaps `window` (RFC 4791 §9.6.5).

    Times with a zone become UTC; dates and floating times stay what they are. Every instance of something
    that recurs has its RECURRENCE-ID; recurrence properties and VTIMEZONEs are gone. Raises
    TooManyInstances beyond `limit`.
    """
    zones = resolver(obj, zone)
    master = obj.master
    series = obj.recurrence(zone).series if master is not None and has_periods(master) else None
    lines = ["BEGIN:VCALENDAR", *(p.folded() for p in obj.calendar.properties)]
    templates: dict[int, _Template] = {}
    for item in scheduled(obj, window, zone, limit=limit):
        key = id(item.component)
        template = templates.get(key)
        if template is None:
            template = templates[key] = _Template(item.component, zones, zone, series)
        lines.append(template.fill(item))
    lines.append("END:VCALENDAR\r\n")
    return CalendarObject("\r\n".join(lines).encode())


class _Template:
    """The text of a component, with places for what differs from instance to instance."""

    def __init__(
        self, component: Component, zones: TimezoneResolver, zone: tzinfo, series: Series | None
    ) -> None:
        # Kept alive with its text: templates are found by its identity.
        self.component = component
        self.zone = zone
        self.series = series if series is not None and component is series.component else None
        """The series of the component, where dates of it bring their own length."""
        self.pieces: list[str | Callable[[Scheduled], str]] = []
        text = [f"BEGIN:{component.name}"]
        has_id = component.get("RECURRENCE-ID") is not None
        for prop in component.properties:
            if prop.name in _RECURRENCE:
                continue
            if prop.name not in _MOVING:
                text.append(in_utc(prop, zones).folded())
                continue
            text = self._place(text, prop, zones)
            if prop.name == "DTSTART" and not has_id:
                text = self._place(text, Property("RECURRENCE-ID", ""), zones)
        if not has_id and component.get("DTSTART") is None:
            text = self._place(text, Property("RECURRENCE-ID", ""), zones)
        if self.series is not None and not any(map(component.get, _ENDING)):
            text = self._place(text, Property("DURATION", ""), zones)
        text.extend(_lines_in_utc(component.children, zones))
        text.append(f"END:{component.name}")
        self.pieces.append("\r\n".join(text))

    def _place(self, text: list[str], prop: Property, zones: TimezoneResolver) -> list[str]:
        if text:
            self.pieces.append("\r\n".join([*text, ""]))
        self.pieces.append(self._slot(prop, zones))
        return []

    def _slot(self, prop: Property, zones: TimezoneResolver) -> Callable[[Scheduled], str]:
        """The function that writes a property of an instance, with its line end; "" where it has none."""
        name = str(prop.without_params("TZID", "VALUE", "RANGE").with_value(""))[:-1]
        if prop.name == "RECURRENCE-ID":
            return lambda item: (
                ""
                if item.instance is None or item.instance.rid is None
                else _line(name, item.instance.rid.value)
            )
        if prop.name == "DURATION":
            return self._length(prop, zones)
        form = _form(prop, zones)
        fixed = in_utc(prop, zones).folded() + "\r\n"
        if prop.name == "DTSTART":
            return lambda item: (
                fixed if item.instance is None else _line(name, form(item.instance.start, self.zone))
            )
        return lambda item: (
            fixed if item.instance is None else _line(name, form(item.instance.end, self.zone))
        )

    def _length(self, prop: Property, zones: TimezoneResolver) -> Callable[[Scheduled], str]:
        """The function that writes DURATION: a day of a zone is not always one of UTC."""
        start = self.component.get("DTSTART")
        absolute = start is not None and start.param("TZID") is not None and _form(start, zones) is _as_utc
        fixed = prop.folded() + "\r\n" if prop.value else ""
        usual = parse_duration(prop.value) if prop.value else None

        def write(item: Scheduled) -> str:
            if item.start is None or item.end is None:
                return fixed
            length = item.end - item.start
            if length != usual and (absolute or self._has_own_length(item)):
                return f"DURATION:{format_duration(length)}\r\n"
            return fixed

        return write

    def _has_own_length(self, item: Scheduled) -> bool:
        series, rid = self.series, None if item.instance is None else item.instance.rid
        return series is not None and rid is not None and series.period(series.key(rid.value)) is not None

    def fill(self, item: Scheduled) -> str:
        """The text of one instance."""
        return "".join([piece if isinstance(piece, str) else piece(item) for piece in self.pieces])


def _line(name: str, value: datetime | date) -> str:
    if isinstance(value, datetime):
        return f"{name}:{format_date_time(value)}\r\n"
    return f"{name};VALUE=DATE:{format_date_time(value)}\r\n"


def _form(prop: Property, zones: TimezoneResolver) -> Callable[[datetime, tzinfo], datetime | date]:
    """How an instant is written in a property's own form: as a date, a floating or a UTC time."""
    try:
        value = zones.value(prop)
    except InvalidCalendarData:
        return _as_utc
    if not isinstance(value, datetime):
        return _as_date
    return _as_floating if value.tzinfo is None else _as_utc


def _as_utc(instant: datetime, _zone: tzinfo) -> datetime:
    return instant


def _as_floating(instant: datetime, zone: tzinfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def _as_date(instant: datetime, zone: tzinfo) -> date:
    return instant.astimezone(zone).date()


def _lines_in_utc(components: tuple[Component, ...], zones: TimezoneResolver) -> Iterator[str]:
    for component in components:
        yield f"BEGIN:{component.name}"
        for prop in component.properties:
            yield in_utc(prop, zones).folded()
        yield from _lines_in_utc(component.children, zones)
        yield f"END:{component.name}"


def in_utc(prop: Property, zones: TimezoneResolver) -> Property:
    """A property without its time zone: local time with a TZID becomes UTC, the rest stays as it is."""
    if prop.param("TZID") is None:
        return prop
    try:
        value = zones.value(prop)
        if isinstance(value, datetime) and value.tzinfo is not None:
            return prop.without_params("TZID").with_value(format_date_time(value))
    except (InvalidCalendarData, OverflowError):
        pass  # not a date-time: the text is what there is
    return prop.without_params("TZID")


def limited_recurrence(obj: CalendarObject, window: TimeRange, zone: tzinfo = UTC) -> CalendarObject:
    """The master and the overrides that bear on `window`: now, or before they moved (RFC 4791 §9.6.6)."""
    master = obj.master
    if master is None and len(obj.components) < 2:
        return obj
    zones, recurrence = resolver(obj, zone), obj.recurrence(zone)
    series = recurrence.series

    def moved_back(component: Component) -> timedelta:
        start, rid = effective_times(component, zones)[0], obj.recurrence_id(component)
        return timedelta(0) if start is None or rid is None else zones.instant(rid.value) - start

    # What is moved back with all that follow bears on times before it.
    back = max([timedelta(0), *(moved_back(c) for c in obj.components if is_ranged(c))])

    def bears(component: Component) -> bool:
        rid = obj.recurrence_id(component)
        if rid is None:
            return True
        original = zones.instant(rid.value)
        if is_ranged(component):
            return window.end is None or original - back < window.end
        if series is not None:
            # Without it, the instance would be there then.
            start, end = map(from_epoch, recurrence.times(series.key(rid.value)))
            if window.overlaps(start, end):
                return True
        if window.overlaps(original, original):
            return True
        first, last = effective_times(component, zones)
        if last is None and first is not None:
            last = first + _bare_span(component)
        return OVERLAPS[component.name](Scheduled(component, first, last, None), limits(window), zones)

    kept = tuple(c for c in obj.components if bears(c))
    return obj if len(kept) == len(obj.components) else obj.with_components(kept)


def _bare_span(component: Component) -> timedelta:
    """How long a component without an end takes: a day for a DATE, else nothing."""
    start = component.value("DTSTART")
    return timedelta(days=1) if start is not None and "T" not in start else timedelta(0)


def limited_freebusy(obj: CalendarObject, window: TimeRange, zone: tzinfo = UTC) -> CalendarObject:
    """A VFREEBUSY with the periods that overlap `window` only; others as they are (RFC 4791 §9.6.7)."""
    if obj.components[0].name != "VFREEBUSY":
        return obj
    zones = resolver(obj, zone)

    def limit(prop: Property) -> Property | None:
        if prop.name != "FREEBUSY":
            return prop
        texts = [text for text in prop.value.split(",") if text.strip()]
        kept = [
            text
            for text, period in zip(texts, freebusy_values(prop, zones), strict=True)
            if window.overlaps(period.start, period.end)
        ]
        if len(kept) == len(texts):
            return prop
        return prop.with_value(",".join(kept)) if kept else None

    return obj.with_components(tuple(c.map(limit) for c in obj.components))


def partial(obj: CalendarObject, selection: CompSelection) -> CalendarObject:
    """Only the selected components and properties (RFC 4791 §9.6.1 to §9.6.4)."""
    return CalendarObject.from_component(_selected(obj.calendar, selection))


def _selected(component: Component, selection: CompSelection) -> Component:
    properties = component.properties
    if selection.props is not None:
        wanted = {p.name: p.novalue for p in selection.props}
        properties = tuple(
            Property(p.name, "", p.params) if wanted[p.name] else p for p in properties if p.name in wanted
        )
    children = component.children
    if selection.comps is not None:
        inner = {c.name: c for c in selection.comps}
        children = tuple(_selected(c, inner[c.name]) for c in children if c.name in inner)
    return Component(component.name, properties, children)
