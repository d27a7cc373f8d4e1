# SPDX-License-Identifier: GPL-3.0-or-later
"""One series made two: "this and following" (the calendarserver extension, caldav-recursplit)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Final, Literal
from uuid import NAMESPACE_URL, uuid5

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property, split_values
from calcore_caldav.core.derivation import derived, retimed, start_property
from calcore_caldav.core.moments import DAY, from_day, from_epoch, from_local
from calcore_caldav.core.recurrence import RecurrenceId, RecurrenceSet
from calcore_caldav.core.rules import WEEKDAYS, Frequency, Rule, Skip, with_end, with_part
from calcore_caldav.core.rules_bounded import BoundedRule
from calcore_caldav.core.series import Series, is_ranged
from calcore_caldav.errors import InvalidRequest

RELATION: Final = "X-CALENDARSERVER-RECURRENCE-SET"
"""RELTYPE of the RELATED-TO that all parts of one series share."""


def split_series(
    obj: CalendarObject, rid: RecurrenceId, new_uid: str, *, renamed: Literal["past", "future"] = "past"
) -> tuple[CalendarObject, CalendarObject]:
    """The series before `rid`, and the series from the first instance at or after `rid` on.

    `renamed` says which of the two gets `new_uid`: the past one in the calendarserver extension (the future
    keeps its URL and UID). Together they have the instances of the original, with overrides, exceptions,
    answers and alarms; RELATED-TO links them. Raises InvalidRequest ("valid-split", a precondition in the
    calendarserver namespace) where `rid` isn't of DTSTART's form, or one side would be empty.
    """
    recurrence = obj.recurrence()
    series = recurrence.series
    if series is None or not series.recurring:
        raise _refused("only a series can be split")
    value = rid.value
    if isinstance(value, datetime) == series.all_day or (
        isinstance(value, datetime) and (value.tzinfo is None) != series.floating
    ):
        raise _refused("the instance is not named in the form of DTSTART")
    if len(series.rules) + len(series.excluding) > 1 and any(
        b.rule.interval > 1 for b in (*series.rules, *series.excluding)
    ):
        raise _refused("a series with several rules and INTERVAL can't be split")
    cut = series.key(value)
    start = _start_of_future(series, cut)
    if cut <= series.anchor or start is None or next(series.keys_from(cut), None) is None:
        raise _refused("there is no instance before it, or none from it on")
    past, future = [_past(series, start, cut)], [_future(series, start, cut)]
    ranged: Component | None = None
    ranged_at = 0
    for component in obj.components:
        named = component.get("RECURRENCE-ID")
        if named is None:
            continue
        if series.key(series.zones.value(named)) >= cut:
            future.append(component)
            continue
        past.append(component)
        at = series.key(series.zones.value(named))
        if is_ranged(component) and (ranged is None or at > ranged_at):
            ranged, ranged_at = component, at
    if ranged is not None:
        future += _range_carried_over(recurrence, ranged, cut)
    relation = relation_of(obj)
    past_uid, future_uid = (new_uid, obj.uid) if renamed == "past" else (obj.uid, new_uid)
    return (
        obj.with_components(tuple(linked(c, past_uid, relation) for c in past)),
        obj.with_components(tuple(linked(c, future_uid, relation) for c in future)),
    )


def _refused(detail: str) -> InvalidRequest:
    return InvalidRequest(detail, "valid-split", caldav=False)


def _start_of_future(series: Series, cut: int) -> int | None:
    """The first original start at or after `cut` of the rules, whose phase depends on it; else a date's."""
    found = [at for bounded in series.rules if (at := series.next_of(bounded, cut)) is not None]
    return min(found) if found else next((at for at in series.dates if at >= cut), None)


def _past(series: Series, start: int, cut: int) -> Component:
    if series.all_day:
        end: date | datetime = from_day(start - 1)
    else:
        end = from_local(start - 1) if series.floating else from_epoch(start - 1)

    def edited(prop: Property) -> Property | None:
        if prop.name not in {"RRULE", "EXRULE"}:
            return _sided(prop, series, lambda at: at < cut)
        bounded = _bounded(series, prop)
        if bounded is None or series.next_of(bounded, start) is None:
            return prop
        return prop.with_value(with_end(prop.value, until=end))

    return series.component.map(edited)


def _future(series: Series, start: int, cut: int) -> Component:
    moved = start_property(series, start)
    times = series.times_of(start, None)
    single = len(series.rules) + len(series.excluding) == 1

    def edited(prop: Property) -> Property | None:
        if prop.name not in {"RRULE", "EXRULE"}:
            if prop.name == moved.name:
                return moved
            if prop.name in {"DTEND", "DUE"}:
                return retimed(prop, series.component, times, series.zones)
            return _sided(prop, series, lambda at: at >= cut and (prop.name != "RDATE" or at != start))
        bounded = _bounded(series, prop)
        if bounded is None or series.next_of(bounded, start) is None:
            return None
        text = prop.value
        if not single or bounded.rule.skip is not Skip.OMIT:
            text = _explicit(text, bounded.rule, series)
        if bounded.rule.count is not None:
            gone = bounded.walk.count_before(series.local(start)) + (
                bounded.walk.first(bounded.walk.start) != bounded.walk.start
            )
            # DTSTART counts as the first of every rule, also of those that don't yield it.
            text = with_end(
                text,
                until=bounded.rule.until,
                count=bounded.rule.count - gone + (series.next_of(bounded, start) != start),
            )
        return prop if text == prop.value else prop.with_value(text)

    return series.component.map(edited)


def _bounded(series: Series, prop: Property) -> BoundedRule | None:
    rules = series.rules if prop.name == "RRULE" else series.excluding
    return next((bounded for bounded in rules if bounded.text == prop.value), None)


def _explicit(text: str, rule: Rule, series: Series) -> str:
    """The rule with what it takes from DTSTART written out."""
    first = from_day(series.local(series.anchor) // DAY)
    by_days = rule.by_day or rule.by_month_day or rule.by_year_day
    if rule.freq is Frequency.WEEKLY and not rule.by_day:
        return with_part(text, "BYDAY", WEEKDAYS[first.weekday()])
    if rule.freq is Frequency.YEARLY and rule.by_week_no and not by_days:
        return with_part(text, "BYDAY", WEEKDAYS[first.weekday()])
    if rule.freq >= Frequency.MONTHLY and not by_days:
        text = with_part(text, "BYMONTHDAY", str(first.day))
        if rule.freq is Frequency.YEARLY and not rule.by_month:
            text = with_part(text, "BYMONTH", str(first.month))
    return text


def _sided(prop: Property, series: Series, here: Callable[[int], bool]) -> Property | None:
    """RDATE or EXDATE with the values of one side only; other properties as they are."""
    if prop.name not in {"RDATE", "EXDATE"}:
        return prop
    values = [v for v in split_values(prop.value) if v.strip()]
    kept = [v for v in values if here(series.key(series.zones.value(prop.with_value(v.partition("/")[0]))))]
    if len(kept) == len(values):
        return prop
    return prop.with_value(",".join(kept)) if kept else None


def _range_carried_over(recurrence: RecurrenceSet, ranged: Component, cut: int) -> list[Component]:
    """The RANGE=THISANDFUTURE override that is in force at the cut, named after the first instance there."""
    series = recurrence.series
    assert series is not None
    for key in series.keys_from(cut):
        found = recurrence.instance(series.rid(key))
        if found is not None and found.component is ranged:
            return [
                derived(recurrence, found).map(
                    lambda p: p.with_param("RANGE", "THISANDFUTURE") if p.name == "RECURRENCE-ID" else p
                )
            ]
        if found is not None and is_ranged(found.component):
            break
    return []


def relation_of(obj: CalendarObject) -> str:
    """What the parts of a series share; of a series not split before, a UUID that its UID determines."""
    for component in obj.components:
        for prop in component.all("RELATED-TO"):
            if (prop.param("RELTYPE") or "").upper() == RELATION:
                return prop.value
    return str(uuid5(NAMESPACE_URL, obj.uid)).upper()


def linked(component: Component, uid: str, relation: str) -> Component:
    """A component of one of the parts: with its UID and what all parts share."""
    named = component if component.value("UID") == uid else component.set("UID", uid)
    if any((p.param("RELTYPE") or "").upper() == RELATION for p in component.all("RELATED-TO")):
        return named
    return named.adding(Property("RELATED-TO", relation, (("RELTYPE", (RELATION,)),)))
