# SPDX-License-Identifier: GPL-3.0-or-later
"""settings and colors."""

from __future__ import annotations

from functools import partial
from typing import Final

from calcore_caldav.api.calendar_list import CALENDAR_COLORS
from calcore_caldav.api.call import Call
from calcore_caldav.api.collections import tag_of
from calcore_caldav.api.fields import COLORS
from calcore_caldav.api.listing import Item
from calcore_caldav.api.pages import page_of_few
from calcore_caldav.api.problems import not_found
from calcore_caldav.api.types import Json

_CONSTANT: Final = {
    "autoAddHangouts": "false",
    "defaultEventLength": "60",
    "format24HourTime": "true",
    "hideInvitations": "false",
    "hideWeekends": "false",
    "remindOnRespondedEventsOnly": "false",
    "showDeclinedEvents": "true",
    "useKeyboardShortcuts": "true",
    "weekStart": "1",
    "dateFieldOrder": "YMD",
}


def _settings(call: Call) -> dict[str, str]:
    principal = call.actor.principal
    known = {} if principal is None else {"locale": principal.language, "timezone": principal.timezone}
    return _CONSTANT | known


def _json(id_: str, value: str) -> Json:
    made = {"kind": "calendar#setting", "id": id_, "value": value}
    return made | {"etag": tag_of(made)}


def list_settings(call: Call) -> Json:
    """Zone and language of the caller; the rest is the same for all."""
    items = [Item((id_,), partial(_json, id_, v)) for id_, v in sorted(_settings(call).items())]
    return page_of_few(call, "calendar#settings", "settings", items)


def get_setting(call: Call) -> Json:
    """One setting."""
    value = _settings(call).get(call.path["setting"])
    if value is None:
        raise not_found()
    return _json(call.path["setting"], value)


def get_colors(_: Call) -> Json:
    """The colours that colorId means."""
    return {
        "kind": "calendar#colors",
        "updated": "2012-02-14T00:00:00.000Z",
        "calendar": {k: {"background": c, "foreground": "#1d1d1d"} for k, c in CALENDAR_COLORS.items()},
        "event": {k: {"background": c, "foreground": "#1d1d1d"} for k, (c, _) in COLORS.items()},
    }
