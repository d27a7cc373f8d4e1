# SPDX-License-Identifier: GPL-3.0-or-later
"""The WSGI application of /calendar/v3/: finds the route, checks the request, answers in JSON."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, unquote

from calcore_caldav.api.batch import BATCH_PATHS, answer_batch
from calcore_caldav.api.call import Call, Reply, Route, entity_tags
from calcore_caldav.api.openapi import openapi_document
from calcore_caldav.api.partial import masked, parse_mask
from calcore_caldav.api.problems import ApiProblem, invalid, not_found, problem_of, required, status_line
from calcore_caldav.api.routes import ROUTES
from calcore_caldav.api.schemas import SCHEMAS, check
from calcore_caldav.api.types import Json
from calcore_caldav.errors import CalcoreError
from calcore_caldav.scheduling.services import Services
from calcore_caldav.store.protocol import Actor

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Authenticate = Callable[[Environ], Actor | None]

ROOT: Final = "/calendar/v3"
_JSON: Final = "application/json; charset=UTF-8"
_LONGEST_BODY: Final = 10_000_000


class Message(NamedTuple):
    """A request or an answer: what a batch's part and a WSGI call have in common."""

    method: str
    path: str
    """Decoded, below the prefix; of an answer the status line."""
    query: str
    headers: Mapping[str, str]
    """Lower-case names."""
    body: bytes


class Answer(NamedTuple):
    """Status, headers, body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def api_application(services: Services, authenticate: Authenticate) -> Callable[..., Iterable[bytes]]:
    """The WSGI callable for /calendar/v3/… and /batch/calendar/v3; `authenticate` says who calls."""

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        answer = _respond(services, authenticate, environ)
        headers = [*answer.headers, ("Content-Length", str(len(answer.body)))]
        start_response(status_line(answer.status), headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    return application


def _respond(services: Services, authenticate: Authenticate, environ: Environ) -> Answer:
    base = _base_url(environ)
    path = environ.get("PATH_INFO", "")
    if path == f"{ROOT}/openapi.json" and environ["REQUEST_METHOD"] in {"GET", "HEAD"}:
        return Answer(200, (("Content-Type", _JSON),), json.dumps(openapi_document(base)).encode())
    actor = authenticate(environ)
    if actor is None or actor.principal is None:
        return problem_answer(
            ApiProblem(401, "authError", "Invalid Credentials", location="Authorization", kind="header"),
            (("WWW-Authenticate", 'Basic realm="calendar"'), ("WWW-Authenticate", 'Bearer realm="calendar"')),
        )
    try:
        body = _read_body(environ)
    except ApiProblem as problem:
        return problem_answer(problem)
    headers = {
        key[5:].replace("_", "-").lower(): str(value)
        for key, value in environ.items()
        if key.startswith("HTTP_")
    }
    headers["content-type"] = environ.get("CONTENT_TYPE", "")
    message = Message(environ["REQUEST_METHOD"], path, environ.get("QUERY_STRING", ""), headers, body)
    if path in BATCH_PATHS and message.method == "POST":
        return _batch(services, actor, base, message)
    return answer_one(services, actor, base, message)


def _batch(services: Services, actor: Actor, base: str, message: Message) -> Answer:
    def one(
        method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Iterable[tuple[str, str]], bytes]:
        path, _, query = target.partition("?")
        return answer_one(services, actor, base, Message(method, unquote(path), query, headers, body))

    try:
        content_type, body = answer_batch(message.headers["content-type"], message.body, one)
    except ApiProblem as problem:
        return problem_answer(problem)
    return Answer(200, (("Content-Type", content_type),), body)


def answer_one(services: Services, actor: Actor, base: str, message: Message) -> Answer:
    """The answer to one request, errors included."""
    try:
        message = _overridden(message)
        route, path = find_route(message.method, message.path)
        query = _query(message.query)
        mask = parse_mask(query["fields"][-1]) if "fields" in query else None
        parameters = _parameters(route, query)
        body = _json_body(route, message)
        made = _run(services, actor, base, message, route, path, parameters, body)
    except ApiProblem as problem:
        return problem_answer(problem)
    except CalcoreError as error:
        return problem_answer(problem_of(error))
    if isinstance(made, Reply):
        return Answer(made.status, (("Content-Type", _JSON), *made.headers), encode(made.body))
    if made is None:
        return Answer(204, (), b"")
    text = encode(made)
    if made.get("etag") == "":
        # A list's tag is that of its text, which is long: it is put in without writing it twice.
        made["etag"] = f'"{hashlib.sha256(text).hexdigest()[:32]}"'
        text = text.replace(b'"etag":""', b'"etag":' + json.dumps(made["etag"]).encode(), 1)
    headers: tuple[tuple[str, str], ...] = (("Content-Type", _JSON), ("Cache-Control", "no-cache"))
    tag = made.get("etag")
    if tag is not None:
        headers = (*headers, ("ETag", tag))
        known = entity_tags(message.headers.get("if-none-match")) if message.method == "GET" else None
        if known is not None and (tag in known or known == ("*",)):
            return Answer(304, headers, b"")
    return Answer(200, headers, text if mask is None else encode(masked(made, mask)))


def _run(
    services: Services,
    actor: Actor,
    base: str,
    message: Message,
    route: Route,
    path: Mapping[str, str],
    parameters: Json,
    body: Json,
) -> Json | Reply | None:
    store = services.store
    with store.write(actor) if route.writes else store.read(actor) as txn:
        return route.handle(
            Call(services, txn, actor, path, parameters, body, message.headers, base, message.method)
        )


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route of a request. Raises ApiProblem: 404, or 405 for a path that has other methods."""
    if not path.startswith(ROOT + "/"):
        raise not_found()
    allowed = []
    for pattern, route in _PATTERNS:
        match = pattern.fullmatch(path, len(ROOT) + 1)
        if match is None:
            continue
        if route.method == method or (method == "HEAD" and route.method == "GET"):
            return route, match.groupdict()
        allowed.append(route.method)
    if allowed:
        raise ApiProblem(405, "httpMethodNotAllowed", f"Use {', '.join(sorted({*allowed}))}.")
    raise not_found()


_PATTERNS: Final = [
    (re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.path)), route) for route in ROUTES
]


def _overridden(message: Message) -> Message:
    """Long queries come as a POST with a form (X-HTTP-Method-Override)."""
    method = message.headers.get("x-http-method-override")
    if message.method != "POST" or not method:
        return message
    if method.upper() != "GET":
        return message._replace(method=method.upper())
    return message._replace(method="GET", query=message.body.decode("latin-1"), body=b"")


def _query(text: str) -> dict[str, list[str]]:
    try:
        return parse_qs(text, keep_blank_values=True, errors="strict", max_num_fields=200)
    except ValueError:
        raise invalid("query", "The query is no form.") from None


def _parameters(route: Route, query: Mapping[str, list[str]]) -> Json:
    """Those that the route knows; others are ignored, as Google does."""
    made = {p.name: p.parse(query[p.name]) for p in route.parameters if p.name in query}
    for parameter in route.parameters:
        if parameter.required and not made.get(parameter.name):
            raise required(parameter.name)
    return made


def _json_body(route: Route, message: Message) -> Json:
    if route.body is None:
        return {}
    if not message.body.strip():
        raise ApiProblem(400, "required", "The request has no body.")
    try:
        body = json.loads(message.body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise ApiProblem(400, "parseError", "Parse Error") from None
    if not isinstance(body, dict):
        raise ApiProblem(400, "parseError", "The body is no JSON object.")
    check(body, SCHEMAS[route.body])
    return body


def _no_constant(text: str) -> None:
    raise ValueError(text)


def _read_body(environ: Environ) -> bytes:
    length = str(environ.get("CONTENT_LENGTH") or "0")
    if not length.isdecimal():
        raise ApiProblem(400, "badRequest", "The Content-Length is malformed.")
    if int(length) > _LONGEST_BODY:
        raise ApiProblem(413, "uploadTooLarge", f"At most {_LONGEST_BODY} octets are accepted.")
    body: bytes = environ["wsgi.input"].read(int(length)) if int(length) else b""
    return body


def _base_url(environ: Environ) -> str:
    """The URL of the API as clients know it: where a proxy says what they called, that counts."""
    own = f"{environ.get('SERVER_NAME', 'localhost')}:{environ.get('SERVER_PORT', '80')}"
    host = _first(environ, "HTTP_X_FORWARDED_HOST") or environ.get("HTTP_HOST") or own
    scheme = _first(environ, "HTTP_X_FORWARDED_PROTO") or environ.get("wsgi.url_scheme", "http")
    return f"{scheme}://{host}{environ.get('SCRIPT_NAME', '')}{ROOT}"


def _first(environ: Environ, name: str) -> str:
    """What the outermost of several proxies said."""
    return str(environ.get(name, "")).split(",")[0].strip()


def problem_answer(problem: ApiProblem, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """An error in Google's shape."""
    return Answer(problem.status, (("Content-Type", _JSON), *headers), encode(problem.to_json()))


def encode(body: Json | None) -> bytes:
    """JSON as UTF-8; text that is no Unicode loses what is none."""
    if body is None:
        return b""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
