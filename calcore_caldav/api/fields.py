# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields of an event, one line each: how a VEVENT holds them, both ways (RFC 5545 §3.8, RFC 7986).

What iCalendar has no property for is kept in `X-JSON-…` as JSON text. `X-CALCORE-…` is the calendar
user's own business and goes into no message.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from calcore_caldav.api.types import Json
from calcore_caldav.core import guests
from calcore_caldav.core.content import Component, Property, escape_text

PREFIX: Final = "X-JSON-"
OWN: Final = "X-CALCORE-JSON-"
COLORS: Final[Mapping[str, tuple[str, str]]] = {
    "1": ("#a4bdfc", "cornflowerblue"),
    "2": ("#7ae7bf", "mediumaquamarine"),
    "3": ("#dbadff", "plum"),
    "4": ("#ff887c", "salmon"),
    "5": ("#fbd75b", "gold"),
    "6": ("#ffb878", "sandybrown"),
    "7": ("#46d6db", "mediumturquoise"),
    "8": ("#e1e1e1", "lightgray"),
    "9": ("#5484ed", "royalblue"),
    "10": ("#51b749", "mediumseagreen"),
    "11": ("#dc2127", "crimson"),
}
"""Google's event colours: colorId to its background, and to the CSS name of RFC 7986 COLOR."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: the properties that hold it, and how."""

    name: str
    properties: tuple[str, ...]
    read: Callable[[Component], Any]
    """The JSON value; None: absent."""
    write: Callable[[Any], Iterable[Property]]
    """The properties of a value that is not None."""


def _text(name: str, prop: str) -> Field:
    return Field(
        name, (prop,), lambda c: c.text(prop) or None, lambda v: [Property(prop, escape_text(v))] if v else []
    )


def _word(name: str, prop: str, words: Mapping[str, str], default: str, *, shown: bool = False) -> Field:
    """An enumeration; the default is left out of the JSON unless `shown`."""
    names = {word: value for value, word in words.items()}

    def read(component: Component) -> str | None:
        found = names.get((component.value(prop) or "").strip().upper(), default)
        return found if shown or found != default else None

    def write(value: str) -> list[Property]:
        return [Property(prop, words[value])] if value in words and value != default else []

    return Field(name, (prop,), read, write)


def _kept(name: str, prop: str) -> Field:
    """A value without counterpart, as JSON text."""

    def read(component: Component) -> Any:
        text = component.text(prop)
        if text is None:
            return None
        try:
            return json.loads(text)
        except ValueError:
            return None

    return Field(name, (prop,), read, lambda v: [Property(prop, escape_text(json_text(v)))])


def json_text(value: Any) -> str:
    """`value` as JSON, always in one way."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), sort_keys=True)


def _read_color(component: Component) -> str | None:
    own = component.text(OWN + "COLOR-ID")
    named = (component.value("COLOR") or "").strip().lower()
    return own or next((key for key, (_, css) in COLORS.items() if css == named), None)


def _write_color(value: str) -> list[Property]:
    if value in COLORS:
        return [Property("COLOR", COLORS[value][1])]
    return [Property(OWN + "COLOR-ID", escape_text(value))] if value else []


def _read_source(component: Component) -> Json | None:
    prop = component.get("URL")
    if prop is None:
        return None
    title = component.text(OWN + "SOURCE-TITLE")
    return {"url": prop.value} | ({"title": title} if title else {})


def _write_source(value: Json) -> list[Property]:
    made = [Property("URL", _uri(value["url"]))] if value.get("url") else []
    title = [Property(OWN + "SOURCE-TITLE", escape_text(value["title"]))] if value.get("title") else []
    return made + title


def _uri(text: str) -> str:
    return "".join(c for c in text if c.isprintable())


_ATTACHMENT: Final = (
    ("mimeType", "FMTTYPE"),
    ("title", "FILENAME"),
    ("iconLink", "X-ICON-LINK"),
    ("fileId", "X-FILE-ID"),
)


def is_link(prop: Property) -> bool:
    """Whether an ATTACH is a URI, not data in the calendar."""
    return prop.name == "ATTACH" and (prop.param("VALUE") or "").upper() != "BINARY"


def _read_attachments(component: Component) -> list[Json] | None:
    made = []
    for prop in component.all("ATTACH"):
        if is_link(prop):
            item = {"fileUrl": prop.value}
            item |= {field: value for field, param in _ATTACHMENT if (value := prop.param(param))}
            made.append(item)
    return made or None


def _write_attachments(value: Iterable[Json]) -> list[Property]:
    made = []
    for item in value:
        if item.get("fileUrl"):
            prop = Property("ATTACH", _uri(item["fileUrl"]))
            for field, param in _ATTACHMENT:
                if item.get(field):
                    prop = prop.with_param(param, item[field])
            made.append(prop)
    return made


_EXTENDED: Final = (("private", OWN + "PROPERTY"), ("shared", PREFIX + "PROPERTY"))


def _read_extended(component: Component) -> Json | None:
    made = {}
    for scope, name in _EXTENDED:
        found = {prop.param("X-KEY") or "": prop.text for prop in component.all(name)}
        if found:
            made[scope] = found
    return made or None


def _write_extended(value: Json) -> list[Property]:
    return [
        Property(name, escape_text(text)).with_param("X-KEY", key)
        for scope, name in _EXTENDED
        for key, text in (value.get(scope) or {}).items()
        if text is not None
    ]


STATUSES: Final = {"confirmed": "CONFIRMED", "tentative": "TENTATIVE", "cancelled": "CANCELLED"}
FLAGS: Final[Mapping[str, tuple[str, bool]]] = {
    "guestsCanInviteOthers": (guests.INVITE, True),
    "guestsCanModify": (guests.MODIFY, False),
    "guestsCanSeeOtherGuests": (guests.SEE, True),
    "anyoneCanAddSelf": (PREFIX + "ANYONE-CAN-ADD-SELF", False),
    "endTimeUnspecified": (PREFIX + "END-TIME-UNSPECIFIED", False),
    "privateCopy": (PREFIX + "PRIVATE-COPY", False),
}
"""Truth values: their property, and what holds where it is absent."""


def _flag(name: str, prop: str, default: bool) -> Field:  # noqa: FBT001
    def read(component: Component) -> bool | None:
        text = (component.value(prop) or "").strip().upper()
        value = text == "TRUE" if text in {"TRUE", "FALSE"} else default
        return None if value is default else value

    return Field(
        name, (prop,), read, lambda v: [] if v is default else [Property(prop, "TRUE" if v else "FALSE")]
    )


KEPT: Final[Mapping[str, str]] = {
    "conferenceData": PREFIX + "CONFERENCE-DATA",
    "hangoutLink": PREFIX + "HANGOUT-LINK",
    "eventType": PREFIX + "EVENT-TYPE",
    "eventLabelId": OWN + "EVENT-LABEL-ID",
    "gadget": PREFIX + "GADGET",
    "birthdayProperties": PREFIX + "BIRTHDAY-PROPERTIES",
    "focusTimeProperties": PREFIX + "FOCUS-TIME-PROPERTIES",
    "outOfOfficeProperties": PREFIX + "OUT-OF-OFFICE-PROPERTIES",
    "workingLocationProperties": PREFIX + "WORKING-LOCATION-PROPERTIES",
}
"""Fields that iCalendar knows nothing of, and the properties that keep their JSON."""

FIELDS: Final[tuple[Field, ...]] = (
    _word("status", "STATUS", STATUSES, "confirmed", shown=True),
    _text("summary", "SUMMARY"),
    _text("description", "DESCRIPTION"),
    _text("location", "LOCATION"),
    Field("colorId", ("COLOR", OWN + "COLOR-ID"), _read_color, _write_color),
    _word("transparency", "TRANSP", {"opaque": "OPAQUE", "transparent": "TRANSPARENT"}, "opaque"),
    _word(
        "visibility",
        "CLASS",
        {"public": "PUBLIC", "private": "PRIVATE", "confidential": "CONFIDENTIAL"},
        "default",
    ),
    Field("source", ("URL", OWN + "SOURCE-TITLE"), _read_source, _write_source),
    Field("attachments", ("ATTACH",), _read_attachments, _write_attachments),
    Field("extendedProperties", tuple(name for _, name in _EXTENDED), _read_extended, _write_extended),
    *(_flag(name, prop, default) for name, (prop, default) in FLAGS.items()),
    *(_kept(name, prop) for name, prop in KEPT.items()),
)


def flag(component: Component, name: str) -> bool:
    """One of FLAGS, with its default."""
    prop, default = FLAGS[name]
    text = (component.value(prop) or "").strip().upper()
    return text == "TRUE" if text in {"TRUE", "FALSE"} else default


def write_field(component: Component, field: Field, value: Any) -> Component:
    """The component with one field set; None removes it."""
    new = [] if value is None else [*field.write(value)]
    if field.name == "attachments":
        new += [prop for prop in component.all("ATTACH") if not is_link(prop)]
    for name in field.properties:
        component = component.with_all(name, [prop for prop in new if prop.name == name])
    return component
