# SPDX-License-Identifier: GPL-3.0-or-later
"""The methods of the API: one table for the dispatcher and for the OpenAPI document."""

from __future__ import annotations

from typing import Final

from calcore_caldav.api import (
    acl,
    calendar_list,
    changes,
    collections,
    events,
    freebusy,
    preferences,
    presence,
    watch,
)
from calcore_caldav.api.call import Parameter, Route
from calcore_caldav.api.schemas import BOOLEAN, TEXT, TIME, choice

_COUNT: Final = {"type": "integer", "minimum": 1, "maximum": 2500}
_PAGING: Final = (
    Parameter("maxResults", _COUNT, said="Items of one page, 250 where not given, 2500 at most."),
    Parameter("pageToken", TEXT, said="The nextPageToken of the page before."),
)
_SHOWN: Final = (
    Parameter("timeZone", TEXT, said="Zone in which times are shown; where not given, each in its own."),
    Parameter(
        "maxAttendees", {"type": "integer", "minimum": 1}, said="Of more attendees only oneself is shown."
    ),
    Parameter("alwaysIncludeEmail", BOOLEAN, said="Without effect: addresses are always there."),
)
_WINDOW: Final = (
    Parameter("timeMin", TIME, said="Events that end after this time (RFC 3339 with its offset)."),
    Parameter("timeMax", TIME, said="Events that start before this time (RFC 3339 with its offset)."),
    Parameter("showDeleted", BOOLEAN, said="Cancelled events and instances, too."),
)
_NOTICES: Final = (
    Parameter("sendUpdates", choice("all", "externalOnly", "none"), said="See the manual."),
    Parameter("sendNotifications", BOOLEAN, said="Old name of sendUpdates=all."),
)
_VERSIONS: Final = (
    Parameter("conferenceDataVersion", {"type": "integer", "minimum": 0, "maximum": 1}),
    Parameter("supportsAttachments", BOOLEAN),
    Parameter("eventLabelVersion", {"type": "integer", "minimum": 0, "maximum": 1}),
)
_QUERY: Final = (
    *_PAGING,
    *_SHOWN,
    *_WINDOW,
    Parameter("singleEvents", BOOLEAN, said="Instances instead of recurring events."),
    Parameter("orderBy", choice("startTime", "updated"), said="startTime needs singleEvents."),
    Parameter("q", TEXT, said="Words in summary, description, location, names and addresses."),
    Parameter("iCalUID", TEXT),
    Parameter("privateExtendedProperty", TEXT, repeated=True, said="name=value; all must be there."),
    Parameter("sharedExtendedProperty", TEXT, repeated=True, said="name=value; all must be there."),
    Parameter("eventTypes", TEXT, repeated=True),
    Parameter("showHiddenInvitations", BOOLEAN, said="Without effect: no invitation is hidden."),
    Parameter("syncToken", TEXT, said="What changed since; 410 where that is not known any more."),
    Parameter("updatedMin", TIME, said="Changed since this time, cancelled ones included."),
)
_TOLD: Final = (Parameter("sendNotifications", BOOLEAN),)
_COLOURED: Final = (Parameter("colorRgbFormat", BOOLEAN),)
_SYNC: Final = Parameter("syncToken", TEXT, said="What changed since; 410 where that is not known any more.")
_EVENT: Final = "calendars/{calendarId}/events/{eventId}"
_ENTRY: Final = "users/me/calendarList/{calendarId}"
_ONE: Final = "calendars/{calendarId}"
_RULE: Final = "calendars/{calendarId}/acl/{ruleId}"

ROUTES: Final[tuple[Route, ...]] = (
    Route("events.list", "GET", f"{_ONE}/events", events.list_events, _QUERY, None, "Events"),
    Route(
        "events.insert",
        "POST",
        f"{_ONE}/events",
        changes.insert_event,
        (*_SHOWN, *_NOTICES, *_VERSIONS),
        "Event",
        "Event",
        True,
    ),
    Route(
        "events.import",
        "POST",
        f"{_ONE}/events/import",
        changes.import_event,
        _VERSIONS,
        "Event",
        "Event",
        True,
    ),
    Route(
        "events.quickAdd",
        "POST",
        f"{_ONE}/events/quickAdd",
        changes.quick_add,
        (Parameter("text", TEXT), *_NOTICES),
        said="Refused with 501.",
    ),
    Route("events.watch", "POST", f"{_ONE}/events/watch", watch.watch_events, (), "Channel", "Channel", True),
    Route("events.get", "GET", _EVENT, events.get_event, _SHOWN, None, "Event"),
    Route(
        "events.instances",
        "GET",
        f"{_EVENT}/instances",
        events.list_instances,
        (
            *_PAGING,
            *_SHOWN,
            *_WINDOW,
            Parameter("originalStart", TEXT, said="The instance of this original start."),
        ),
        None,
        "Events",
    ),
    Route(
        "events.update",
        "PUT",
        _EVENT,
        changes.update_event,
        (*_SHOWN, *_NOTICES, *_VERSIONS),
        "Event",
        "Event",
        True,
    ),
    Route(
        "events.patch",
        "PATCH",
        _EVENT,
        changes.patch_event,
        (*_SHOWN, *_NOTICES, *_VERSIONS),
        "Event",
        "Event",
        True,
    ),
    Route("events.delete", "DELETE", _EVENT, changes.delete_event, _NOTICES, writes=True),
    Route(
        "events.move",
        "POST",
        f"{_EVENT}/move",
        changes.move_event,
        (Parameter("destination", TEXT, required=True), *_NOTICES),
        None,
        "Event",
        True,
    ),
    Route(
        "events.split",
        "POST",
        f"{_EVENT}/split",
        changes.split_event,
        (*_SHOWN, *_NOTICES),
        "Event",
        "Split",
        True,
        said="Not Google's: this instance and all following become a series of their own, changed by the body.",
    ),
    Route(
        "events.checkIn",
        "POST",
        f"{_EVENT}/checkIn",
        presence.check_in,
        (),
        None,
        "CheckIn",
        True,
        said="Not Google's: somebody is there, so the rooms of the event or instance are not released.",
    ),
    Route(
        "calendars.insert", "POST", "calendars", collections.insert_calendar, (), "Calendar", "Calendar", True
    ),
    Route("calendars.get", "GET", _ONE, collections.get_calendar, (), None, "Calendar"),
    Route("calendars.update", "PUT", _ONE, collections.update_calendar, (), "Calendar", "Calendar", True),
    Route("calendars.patch", "PATCH", _ONE, collections.patch_calendar, (), "Calendar", "Calendar", True),
    Route("calendars.delete", "DELETE", _ONE, collections.delete_calendar, writes=True),
    Route("calendars.clear", "POST", f"{_ONE}/clear", collections.clear_calendar, writes=True),
    Route(
        "calendars.transferOwnership",
        "POST",
        f"{_ONE}/transferOwnership",
        collections.transfer_ownership,
        said="Refused with 501.",
    ),
    Route(
        "calendarList.list",
        "GET",
        "users/me/calendarList",
        calendar_list.list_entries,
        (
            *_PAGING,
            Parameter("minAccessRole", choice("freeBusyReader", "reader", "writer", "owner")),
            Parameter("showHidden", BOOLEAN),
            Parameter("showDeleted", BOOLEAN),
            Parameter("showOwnOrganizationOnly", BOOLEAN),
            _SYNC,
        ),
        None,
        "CalendarList",
    ),
    Route(
        "calendarList.insert",
        "POST",
        "users/me/calendarList",
        calendar_list.insert_entry,
        _COLOURED,
        "CalendarListEntry",
        "CalendarListEntry",
        True,
    ),
    Route(
        "calendarList.watch",
        "POST",
        "users/me/calendarList/watch",
        watch.watch_refused,
        said="Refused with 501.",
    ),
    Route("calendarList.get", "GET", _ENTRY, calendar_list.get_entry, (), None, "CalendarListEntry"),
    Route(
        "calendarList.update",
        "PUT",
        _ENTRY,
        calendar_list.update_entry,
        _COLOURED,
        "CalendarListEntry",
        "CalendarListEntry",
        True,
    ),
    Route(
        "calendarList.patch",
        "PATCH",
        _ENTRY,
        calendar_list.patch_entry,
        _COLOURED,
        "CalendarListEntry",
        "CalendarListEntry",
        True,
    ),
    Route("calendarList.delete", "DELETE", _ENTRY, calendar_list.delete_entry, writes=True),
    Route(
        "acl.list",
        "GET",
        f"{_ONE}/acl",
        acl.list_rules,
        (*_PAGING, Parameter("showDeleted", BOOLEAN), _SYNC),
        None,
        "Acl",
    ),
    Route(
        "acl.insert",
        "POST",
        f"{_ONE}/acl",
        acl.insert_rule,
        _TOLD,
        "AclRule",
        "AclRule",
        True,
    ),
    Route("acl.watch", "POST", f"{_ONE}/acl/watch", watch.watch_acl, (), "Channel", "Channel", True),
    Route("acl.get", "GET", _RULE, acl.get_rule, (), None, "AclRule"),
    Route(
        "acl.update",
        "PUT",
        _RULE,
        acl.update_rule,
        _TOLD,
        "AclRule",
        "AclRule",
        True,
    ),
    Route(
        "acl.patch",
        "PATCH",
        _RULE,
        acl.update_rule,
        _TOLD,
        "AclRule",
        "AclRule",
        True,
    ),
    Route("acl.delete", "DELETE", _RULE, acl.delete_rule, writes=True),
    Route(
        "freebusy.query",
        "POST",
        "freeBusy",
        freebusy.query_free_busy,
        (),
        "FreeBusyRequest",
        "FreeBusyResponse",
    ),
    Route(
        "settings.list",
        "GET",
        "users/me/settings",
        preferences.list_settings,
        (*_PAGING, _SYNC),
        None,
        "Settings",
    ),
    Route("settings.watch", "POST", "users/me/settings/watch", watch.watch_refused, said="Refused with 501."),
    Route("settings.get", "GET", "users/me/settings/{setting}", preferences.get_setting, (), None, "Setting"),
    Route("colors.get", "GET", "colors", preferences.get_colors, (), None, "Colors"),
    Route("channels.stop", "POST", "channels/stop", watch.stop_channel, (), "Channel", writes=True),
)
