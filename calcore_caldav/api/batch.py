# SPDX-License-Identifier: GPL-3.0-or-later
"""Batch requests: many requests in one multipart/mixed body, each answered by itself."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import Final

from calcore_caldav.api.problems import ApiProblem, status_line

BATCH_PATHS: Final = frozenset({"/batch/calendar/v3", "/calendar/v3/batch"})
_MOST: Final = 1000
"""Requests of one batch, as the official client allows."""

One = Callable[[str, str, Mapping[str, str], bytes], tuple[int, Iterable[tuple[str, str]], bytes]]
"""(method, target, headers, body) to (status, headers, body)."""


def answer_batch(content_type: str, body: bytes, one: One) -> tuple[str, bytes]:
    """Content-Type and body of the answer. Raises ApiProblem (400) for what is no batch."""
    parsed = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + content_type.encode("latin-1", "replace") + b"\r\n\r\n" + body
    )
    if not parsed.is_multipart():
        raise ApiProblem(400, "badRequest", "A batch is multipart/mixed.")
    parts = [part for part in parsed.get_payload() if isinstance(part, Message)]
    if len(parts) > _MOST:
        raise ApiProblem(400, "badRequest", f"The batch has {len(parts)} requests, {_MOST} are allowed.")
    boundary = f"batch_{secrets.token_hex(16)}"
    lines: list[bytes] = []
    for part in parts:
        status, headers, answer = _answer_part(part, one)
        id_ = "".join(c for c in str(part.get("Content-ID", "")) if c.isprintable())
        head = [f"--{boundary}", "Content-Type: application/http"]
        if id_:
            inner = id_[1:-1] if id_.startswith("<") and id_.endswith(">") else id_
            head.append(f"Content-ID: <response-{inner}>")
        head += ["", f"HTTP/1.1 {status_line(status)}"]
        head += [f"{name}: {value}" for name, value in headers]
        head += [f"Content-Length: {len(answer)}", "", ""]
        lines += ["\r\n".join(head).encode("utf-8", "replace"), answer, b"\r\n"]
    lines.append(f"--{boundary}--\r\n".encode())
    return f"multipart/mixed; boundary={boundary}", b"".join(lines)


def _answer_part(part: Message, one: One) -> tuple[int, Iterable[tuple[str, str]], bytes]:
    if part.get_content_type() != "application/http":
        return _malformed("A part of a batch is application/http.")
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    first, _, rest = raw.lstrip().replace(b"\r\n", b"\n").partition(b"\n")
    words = first.decode("latin-1").split()
    if len(words) not in {2, 3}:
        return _malformed("The part has no request line.")
    inner = BytesParser(policy=HTTP).parsebytes(rest)
    content = inner.get_payload(decode=True)
    headers = {name.lower(): str(value) for name, value in inner.items()}
    target = words[1]
    if target.startswith(("http://", "https://")):
        target = "/" + target.split("/", 3)[3] if target.count("/") > 2 else "/"
    return one(words[0].upper(), target, headers, content if isinstance(content, bytes) else b"")


def _malformed(sentence: str) -> tuple[int, Iterable[tuple[str, str]], bytes]:
    body = b'{"error":{"code":400,"message":"%s","errors":[{"domain":"batch","reason":"badRequest"}]}}'
    return 400, (("Content-Type", "application/json"),), body % sentence.encode()
