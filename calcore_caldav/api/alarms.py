# SPDX-License-Identifier: GPL-3.0-or-later
"""`reminders`: VALARMs as JSON, and back (RFC 5545 §3.6.6)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from calcore_caldav.api.fields import OWN
from calcore_caldav.api.types import Json
from calcore_caldav.core.content import Component, Property, escape_text
from calcore_caldav.core.times import format_duration, parse_duration
from calcore_caldav.errors import InvalidCalendarData

NONE: Final = OWN + "REMINDERS"
"""NONE in it: the calendar's default reminders do not apply either."""
_METHODS: Final = {"DISPLAY": "popup", "AUDIO": "popup", "EMAIL": "email"}
_MOST: Final = timedelta(minutes=40_320)


def reminders_json(component: Component) -> Json:
    """`reminders`; alarms that Google's shape cannot say are left out (and stay where they are)."""
    overrides = [shown for alarm in component.named("VALARM") if (shown := _reminder(alarm)) is not None]
    if overrides:
        return {"useDefault": False, "overrides": overrides}
    none = (component.value(NONE) or "").upper() == "NONE" or component.named("VALARM")
    return {"useDefault": not none}


def write_reminders(component: Component, value: Json | None, attendee: str) -> Component:
    """With these reminders; alarms that ask for the same, and those that JSON cannot say, stay as they are.

    E-mail alarms go to `attendee`, a calendar user address.
    """
    value = value or {"useDefault": True}
    overrides = [] if value.get("useDefault") else value.get("overrides") or []
    wanted = [(item.get("method") or "popup", item.get("minutes") or 0) for item in overrides]
    children = []
    for child in component.children:
        shown = _reminder(child) if child.name == "VALARM" else None
        if shown is None:
            children.append(child)
        elif (shown["method"], shown["minutes"]) in wanted:
            wanted.remove((shown["method"], shown["minutes"]))
            children.append(child)
    summary = component.value("SUMMARY") or escape_text("Reminder")
    children += [_alarm(method, minutes, summary, attendee) for method, minutes in wanted]
    none = not value.get("useDefault") and not overrides
    marked = component.with_all(NONE, [Property(NONE, "NONE")] if none else [])
    return marked.with_children(children)


def _reminder(alarm: Component) -> Json | None:
    trigger = alarm.get("TRIGGER")
    method = _METHODS.get((alarm.value("ACTION") or "").strip().upper())
    if trigger is None or method is None or (trigger.param("RELATED") or "START").upper() != "START":
        return None
    try:
        before = -parse_duration(trigger.value)
    except InvalidCalendarData:
        return None
    if not timedelta(0) <= before <= _MOST or before % timedelta(minutes=1):
        return None
    return {"method": method, "minutes": before // timedelta(minutes=1)}


def _alarm(method: str, minutes: int, summary: str, attendee: str) -> Component:
    action = "EMAIL" if method == "email" else "DISPLAY"
    properties = [
        Property("ACTION", action),
        Property("TRIGGER", format_duration(timedelta(minutes=-minutes))),
        Property("DESCRIPTION", summary),
    ]
    if action == "EMAIL":
        properties += [Property("SUMMARY", summary), Property("ATTENDEE", attendee)]
    return Component("VALARM", properties)
