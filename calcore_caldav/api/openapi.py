# SPDX-License-Identifier: GPL-3.0-or-later
"""The OpenAPI document, made of the same tables that check the requests."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from calcore_caldav.api.call import Parameter, Route
from calcore_caldav.api.routes import ROUTES
from calcore_caldav.api.schemas import SCHEMAS, TEXT
from calcore_caldav.api.types import Json

_ERROR: Final[Json] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "errors"],
            "properties": {
                "code": {"type": "integer"},
                "message": {"type": "string"},
                "errors": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "domain": TEXT,
                            "reason": TEXT,
                            "message": TEXT,
                            "locationType": TEXT,
                            "location": TEXT,
                        },
                    },
                },
            },
        }
    },
}
_LISTS: Final = {
    "Events": "Event",
    "CalendarList": "CalendarListEntry",
    "Acl": "AclRule",
    "Settings": "Setting",
}
_STATUSES: Final = {
    "400": "The request is wrong; the error names the field or parameter.",
    "401": "Log in with Basic or Bearer.",
    "403": "A privilege is missing.",
    "404": "There is no such thing, or it may not be seen.",
    "405": "The path has other methods.",
    "409": "The identifier exists.",
    "410": "Deleted, or a sync token that is too old.",
    "412": "If-Match does not hold.",
    "413": "The body is too long.",
    "501": "Not supported.",
    "503": "Busy: try again.",
}


def openapi_document(base_url: str) -> Json:
    """The document of the server at `base_url`."""
    return {"openapi": "3.1.0", "servers": [{"url": base_url}], **_document()}


@lru_cache(maxsize=1)
def _document() -> Json:
    paths: dict[str, Json] = {}
    for route in ROUTES:
        paths.setdefault(f"/{route.path}", {})[route.method.lower()] = _operation(route)
    return {
        "info": {
            "title": "calcore_caldav: calendars in the shapes of the Google Calendar API v3",
            "version": "v3",
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
        "security": [{"basic": []}, {"bearer": []}],
    }


def _operation(route: Route) -> Json:
    said = (route.handle.__doc__ or "").strip().split("\n")[0]
    made: Json = {
        "operationId": route.id,
        "summary": route.said or said,
        "tags": [route.id.partition(".")[0]],
        "parameters": [
            *(
                {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
                for name in re.findall(r"\{(\w+)\}", route.path)
            ),
            *map(_parameter, route.parameters),
        ],
        "responses": _responses(route),
    }
    if route.body is not None:
        schema = {"$ref": f"#/components/schemas/{route.body}"}
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return made


def _parameter(parameter: Parameter) -> Json:
    schema = {"type": "array", "items": parameter.schema} if parameter.repeated else parameter.schema
    made: Json = {"name": parameter.name, "in": "query", "schema": schema}
    if parameter.required:
        made["required"] = True
    if parameter.said:
        made["description"] = parameter.said
    return made


def _responses(route: Route) -> Json:
    error = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
    made: Json = {status: {"description": said, **error} for status, said in _STATUSES.items()}
    if route.answer is None:
        made["204"] = {"description": "Done."}
        return made
    schema = {"$ref": f"#/components/schemas/{route.answer}"}
    made["200"] = {"description": "Done.", "content": {"application/json": {"schema": schema}}}
    if route.method == "GET":
        made["304"] = {"description": "If-None-Match names what is there."}
    return made


def _schemas() -> Json:
    made: Json = {"Error": _ERROR, **{name: dict(schema) for name, schema in SCHEMAS.items()}}
    for name, item in _LISTS.items():
        properties = {
            "kind": TEXT,
            "etag": TEXT,
            "items": {"type": "array", "items": {"$ref": f"#/components/schemas/{item}"}},
            "nextPageToken": TEXT,
            "nextSyncToken": TEXT,
        }
        made[name] = {"type": "object", "required": ["kind", "items"], "properties": properties}
    event = {"$ref": "#/components/schemas/Event"}
    made["Split"] = {
        "type": "object",
        "required": ["before", "after"],
        "properties": {"kind": TEXT, "before": event, "after": event},
    }
    made["CheckIn"] = {
        "type": "object",
        "required": ["rooms"],
        "properties": {"kind": TEXT, "rooms": {"type": "array", "items": TEXT}},
    }
    made["Setting"] = {
        "type": "object",
        "properties": {"kind": TEXT, "etag": TEXT, "id": TEXT, "value": TEXT},
    }
    for name in ("FreeBusyResponse", "Colors"):
        made[name] = {"type": "object", "properties": {"kind": TEXT}}
    return made
